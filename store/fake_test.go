package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// call is one request that the fake remote has had.
type call struct {
	at, end time.Duration // since the rig was made
	ping    bool
	hashes  []string
	records []store.Record
}

// fakeRemote answers as the test says, and checks what the interface promises it.
type fakeRemote struct {
	t       *testing.T
	start   time.Time
	latency time.Duration
	hang    bool                       // answer only when the context ends
	answer  func(n int, c *call) error // of the n-th call; nil: all is well

	mu       sync.Mutex
	calls    []*call
	rows     map[string]store.Record
	inFlight int
	most     int // requests at one time
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

// say changes the answer from now on.
func (f *fakeRemote) say(answer func(n int, c *call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func failure(c store.Class) error { return &store.RemoteError{Class: c, Message: "made up"} }

func always(c store.Class) func(int, *call) error {
	return func(int, *call) error { return failure(c) }
}

// refusing is a remote that will not have some records.
func refusing(bad func(hash string) bool) func(int, *call) error {
	return func(_ int, c *call) error {
		if slices.ContainsFunc(c.hashes, bad) {
			return failure(store.Rejected)
		}
		return nil
	}
}

// queueStep is how many entries the fake ledger hands out at a time.
const queueStep = 50

var errDisk = errors.New("disk full")

// fakeLedger is index and queue in memory.
type fakeLedger struct {
	mu                     sync.Mutex
	broken                 bool
	acked, refused, waited []string // "path@hash", in order
	causes                 []error  // of waited
	queue                  []store.Item
	ids                    map[string]int  // of every hash that was ever queued
	tried                  int64           // a clock of the attempts
	retries                map[string]int  // by hash: refusals that were counted
	blocked                map[string]bool // by hash: not due before the next interval
}

func newFakeLedger() *fakeLedger {
	return &fakeLedger{ids: map[string]int{}, retries: map[string]int{}, blocked: map[string]bool{}}
}

func id(it *store.Item) string { return it.Source.Path + "@" + it.Record.FileHash }

func (l *fakeLedger) Wanted(_ context.Context, items []store.Item) ([]store.Item, error) {
	return items, nil
}

func (l *fakeLedger) Acknowledged(_ context.Context, items []store.Item) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return errDisk
	}
	for i := range items {
		l.acked = append(l.acked, id(&items[i]))
		l.take(items[i].Record.FileHash)
	}
	for i := range l.queue {
		if p := &l.queue[i].Place; p.Suspicion == store.Unproven {
			p.Suspicion = store.Proven
		}
	}
	return nil
}

func (l *fakeLedger) take(hash string) {
	l.queue = slices.DeleteFunc(l.queue, func(it store.Item) bool { return it.Record.FileHash == hash })
}

func (l *fakeLedger) Waiting(ctx context.Context, items []store.Item, cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return errDisk
	}
	if err := ctx.Err(); err != nil {
		return err // as a database would
	}
	for i := range items {
		l.waited, l.causes = append(l.waited, id(&items[i])), append(l.causes, cause)
		l.put(items[i])
	}
	return nil
}

func (l *fakeLedger) put(it store.Item) {
	hash := it.Record.FileHash
	if slices.ContainsFunc(l.queue, func(q store.Item) bool { return q.Record.FileHash == hash }) {
		return
	}
	it.Lane, it.Done = store.LaneQueue, nil
	l.ids[hash] = len(l.ids) + 1
	it.Place = store.QueuePlace{ID: int64(l.ids[hash])}
	l.queue = append(l.queue, it)
}

// maxRetries is how many refusals make a record dead.
const maxRetries = 5

// Refused keeps the record in the queue, but it is not due before interval is called.
func (l *fakeLedger) Refused(_ context.Context, it store.Item, _ error) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return false, errDisk
	}
	return l.refuse(it), nil
}

func (l *fakeLedger) refuse(it store.Item) (dead bool) {
	hash := it.Record.FileHash
	l.refused = append(l.refused, id(&it))
	l.put(it)
	l.blocked[hash] = true
	l.retries[hash]++
	l.entry(hash).Place.Refused = true
	return l.retries[hash] >= maxRetries
}

func (l *fakeLedger) Suspect(_ context.Context, it store.Item, cause error, proven bool) (store.Blame, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return store.BlameRemote, errDisk
	}
	hash := it.Record.FileHash
	l.put(it)
	entry := l.entry(hash)
	before := entry.Place.Suspicion
	l.tried++
	entry.Place.Suspicion, entry.Place.Tried = store.Unproven, l.tried
	switch {
	case !proven && before != store.Proven:
		l.waited, l.causes = append(l.waited, id(&it)), append(l.causes, cause)
		return store.BlameRemote, nil
	case l.refuse(it):
		return store.BlameRecordDead, nil
	}
	return store.BlameRecord, nil
}

func (l *fakeLedger) entry(hash string) *store.Item {
	i := slices.IndexFunc(l.queue, func(q store.Item) bool { return q.Record.FileHash == hash })
	return &l.queue[i]
}

// interval makes due what was refused, unless it is dead.
func (l *fakeLedger) interval() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for hash := range l.blocked {
		l.blocked[hash] = l.retries[hash] >= maxRetries
	}
}

func (l *fakeLedger) Repeatable(context.Context, store.Item) (bool, error) { return true, nil }

func (l *fakeLedger) Due(_ context.Context, after store.QueuePlace, most int) ([]store.Item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return nil, errDisk
	}
	order := slices.Clone(l.queue)
	slices.SortStableFunc(order, func(a, b store.Item) int { return comparePlaces(a.Place, b.Place) })
	var items []store.Item
	for _, it := range order {
		if comparePlaces(it.Place, after) > 0 && !l.blocked[it.Record.FileHash] && len(items) < min(queueStep, most) {
			items = append(items, it)
		}
	}
	return items, nil
}

func comparePlaces(a, b store.QueuePlace) int {
	suspect := func(p store.QueuePlace) int {
		if p.Suspicion == store.NotSuspect {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(suspect(a), suspect(b)), cmp.Compare(a.Tried, b.Tried), cmp.Compare(a.ID, b.ID))
}

func (l *fakeLedger) setBroken(broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = broken
}

// totals returns how many records were acknowledged, how many refusals counted, and how many records wait that were
// not refused.
func (l *fakeLedger) totals() (acked, refused []string, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.queue {
		if !l.queue[i].Place.Refused {
			waiting++
		}
	}
	return slices.Clone(l.acked), slices.Clone(l.refused), waiting
}

func (l *fakeLedger) now() (acked, refused, waited []string, queue int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acked), slices.Clone(l.refused), slices.Clone(l.waited), len(l.queue)
}

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

func (f *fakeRemote) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = nil
}

func (l *fakeLedger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = nil
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

// fill puts n more records into the queue.
func (l *fakeLedger) fill(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		hash := fmt.Sprintf("q%04d", len(l.ids))
		l.put(store.Item{Source: source(hash + ".json"), Record: store.Record{FileHash: hash, RawJSON: []byte("{}")}})
	}
}
