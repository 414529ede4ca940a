// Package reconcile is the loop that keeps the table true to the folder. It is the only package that knows all the
// others. Run and Reconcile make an Agent of a Config. The scheduler of an Agent says when passes are made; a pass
// compares directory, index and table (package diff) and has what differs examined (package ingest), as a watcher does
// for each event; the delivery (package store) sends what comes of that.
package reconcile

import (
	"cmp"
	"log/slog"
	"slices"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// syncSource is what the column sync_source says of rows that this agent makes.
const syncSource = "gfxsync"

// Config is all that an Agent needs to know. Zero values of the optional fields take the defaults of the design.
type Config struct {
	Roots   []hashindex.Root // required; the labels distinct, and empty only for a single one
	QueueDB string           // required: path of the SQLite file
	Remote  store.Table      // required; the caller closes it
	// OnConflict, if it is set, has Delivery.Conflict and SessionRequired found out from the server: Remote is a
	// RuledTable then.
	OnConflict *store.ConflictSetting
	// SessionRequired says that the table takes no row without a session.
	SessionRequired bool
	Pattern         watch.Pattern
	NoWatch         bool // find changes without events
	HotScans        HotScans
	Hash            hashindex.Algorithm
	MaxFileSize     int64         // bytes; default 64 MiB
	MaxRetries      int           // default 5
	SettleLimit     time.Duration // how long an incomplete file may stay the same before it is invalid; default 5 s
	PCID            string        // the column gfx_pc_id of files whose root has no label
	FullReaders     int           // how many files a full pass reads at a time; default 2
	Schedules       Schedules
	// DeleteSuperseded deletes the rows of older versions of files. Nothing else is ever deleted in the table.
	DeleteSuperseded bool
	Delivery         store.DeliveryOptions
	Logger           *slog.Logger // default: none
	Observer         Observer     // is told of Run; default: none

	committed func(synced bool) // state.Options.Committed; may be nil
}

func (c *Config) setDefaults() {
	c.MaxFileSize = cmp.Or(c.MaxFileSize, 64<<20)
	c.MaxRetries = cmp.Or(c.MaxRetries, 5)
	c.FullReaders = cmp.Or(c.FullReaders, 2)
	c.SettleLimit = cmp.Or(c.SettleLimit, 5*time.Second)
	c.Delivery.QueueInterval = cmp.Or(c.Delivery.QueueInterval, time.Minute)
	c.Delivery.BatchSize = cmp.Or(c.Delivery.BatchSize, 500)
	c.HotScans = c.HotScans.WithDefaults()
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.Delivery.Logger = c.Logger
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	c.Roots = slices.Clone(c.Roots)
	for i := range c.Roots {
		c.Roots[i].Live = new(hashindex.Liveness)
	}
}
