package demo

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
)

// cable is the connection to the table. It can be cut, and it records when each content became a row.
type cable struct {
	*local.Remote
	cut       atomic.Bool
	refused   atomic.Int64 // requests while it was cut
	requests  atomic.Int64 // acknowledged upserts
	rows      atomic.Int64 // in these upserts
	committed sync.Map     // by hash: when the table first acknowledged the content
}

func (c *cable) resetCounters() {
	c.refused.Store(0)
	c.requests.Store(0)
	c.rows.Store(0)
}

func (c *cable) refuse() error {
	c.refused.Add(1)
	return &store.RemoteError{Class: store.Outage, Message: "the demo has cut the cable"}
}

// Ping implements store.Remote.
func (c *cable) Ping(ctx context.Context) error {
	if c.cut.Load() {
		return c.refuse()
	}
	return c.Remote.Ping(ctx)
}

// Upsert implements store.Remote.
func (c *cable) Upsert(ctx context.Context, records []store.Record) error {
	if c.cut.Load() {
		return c.refuse()
	}
	if err := c.Remote.Upsert(ctx, records); err != nil {
		return err
	}
	now := time.Now()
	c.requests.Add(1)
	c.rows.Add(int64(len(records)))
	for i := range records {
		c.committed.LoadOrStore(records[i].FileHash, now)
	}
	return nil
}

// committedAt returns when the save became a row, or the zero time.
func (c *cable) committedAt(s *save) time.Time {
	at, _ := c.committed.Load(s.hash)
	t, _ := at.(time.Time)
	return t
}
