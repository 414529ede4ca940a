package store

import (
	"context"
	"sync"
)

// claims are what is on its way to the remote: the records of one path, and those of one session where a session is a
// row, go one after the other. The zero value is ready for use.
type claims struct {
	bySession bool
	hashes    map[Source]string
	sessions  map[int64]int
}

func newClaims(k ConflictKey) claims {
	return claims{bySession: k == BySession, hashes: map[Source]string{}, sessions: map[int64]int{}}
}

func (c *claims) busy(it *Item) bool {
	if _, busy := c.hashes[it.Source]; busy {
		return true
	}
	return c.bySession && it.Record.SessionID != nil && c.sessions[*it.Record.SessionID] > 0
}

func (c *claims) anyBusy(items []Item) bool {
	for i := range items {
		if c.busy(&items[i]) {
			return true
		}
	}
	return false
}

func (c *claims) take(items []Item) {
	for i := range items {
		it := &items[i]
		c.hashes[it.Source] = it.Record.FileHash
		if c.bySession && it.Record.SessionID != nil {
			c.sessions[*it.Record.SessionID]++
		}
	}
}

func (c *claims) release(items []Item) {
	for i := range items {
		it := &items[i]
		delete(c.hashes, it.Source)
		if !c.bySession || it.Record.SessionID == nil {
			continue
		}
		if c.sessions[*it.Record.SessionID]--; c.sessions[*it.Record.SessionID] == 0 {
			delete(c.sessions, *it.Record.SessionID)
		}
	}
}

// signal wakes all that wait on it. The zero value is ready for use.
type signal struct {
	mu sync.Mutex
	c  chan struct{}
}

// next returns a channel that the next call of send closes. Take it before you look whether there is something to do.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		s.c = make(chan struct{})
	}
	return s.c
}

func (s *signal) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		close(s.c)
		s.c = nil
	}
}

// claim waits until none of the items is in the way of one that is in flight, and claims them. It says whether it
// could before ctx ended.
func (d *Delivery) claim(ctx context.Context, items []Item) bool {
	for {
		changed := d.changed.next()
		if d.tryClaim(items) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (d *Delivery) tryClaim(items []Item) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.claims.anyBusy(items) {
		return false
	}
	d.claims.take(items)
	return true
}

// release gives up the claim on items that were delivered, or wait in the queue.
func (d *Delivery) release(items []Item) {
	d.mu.Lock()
	d.claims.release(items)
	d.mu.Unlock()
	d.changed.send()
}
