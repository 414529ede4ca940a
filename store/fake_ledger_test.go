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

// queueStep is how many entries the fake ledger hands out at a time.
const queueStep = 50

var errDisk = errors.New("disk full")

// fakeLedger is index and queue in memory.
type fakeLedger struct {
	meanwhile   func() // called once, before Due returns; may be nil
	beforeWaits func() // called once, before Waiting keeps the items; may be nil

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
	if f := l.beforeWaits; f != nil {
		l.beforeWaits = nil
		f()
	}
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
	defer l.afterDue()
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

func (l *fakeLedger) afterDue() {
	if f := l.meanwhile; f != nil {
		l.meanwhile = nil
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

func (l *fakeLedger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = nil
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
