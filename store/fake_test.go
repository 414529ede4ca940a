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

// rig is a Delivery with a fake remote and a fake outbox.
type rig struct {
	*store.Delivery
	t      *testing.T
	remote *fakeRemote
	outbox *fakeOutbox
	stop   context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	added    int
	done     map[int]int // calls of Done, by the number of the item
	circuits []store.Circuit
}

// deliver runs the test with a Delivery in a synctest bubble. Afterwards it stops the Delivery. Done must have been
// called exactly once for every item.
func deliver(t *testing.T, opts store.DeliveryOptions, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{
			t: t, done: map[int]int{}, ended: make(chan struct{}),
			remote: &fakeRemote{t: t, start: time.Now(), rows: map[string]store.Record{}},
			outbox: newFakeOutbox(),
		}
		opts.OnCircuit = func(c store.Circuit) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.circuits = append(r.circuits, c)
		}
		r.Delivery = store.NewDelivery(r.remote, r.outbox, opts)
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

// add adds a record of this size to the Delivery.
func (r *rig) add(lane store.Lane, path, hash string, size int) {
	r.mu.Lock()
	n := r.added
	r.added++
	r.mu.Unlock()
	r.Add(store.Item{
		Source: source(path), Lane: lane, At: time.Now(),
		Record: store.Record{FileHash: hash, NASPath: path, RawJSON: []byte(`{"x":"` + strings.Repeat("x", size) +
			`"}`)},
		Done: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.done[n]++
		},
	})
}

// openBatchWindow sends a modified file. Later modified files then wait until the interval is over or Flush is called.
// The fakes forget the file.
func (r *rig) openBatchWindow() {
	r.modified("first.json", "000")
	r.after(0)
	r.wantCalls(1)
	r.remote.forget()
	r.outbox.forget()
}

func (r *rig) created(path, hash string)  { r.add(store.LaneCreated, path, hash, 0) }
func (r *rig) modified(path, hash string) { r.add(store.LaneModified, path, hash, 0) }

// many adds the records of n files. They are called prefix000 and so on.
func (r *rig) many(lane store.Lane, prefix string, n int) {
	for i := range n {
		r.add(lane, fmt.Sprintf("%s%03d.json", prefix, i), fmt.Sprintf("%s%03d", prefix, i), 0)
	}
}

// after lets fake time pass, and waits for everything that happens in it.
func (r *rig) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantCalls fails unless the remote has had this number of requests so far.
func (r *rig) wantCalls(n int) []*call {
	r.t.Helper()
	calls := r.remote.seen()
	if len(calls) != n {
		var list []string
		for _, c := range calls {
			list = append(list, fmt.Sprintf("%v: %d records, ping %v", c.at, len(c.hashes), c.ping))
		}
		r.t.Fatalf("after %v: %d requests, want %d\n%s", time.Since(r.remote.start), len(calls), n,
			strings.Join(list, "\n"))
	}
	return calls
}

// wantOutbox fails unless these are the numbers of records in each state.
func (r *rig) wantOutbox(acked, refused, queued int) {
	r.t.Helper()
	a, f, q := r.outbox.totals()
	if len(a) != acked || len(f) != refused || q != queued {
		r.t.Errorf("acknowledged, refused, queued = %d, %d, %d, want %d, %d, %d", len(a), len(f), q, acked, refused,
			queued)
	}
}
