package main

import (
	"context"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
)

// cable is the way to the table: it can be cut, and it notes when each content became a row.
type cable struct {
	*local.Remote

	mu        sync.Mutex
	isCut     bool
	committed map[string]time.Time // by hash: when the table first acknowledged it
	traffic   traffic
}

// traffic counts what went through a cable.
type traffic struct {
	requests int // acknowledged ones
	rows     int // in those
	refused  int // requests and signs of life that ended where it was cut
}

var _ store.Remote = (*cable)(nil)

func newCable(table *local.Remote) *cable {
	return &cable{Remote: table, committed: map[string]time.Time{}}
}

func (c *cable) cut()  { c.set(true) }
func (c *cable) mend() { c.set(false) }

func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = cut
}

// pass fails where the cable is cut.
func (c *cable) pass() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isCut {
		return nil
	}
	c.traffic.refused++
	return &store.RemoteError{Class: store.Outage, Message: "the demo has cut the cable"}
}

// Upsert implements store.Remote.
func (c *cable) Upsert(ctx context.Context, records []store.Record) error {
	if err := c.pass(); err != nil {
		return err
	}
	if err := c.Remote.Upsert(ctx, records); err != nil {
		return err
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.traffic.requests++
	c.traffic.rows += len(records)
	for i := range records {
		if hash := records[i].FileHash; c.committed[hash].IsZero() {
			c.committed[hash] = now
		}
	}
	return nil
}

// Ping implements store.Remote.
func (c *cable) Ping(ctx context.Context) error {
	if err := c.pass(); err != nil {
		return err
	}
	return c.Remote.Ping(ctx)
}

// committedAt returns when that content became a row; zero: it has not.
func (c *cable) committedAt(hash string) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.committed[hash]
}

// since returns what has gone through since an earlier count.
func (c *cable) since(before traffic) traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.traffic
	return traffic{requests: t.requests - before.requests, rows: t.rows - before.rows, refused: t.refused - before.refused}
}
