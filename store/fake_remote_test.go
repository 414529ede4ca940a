package store_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// call is one request to the fake remote.
type call struct {
	at, end time.Duration // since the start of the test
	ping    bool
	hashes  []string
	records []store.Record
}

// fakeRemote answers as the test says. It checks what store.Remote promises about its arguments.
type fakeRemote struct {
	t       *testing.T
	start   time.Time
	latency time.Duration
	hang    bool                       // do not answer before the context ends
	answer  func(n int, c *call) error // answer of the n-th call; nil: success

	mu       sync.Mutex
	calls    []*call
	rows     map[string]store.Record
	inFlight int
	most     int // largest number of requests at the same time
}

func (f *fakeRemote) Upsert(ctx context.Context, records []store.Record) error {
	c := &call{records: records}
	for i := range records {
		c.hashes = append(c.hashes, records[i].FileHash)
	}
	if len(records) == 0 || !slices.IsSorted(c.hashes) || len(slices.Compact(slices.Clone(c.hashes))) != len(records) {
		f.t.Errorf("the records of a request are to be at least one, distinct and sorted by hash: %v", c.hashes)
	}
	return f.do(ctx, c)
}

func (f *fakeRemote) Ping(ctx context.Context) error { return f.do(ctx, &call{ping: true}) }

func (f *fakeRemote) Close() error { return nil }

func (f *fakeRemote) do(ctx context.Context, c *call) error {
	f.mu.Lock()
	n := len(f.calls)
	c.at = time.Since(f.start)
	f.calls = append(f.calls, c)
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	f.mu.Unlock()
	err := f.pause(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight--
	c.end = time.Since(f.start)
	if err == nil && f.answer != nil {
		err = f.answer(n, c)
	}
	if err == nil {
		for _, r := range c.records {
			f.rows[r.FileHash] = r
		}
	}
	return err
}

func (f *fakeRemote) pause(ctx context.Context) error {
	if f.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if f.latency == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(f.latency):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeRemote) seen() []*call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeRemote) has(hash string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.rows[hash]
	return ok
}

// say changes the answer of later calls.
func (f *fakeRemote) say(answer func(n int, c *call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func failure(c store.Class) error { return &store.RemoteError{Class: c, Message: "made up"} }

func always(c store.Class) func(int, *call) error {
	return func(int, *call) error { return failure(c) }
}

// refusing is a remote that refuses these records.
func refusing(bad func(hash string) bool) func(int, *call) error {
	return func(_ int, c *call) error {
		if slices.ContainsFunc(c.hashes, bad) {
			return failure(store.Rejected)
		}
		return nil
	}
}

func (f *fakeRemote) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
}
