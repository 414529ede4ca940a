package store

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"
)

// Outbox is the outbox of a Delivery: it holds the index and the queue, and records what became of each item. When a
// method returns without an error, the change is in the database.
type Outbox interface {
	// Wanted returns the items to send now. With BySession these are the winners of their sessions. It records what
	// becomes of the others. It may have to ask the remote, and then fails with the remote's error.
	Wanted(ctx context.Context, items []Item) ([]Item, error)
	// Acknowledged records that the remote has these records. This also proves, for all suspects (Suspect), that the
	// remote serves other records.
	Acknowledged(ctx context.Context, items []Item) error
	// Waiting puts these records into the queue. The cause is nil if they were not tried.
	Waiting(ctx context.Context, items []Item, cause error) error
	// Refused puts a record into the queue and counts a refusal, because the remote's answer names the record. At most
	// one refusal counts in each queue interval. It returns whether the record is dead.
	Refused(ctx context.Context, item Item, cause error) (dead bool, err error)
	// Suspect puts a record into the queue that failed in a request of its own. The cause may be the record or the
	// remote. The failure counts as a refusal if an upsert of another record has succeeded since the previous failure
	// of this one. If proven is true, that is known; otherwise the outbox may know it.
	Suspect(ctx context.Context, item Item, cause error, proven bool) (Blame, error)
	// Due returns entries of the queue that are due, beginning after a place; the zero QueuePlace begins at the first.
	// It returns at most limit entries, and may return fewer. Suspects come last.
	Due(ctx context.Context, after QueuePlace, limit int) ([]Item, error)
	// StillStored reports whether the row still holds this acknowledged record. Then sending it again changes nothing.
	StillStored(ctx context.Context, item Item) (bool, error)
}

// DeliveryOptions are the options of a Delivery. Zero values stand for the defaults.
type DeliveryOptions struct {
	BatchSize     int           // records in a request; default 500
	BatchBytes    int64         // bytes in a request, except for a single larger record; default 8 MiB
	FlushInterval time.Duration // shortest time between two flushes of modified files; default 5 s
	QueueInterval time.Duration // how often the queue is drained; default 60 s
	ProbeFirst    time.Duration // delay of the first probe after an outage; default 1 s
	// largest delay of a probe; default 14 s, so that the end of an outage shows within 15 s
	ProbeLast time.Duration
	StopGrace time.Duration // how long a stop may take; default 8 s
	Conflict  ConflictKey   // the unique constraint of the table
	OnCircuit func(Circuit) // called after every change of the circuit breaker; may be nil
	Logger    *slog.Logger
}

func (o *DeliveryOptions) setDefaults() {
	o.BatchSize = cmp.Or(o.BatchSize, 500)
	o.BatchBytes = cmp.Or(o.BatchBytes, 8<<20)
	o.FlushInterval = cmp.Or(o.FlushInterval, 5*time.Second)
	o.QueueInterval = cmp.Or(o.QueueInterval, time.Minute)
	o.ProbeFirst = cmp.Or(o.ProbeFirst, time.Second)
	o.ProbeLast = cmp.Or(o.ProbeLast, 14*time.Second)
	o.StopGrace = cmp.Or(o.StopGrace, 8*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.OnCircuit == nil {
		o.OnCircuit = func(Circuit) {}
	}
}

// maxInFlight is how many requests of the created lane may be on their way at the same time, and how many of the queue.
const maxInFlight = 2

// Delivery sends records to the remote. There are two lanes: created files are sent at once, modified files at once or
// in batches. Records that the remote cannot take now go into the queue. When the remote is back, the queue is drained.
// The records of one path are sent in the order in which they were added. All methods are safe for concurrent use.
type Delivery struct {
	remote  Remote
	outbox  Outbox
	opts    DeliveryOptions
	log     *slog.Logger
	breaker *breaker
	limit   adaptiveLimit

	tickets  atomic.Uint64        // ticket of the last request that began
	lastGood atomic.Uint64        // highest ticket of a request that succeeded
	control  atomic.Pointer[Item] // see proveOthersServed
	warned   sync.Map             // hints of refusals that were logged as a warning
	deaths   atomic.Int64         // number of records that died

	changed   signal        // an item was added or released, or a lane was flushed
	wakeQueue chan struct{} // has room for one

	mu                sync.Mutex
	created, modified lane
	waiting           map[fileid.ID]*Item // the items of both lanes, at most one for each path
	inFlight          inFlight
	draining          bool
	drains            int // how often the queue was drained
}

// NewDelivery makes a Delivery. Nothing is sent before Run is called.
func NewDelivery(remote Remote, outbox Outbox, opts DeliveryOptions) *Delivery {
	opts.setDefaults()
	created := lane{maxItems: opts.BatchSize, maxBytes: opts.BatchBytes}
	modified := created
	modified.interval = opts.FlushInterval
	return &Delivery{
		remote: remote, outbox: outbox, opts: opts, log: opts.Logger, created: created, modified: modified,
		breaker:   newBreaker(opts.ProbeFirst, opts.ProbeLast, opts.OnCircuit),
		wakeQueue: make(chan struct{}, 1), waiting: map[fileid.ID]*Item{}, inFlight: newInFlight(opts.Conflict),
	}
}

// Circuit returns the state of the circuit breaker.
func (d *Delivery) Circuit() Circuit { return d.breaker.status() }

// Add puts an item into its lane. If an item of the same path was not sent yet, the new item replaces it. Add never
// blocks. The caller must bound the memory of the items that wait; Item.Done tells when one is done.
func (d *Delivery) Add(it Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.changed.send()
	if old, ok := d.waiting[it.Source]; ok {
		d.replace(old, it)
		return
	}
	d.waiting[it.Source] = &it
	d.laneOf(&it).add(&it)
}

func (d *Delivery) laneOf(it *Item) *lane {
	if it.Lane == LaneCreated {
		return &d.created
	}
	return &d.modified
}

func (d *Delivery) replace(old *Item, it Item) {
	d.laneOf(old).bytes += it.Record.Size() - old.Record.Size()
	it.Lane = old.Lane
	if it.Record.FileHash == old.Record.FileHash {
		it.At = old.At
	}
	old.finish()
	*old = it
}

// Holds reports whether a record of that path with that hash is in a lane or in flight.
func (d *Delivery) Holds(src fileid.ID, hash string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if it, ok := d.waiting[src]; ok {
		return it.Record.FileHash == hash
	}
	return d.inFlight.hashes[src] == hash
}

// Flush sends what is in the modified lane without waiting for the interval.
func (d *Delivery) Flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.modified.flush()
	d.changed.send()
}

// DrainQueue drains the queue now instead of at the next interval. While the circuit is open, it has no effect: the
// probes keep their time.
func (d *Delivery) DrainQueue() {
	select {
	case d.wakeQueue <- struct{}{}:
	default:
	}
}

// Settle returns when all that the delivery holds at the time of the call was acknowledged, or waits in the offline
// queue. It fails only with the context's error.
func (d *Delivery) Settle(ctx context.Context) error {
	held := d.held()
	for {
		changed := d.changed.next()
		maps.DeleteFunc(held, func(src fileid.ID, hash string) bool { return !d.Holds(src, hash) })
		if len(held) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// held returns the hashes of what is in a lane or in flight. What waits in a lane comes after what is in flight.
func (d *Delivery) held() map[fileid.ID]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := maps.Clone(d.inFlight.hashes)
	for src, it := range d.waiting {
		held[src] = it.Record.FileHash
	}
	return held
}

// Drain has the queue gone through, and returns when that has come to its end, or the circuit has opened. A drain that
// is under way does not count. It fails only with the context's error. Run must be running.
func (d *Delivery) Drain(ctx context.Context) error {
	d.mu.Lock()
	wanted := d.drains + 1
	if d.draining {
		wanted++
	}
	d.mu.Unlock()
	d.DrainQueue()
	for {
		changed := d.changed.next()
		if d.drained(wanted) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Delivery) drained(times int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.drains >= times
}

// Idle reports whether nothing is in a lane or in flight. Records that wait in the queue do not count.
func (d *Delivery) Idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting) == 0 && len(d.inFlight.hashes) == 0 && !d.draining
}

// Run sends records until ctx ends. Then it finishes the requests in flight and sends what the lanes hold, for at most
// StopGrace. Items that are left stay intents in the index. Run returns when all its goroutines have ended.
func (d *Delivery) Run(ctx context.Context) {
	// Requests in flight may outlive ctx by StopGrace. If they were cut off, their outcome would be unknown.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	done := make(chan struct{})
	var lanes, guard sync.WaitGroup
	guard.Go(func() { cancelAfter(ctx, d.opts.StopGrace, done, cancel) })
	for range maxInFlight {
		lanes.Go(func() { d.runLane(ctx, work, &d.created) })
	}
	lanes.Go(func() { d.runLane(ctx, work, &d.modified) })
	lanes.Go(func() { d.runQueue(ctx, work) })
	lanes.Wait()
	close(done)
	guard.Wait()
	d.abandon()
}

// cancelAfter calls cancel when the grace has passed since ctx ended. If done is closed before, it does nothing.
func cancelAfter(ctx context.Context, grace time.Duration, done <-chan struct{}, cancel func()) {
	select {
	case <-ctx.Done():
	case <-done:
		return
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-timer.C:
		cancel()
	case <-done:
	}
}

// runLane sends the due items of a lane until ctx ends. Then it sends the rest until work ends.
func (d *Delivery) runLane(ctx, work context.Context, l *lane) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := d.changed.next()
		if d.sendFrom(work, l) {
			continue
		}
		if wait, ok := d.batchWindow(l); ok {
			timer.Reset(wait)
		} else {
			timer.Stop() // the lane is empty, or something in flight blocks its items
		}
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			d.empty(work, l)
			return
		}
	}
}

// batchWindow reports whether a lane waits for more changes, and returns how long it still waits.
func (d *Delivery) batchWindow(l *lane) (wait time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(l.items) == 0 {
		return 0, false
	}
	wait = l.wait()
	return wait, wait > 0
}

// empty sends all items of a lane until work ends.
func (d *Delivery) empty(work context.Context, l *lane) {
	for {
		changed := d.changed.next()
		if d.flushLane(l) == 0 {
			return
		}
		if d.sendFrom(work, l) {
			continue
		}
		select {
		case <-changed:
		case <-work.Done():
			return
		}
	}
}

// flushLane makes all items of a lane due and returns their number.
func (d *Delivery) flushLane(l *lane) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.flush()
	return len(l.items)
}

// abandon drops the items that could not be sent in time.
func (d *Delivery) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, it := range d.waiting {
		it.finish()
	}
	d.created.items, d.modified.items = nil, nil
	clear(d.waiting)
}

// sendFrom sends a batch of the due items of a lane. It returns false if there are none.
func (d *Delivery) sendFrom(work context.Context, l *lane) bool {
	if work.Err() != nil {
		return false
	}
	batch := d.take(l)
	if len(batch) == 0 {
		return false
	}
	queued := !d.breaker.closed()
	if queued {
		d.wait(work, batch, nil)
	} else {
		queued = d.dispatch(work, batch, neverFailed) != nil
	}
	for i := range batch {
		batch[i].finish()
	}
	d.release(batch)
	if queued && d.breaker.closed() {
		d.DrainQueue() // the circuit has closed meanwhile, and its drain may have begun before these were queued
	}
	return true
}

// take moves a batch of the due items of a lane to what is in flight.
func (d *Delivery) take(l *lane) []Item {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := l.take(d.inFlight.blocks)
	batch := make([]Item, len(taken))
	for i, it := range taken {
		batch[i] = *it
		delete(d.waiting, it.Source)
	}
	d.inFlight.add(batch)
	return batch
}
