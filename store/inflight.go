package store

import (
	"context"
	"sync"

	"github.com/gfxsync/gfxsync/store/fileid"
)

// inFlight holds what is on its way to the remote. Two records of one path are never on their way at the same time.
// With BySession, this is also true of two records of one session.
type inFlight struct {
	bySession bool
	hashes    map[fileid.ID]string
	sessions  map[int64]int // number of records of each session
}

func newInFlight(k ConflictKey) inFlight {
	return inFlight{bySession: k == BySession, hashes: map[fileid.ID]string{}, sessions: map[int64]int{}}
}

// blocks reports whether a record of the same path or session is on its way.
func (f *inFlight) blocks(it *Item) bool {
	if _, ok := f.hashes[it.Source]; ok {
		return true
	}
	return f.bySession && it.Record.SessionID != nil && f.sessions[*it.Record.SessionID] > 0
}

func (f *inFlight) blocksAny(items []Item) bool {
	for i := range items {
		if f.blocks(&items[i]) {
			return true
		}
	}
	return false
}

func (f *inFlight) add(items []Item) {
	for i := range items {
		it := &items[i]
		f.hashes[it.Source] = it.Record.FileHash
		if f.bySession && it.Record.SessionID != nil {
			f.sessions[*it.Record.SessionID]++
		}
	}
}

func (f *inFlight) remove(items []Item) {
	for i := range items {
		it := &items[i]
		delete(f.hashes, it.Source)
		if !f.bySession || it.Record.SessionID == nil {
			continue
		}
		if f.sessions[*it.Record.SessionID]--; f.sessions[*it.Record.SessionID] == 0 {
			delete(f.sessions, *it.Record.SessionID)
		}
	}
}

// signal wakes all goroutines that wait for it. The zero value is ready to use.
type signal struct {
	mu sync.Mutex
	c  chan struct{}
}

// next returns a channel that the next call of send closes. Call it before looking for work: then no signal is missed.
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

// claim waits until nothing in flight blocks the items, and adds them to what is in flight. It returns false if ctx
// ends before that.
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
	if d.inFlight.blocksAny(items) {
		return false
	}
	d.inFlight.add(items)
	return true
}

// release removes items from what is in flight. They were delivered or wait in the queue.
func (d *Delivery) release(items []Item) {
	d.mu.Lock()
	d.inFlight.remove(items)
	d.mu.Unlock()
	d.changed.send()
}
