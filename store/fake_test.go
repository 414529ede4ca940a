package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// rig is a Delivery between a fake remote and a fake ledger.
type rig struct {
	*store.Delivery
	t      *testing.T
	remote *fakeRemote
	ledger *fakeLedger
	stop   context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	added    int
	done     map[int]int // calls of Done, by the number of the item
	circuits []store.Circuit
}

// deliver runs the test in a synctest bubble with a Delivery. When the test is over, the Delivery is stopped, and Done must have
// been called exactly once for every item.
func deliver(t *testing.T, opts store.DeliveryOptions, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			t: t, done: map[int]int{}, ended: make(chan struct{}),
			remote: &fakeRemote{t: t, start: time.Now(), rows: map[string]store.Record{}},
			ledger: newFakeLedger(),
		}
		opts.OnCircuit = func(c store.Circuit) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.circuits = append(r.circuits, c)
		}
		r.Delivery = store.NewDelivery(r.remote, r.ledger, opts)
		ctx, cancel := context.WithCancel(t.Context())
		r.stop = cancel
		go func() {
			defer close(r.ended)
			r.Run(ctx)
		}()
		synctest.Wait()
		test(r)
		cancel()
		<-r.ended
		r.checkDone()
	})
}

func (r *rig) checkDone() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := range r.added {
		if r.done[n] != 1 {
			r.t.Errorf("Done was called %d times for item %d of %d", r.done[n], n, r.added)
		}
	}
}

// add gives the Delivery a record of some bytes; its hash is its content.
func (r *rig) add(lane store.Lane, path, hash string, size int) {
	r.mu.Lock()
	n := r.added
	r.added++
	r.mu.Unlock()
	r.Add(store.Item{
		Source: source(path), Lane: lane, At: time.Now(),
		Record: store.Record{FileHash: hash, NASPath: path, RawJSON: []byte(`{"x":"` + strings.Repeat("x", size) + `"}`)},
		Done: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.done[n]++
		},
	})
}

// gather sends a modified file, so that the next ones gather until the interval is over or Flush is called, and
// forgets about it.
func (r *rig) gather() {
	r.modified("first.json", "000")
	r.after(0)
	r.wantCalls(1)
	r.remote.forget()
	r.ledger.forget()
}

func (r *rig) created(path, hash string)  { r.add(store.LaneCreated, path, hash, 0) }
func (r *rig) modified(path, hash string) { r.add(store.LaneModified, path, hash, 0) }

// many adds n records of as many files, named by a prefix: prefix000 and so on.
func (r *rig) many(lane store.Lane, prefix string, n int) {
	for i := range n {
		r.add(lane, fmt.Sprintf("%s%03d.json", prefix, i), fmt.Sprintf("%s%03d", prefix, i), 0)
	}
}

// after lets virtual time pass, and everything that is to happen in it.
func (r *rig) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantCalls fails unless the remote has had that many requests so far.
func (r *rig) wantCalls(n int) []*call {
	r.t.Helper()
	calls := r.remote.seen()
	if len(calls) != n {
		var list []string
		for _, c := range calls {
			list = append(list, fmt.Sprintf("%v: %d records, ping %v", c.at, len(c.hashes), c.ping))
		}
		r.t.Fatalf("after %v: %d requests, want %d\n%s", time.Since(r.remote.start), len(calls), n, strings.Join(list, "\n"))
	}
	return calls
}

// wantLedger fails unless the ledger has so many records in each place.
func (r *rig) wantLedger(acked, refused, queued int) {
	r.t.Helper()
	a, f, q := r.ledger.totals()
	if len(a) != acked || len(f) != refused || q != queued {
		r.t.Errorf("acknowledged, refused, queued = %d, %d, %d, want %d, %d, %d", len(a), len(f), q, acked, refused, queued)
	}
}
