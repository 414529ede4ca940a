package store

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Ledger is told what became of each record. It has written that down when it returns.
type Ledger interface {
	// Wanted returns those of the items that are still to be sent. The others are history, and written down as such. It fails as the
	// remote does, which it may have to ask.
	Wanted(ctx context.Context, items []Item) ([]Item, error)
	// Acknowledged says that the remote has these records. It is evidence that the remote serves others for every
	// record that has failed alone before (Suspect).
	Acknowledged(ctx context.Context, items []Item) error
	// Waiting keeps these records in the queue. The cause is nil where they were not tried.
	Waiting(ctx context.Context, items []Item, cause error) error
	// Refused keeps a record in the queue that the remote's answer named, and counts the refusal: at most one in each
	// queue interval. It says whether the record is dead.
	Refused(ctx context.Context, item Item, cause error) (dead bool, err error)
	// Suspect keeps a record in the queue that failed in a request of its own, by its own fault or the remote's. The
	// failure counts like a refusal if another record's upsert has succeeded since this record's previous failure.
	// Proven says that one has; else the ledger may know of one.
	Suspect(ctx context.Context, item Item, cause error, proven bool) (Blame, error)
	// Due returns the next entries of the queue after a place, the zero QueuePlace for the first; most of them at
	// most, and perhaps fewer. Suspects come last.
	Due(ctx context.Context, after QueuePlace, most int) ([]Item, error)
	// Repeatable says whether an acknowledged record is still the row that it made, so that sending it again changes
	// nothing.
	Repeatable(ctx context.Context, item Item) (bool, error)
}

// Blame says what a failure of a request with a single record is due to (design, "Who is to blame").
type Blame uint8

const (
	BlameRemote     Blame = iota // nothing shows that the remote serves others: an outage
	BlameRecord                  // the record was refused
	BlameRecordDead              // and that was the last of its retries
)

// DeliveryOptions bounds a Delivery. Zero values take the defaults.
type DeliveryOptions struct {
	BatchSize     int           // records in a request; default 500
	BatchBytes    int64         // bytes in a request, but for a single larger record; default 8 MiB
	FlushInterval time.Duration // least time between two flushes of modified files; default 5 s
	QueueInterval time.Duration // how often the queue is gone through; default 60 s
	ProbeFirst    time.Duration // delay of the first probe after an outage; default 1 s
	ProbeLast     time.Duration // largest delay of a probe; default 14 s: a remote that is back is noticed within 15
	StopGrace     time.Duration // how long a stop may take; default 8 s
	Conflict      ConflictKey   // what makes two records one row
	OnCircuit     func(Circuit) // called after every change of the circuit breaker; may be nil
	Logger        *slog.Logger
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

// inFlight is how many requests of the created lane, and of the queue, may be on their way at one time.
const inFlight = 2

// Delivery takes records to the remote by two lanes: created files at once, modified files at once or in batches.
// What the remote cannot take now goes into the queue, which Delivery drains when the remote is back. The records of
// one path go in the order in which they came.
type Delivery struct {
	remote  Remote
	ledger  Ledger
	opts    DeliveryOptions
	log     *slog.Logger
	breaker *breaker
	limit   adaptiveLimit

	tickets  atomic.Uint64 // of the last request that began
	lastGood atomic.Uint64 // ticket of the last request that succeeded
	control  atomic.Pointer[Item]
	warned   sync.Map // hints of refusals that were logged as a warning
	deaths   atomic.Int64

	changed   signal        // an item was added or released, or a lane flushed
	wakeQueue chan struct{} // holds one

	mu                sync.Mutex
	created, modified lane
	waiting           map[Source]*Item // what the lanes hold, at most one item for a path
	claims            claims
	draining          bool
	drains            int // how often the queue was gone through
}

// NewDelivery makes a Delivery. Nothing moves before Run.
func NewDelivery(remote Remote, ledger Ledger, opts DeliveryOptions) *Delivery {
	opts.setDefaults()
	created := lane{maxItems: opts.BatchSize, maxBytes: opts.BatchBytes}
	modified := created
	modified.interval = opts.FlushInterval
	return &Delivery{
		remote: remote, ledger: ledger, opts: opts, log: opts.Logger, created: created, modified: modified,
		breaker:   newBreaker(opts.ProbeFirst, opts.ProbeLast, opts.OnCircuit),
		wakeQueue: make(chan struct{}, 1), waiting: map[Source]*Item{}, claims: newClaims(opts.Conflict),
	}
}

// Circuit returns the state of the circuit breaker.
func (d *Delivery) Circuit() Circuit { return d.breaker.status() }

// Add puts an item into its lane. An item of the same path that was not sent yet is replaced: its content is history.
// Add never blocks; the caller bounds how many bytes wait, by Item.Done.
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

// Holds says whether the record of that path with that hash is in a lane or in flight.
func (d *Delivery) Holds(src Source, hash string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if it, ok := d.waiting[src]; ok {
		return it.Record.FileHash == hash
	}
	return d.claims.hashes[src] == hash
}

// Flush sends what is in the modified lane without waiting for the interval.
func (d *Delivery) Flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.modified.flush()
	d.changed.send()
}

// DrainQueue goes through the queue now instead of at the next interval. While the circuit is open, the prober says
// when.
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
		maps.DeleteFunc(held, func(src Source, hash string) bool { return !d.Holds(src, hash) })
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
func (d *Delivery) held() map[Source]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := maps.Clone(d.claims.hashes)
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

// Idle says whether nothing is in a lane or in flight. What waits in the queue does not count.
func (d *Delivery) Idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting) == 0 && len(d.claims.hashes) == 0 && !d.draining
}

// Run delivers until ctx ends; then it finishes what is in flight and flushes the lanes, for StopGrace at most. What is left
// stays an intent in the index. It returns when all its goroutines have.
func (d *Delivery) Run(ctx context.Context) {
	// A request in flight outlives ctx by the grace, or it would be cut off and its outcome unknown.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	done := make(chan struct{})
	var lanes, guard sync.WaitGroup
	guard.Go(func() { cancelAfter(ctx, d.opts.StopGrace, done, cancel) })
	for range inFlight {
		lanes.Go(func() { d.runLane(ctx, work, &d.created) })
	}
	lanes.Go(func() { d.runLane(ctx, work, &d.modified) })
	lanes.Go(func() { d.runQueue(ctx, work) })
	lanes.Wait()
	close(done)
	guard.Wait()
	d.abandon()
}

// cancelAfter cancels when the grace has passed since ctx ended, unless done comes first.
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

// runLane sends what is due in a lane until ctx ends. Then it sends the rest until work ends.
func (d *Delivery) runLane(ctx, work context.Context, l *lane) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		changed := d.changed.next()
		if d.sendFrom(work, l) {
			continue
		}
		if wait, gathers := d.gathers(l); gathers {
			timer.Reset(wait)
		} else {
			timer.Stop() // it is empty, or what it holds must not overtake what is in flight
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

// gathers says whether a lane waits for more, and for how long.
func (d *Delivery) gathers(l *lane) (wait time.Duration, gathers bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(l.items) == 0 {
		return 0, false
	}
	wait = l.wait()
	return wait, wait > 0
}

// empty sends what a lane holds, until work ends.
func (d *Delivery) empty(work context.Context, l *lane) {
	for {
		changed := d.changed.next()
		if d.isEmpty(l) {
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

// isEmpty makes all due that the lane holds, and says whether that is nothing.
func (d *Delivery) isEmpty(l *lane) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.flush()
	return len(l.items) == 0
}

// abandon lets go of what could not be sent in time.
func (d *Delivery) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, it := range d.waiting {
		it.finish()
	}
	d.created.items, d.modified.items = nil, nil
	clear(d.waiting)
}

// sendFrom sends a batch of what is due in a lane, and says whether there was one.
func (d *Delivery) sendFrom(work context.Context, l *lane) bool {
	if work.Err() != nil {
		return false
	}
	batch := d.take(l)
	if len(batch) == 0 {
		return false
	}
	waits := !d.breaker.closed()
	if waits {
		d.wait(work, batch, nil)
	} else {
		waits = d.dispatch(work, batch, neverFailed) != nil
	}
	for i := range batch {
		batch[i].finish()
	}
	d.release(batch)
	if waits && d.breaker.closed() {
		d.DrainQueue() // the circuit has closed meanwhile, and the drain that followed may have passed these
	}
	return true
}

// take claims a batch of what is due in a lane.
func (d *Delivery) take(l *lane) []Item {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := l.take(d.claims.busy)
	batch := make([]Item, len(taken))
	for i, it := range taken {
		batch[i] = *it
		delete(d.waiting, it.Source)
	}
	d.claims.take(batch)
	return batch
}
