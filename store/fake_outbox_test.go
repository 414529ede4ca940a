package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gfxsync/gfxsync/store"
)

// queueStep is how many entries Due returns at most.
const queueStep = 50

var errDisk = errors.New("disk full")

// fakeOutbox is an outbox in memory.
type fakeOutbox struct {
	meanwhile   func() // is called once, before Due returns; may be nil
	beforeWaits func() // is called once, before Waiting keeps the items; may be nil

	mu                     sync.Mutex
	broken                 bool
	acked, refused, waited []string // "path@hash", in order
	causes                 []error  // of waited
	queue                  []store.Item
	ids                    map[string]int  // by hash, of all records that were ever queued
	tried                  int64           // number of attempts, used as a clock
	retries                map[string]int  // by hash: number of refusals
	blocked                map[string]bool // by hash: not due before the next interval
}

func newFakeOutbox() *fakeOutbox {
	return &fakeOutbox{ids: map[string]int{}, retries: map[string]int{}, blocked: map[string]bool{}}
}

func id(it *store.Item) string { return it.Source.Path + "@" + it.Record.FileHash }

func (o *fakeOutbox) Wanted(_ context.Context, items []store.Item) ([]store.Item, error) {
	return items, nil
}

func (o *fakeOutbox) Acknowledged(_ context.Context, items []store.Item) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return errDisk
	}
	for i := range items {
		o.acked = append(o.acked, id(&items[i]))
		o.take(items[i].Record.FileHash)
	}
	for i := range o.queue {
		if p := &o.queue[i].Place; p.Suspicion == store.Unproven {
			p.Suspicion = store.Proven
		}
	}
	return nil
}

func (o *fakeOutbox) take(hash string) {
	o.queue = slices.DeleteFunc(o.queue, func(it store.Item) bool { return it.Record.FileHash == hash })
}

func (o *fakeOutbox) Waiting(ctx context.Context, items []store.Item, cause error) error {
	if f := o.beforeWaits; f != nil {
		o.beforeWaits = nil
		f()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return errDisk
	}
	if err := ctx.Err(); err != nil {
		return err // as a database would
	}
	for i := range items {
		o.waited, o.causes = append(o.waited, id(&items[i])), append(o.causes, cause)
		o.put(items[i])
	}
	return nil
}

func (o *fakeOutbox) put(it store.Item) {
	hash := it.Record.FileHash
	if slices.ContainsFunc(o.queue, func(q store.Item) bool { return q.Record.FileHash == hash }) {
		return
	}
	it.Lane, it.Done = store.LaneQueue, nil
	o.ids[hash] = len(o.ids) + 1
	it.Place = store.QueuePlace{ID: int64(o.ids[hash])}
	o.queue = append(o.queue, it)
}

// maxRetries is how many refusals make a record dead.
const maxRetries = 5

// Refused keeps the record in the queue, but it is not due before interval is called.
func (o *fakeOutbox) Refused(_ context.Context, it store.Item, _ error) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return false, errDisk
	}
	return o.refuse(it), nil
}

func (o *fakeOutbox) refuse(it store.Item) (dead bool) {
	hash := it.Record.FileHash
	o.refused = append(o.refused, id(&it))
	o.put(it)
	o.blocked[hash] = true
	o.retries[hash]++
	o.entry(hash).Place.Refused = true
	return o.retries[hash] >= maxRetries
}

func (o *fakeOutbox) Suspect(_ context.Context, it store.Item, cause error, proven bool) (store.Blame, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return store.BlameRemote, errDisk
	}
	hash := it.Record.FileHash
	o.put(it)
	entry := o.entry(hash)
	before := entry.Place.Suspicion
	o.tried++
	entry.Place.Suspicion, entry.Place.Tried = store.Unproven, o.tried
	switch {
	case !proven && before != store.Proven:
		o.waited, o.causes = append(o.waited, id(&it)), append(o.causes, cause)
		return store.BlameRemote, nil
	case o.refuse(it):
		return store.BlameRecordDead, nil
	}
	return store.BlameRecord, nil
}

func (o *fakeOutbox) entry(hash string) *store.Item {
	i := slices.IndexFunc(o.queue, func(q store.Item) bool { return q.Record.FileHash == hash })
	return &o.queue[i]
}

// interval makes refused records due, unless they are dead.
func (o *fakeOutbox) interval() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for hash := range o.blocked {
		o.blocked[hash] = o.retries[hash] >= maxRetries
	}
}

func (o *fakeOutbox) StillStored(context.Context, store.Item) (bool, error) { return true, nil }

func (o *fakeOutbox) Due(_ context.Context, after store.QueuePlace, most int) ([]store.Item, error) {
	defer o.afterDue()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken {
		return nil, errDisk
	}
	order := slices.Clone(o.queue)
	slices.SortStableFunc(order, func(a, b store.Item) int { return comparePlaces(a.Place, b.Place) })
	var items []store.Item
	for _, it := range order {
		if comparePlaces(it.Place, after) > 0 && !o.blocked[it.Record.FileHash] && len(items) < min(queueStep, most) {
			items = append(items, it)
		}
	}
	return items, nil
}

func (o *fakeOutbox) afterDue() {
	if f := o.meanwhile; f != nil {
		o.meanwhile = nil
		f()
	}
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

func (o *fakeOutbox) setBroken(broken bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = broken
}

// totals returns the acknowledged records, the refused ones, and how many records wait that were not refused.
func (o *fakeOutbox) totals() (acked, refused []string, waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.queue {
		if !o.queue[i].Place.Refused {
			waiting++
		}
	}
	return slices.Clone(o.acked), slices.Clone(o.refused), waiting
}

func (o *fakeOutbox) now() (acked, refused, waited []string, queue int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.acked), slices.Clone(o.refused), slices.Clone(o.waited), len(o.queue)
}

func (o *fakeOutbox) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acked = nil
}

// fill puts n more records into the queue.
func (o *fakeOutbox) fill(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for range n {
		hash := fmt.Sprintf("q%04d", len(o.ids))
		o.put(store.Item{Source: source(hash + ".json"), Record: store.Record{FileHash: hash, RawJSON: []byte("{}")}})
	}
}
