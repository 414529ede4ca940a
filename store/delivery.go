package store

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"
)

// Ledger is told what became of each record, and has it written down durably before it returns.
type Ledger interface {
	// Wanted returns those of the items that are still to be sent. The others are history, and written down as such. It fails as the
	// remote does, which it may have to ask.
	Wanted(ctx context.Context, items []Item) ([]Item, error)
	// Acknowledged: the remote has these records.
	Acknowledged(ctx context.Context, items []Item) error
	// Waiting: these records are to be kept in the queue. The cause is nil where they have not been tried.
	Waiting(ctx context.Context, items []Item, cause error) error
	// Refused: the remote will not have this record; it is kept in the queue with one retry more. It says whether it is dead.
	Refused(ctx context.Context, item Item, cause error) (dead bool, err error)
	// Due returns the next entries of the queue after the given item, nil for the first; most of them at most, and perhaps fewer.
	Due(ctx context.Context, after *Item, most int) ([]Item, error)
}

// DeliveryOptions bounds a Delivery. Zero values take the defaults.
type DeliveryOptions struct {
	BatchSize     int           // records in a request; default 500
	BatchBytes    int64         // bytes in a request, but for a single larger record; default 8 MiB
	FlushInterval time.Duration // how long a modified file waits for company; default 5 s
	QueueInterval time.Duration // how often the queue is gone through; default 60 s
	ProbeFirst    time.Duration // delay of the first probe of a dead link; default 1 s
	ProbeLast     time.Duration // largest delay of a probe; default 14 s: a remote that is back is noticed within 15
	StopGrace     time.Duration // how long a stop may take; default 8 s
	Conflict      ConflictKey   // what makes two records one row
	OnLink        func(LinkStatus)
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
	if o.OnLink == nil {
		o.OnLink = func(LinkStatus) {}
	}
}

// Delivery takes records to the remote by two lanes: created files at once, modified files in batches. What the remote cannot
// take now goes into the queue, which Delivery empties when the remote is back. Of one path, records go in the order they came.
type Delivery struct {
	remote Remote
	ledger Ledger
	opts   DeliveryOptions
	log    *slog.Logger
	link   *Link

	ceiling ceiling
	failed  *Item // the entry of the queue that was tried when the link went down; for drain alone

	wakeCreated, wakeModified, wakeQueue chan struct{}

	turn sync.Mutex // held while sending BySession: what is wanted depends on what was acknowledged before

	mu                sync.Mutex
	created, modified lane
	waiting           map[Source]*Item  // what the lanes hold, at most one item for a path
	inFlight          map[Source]string // hash of what is being sent for a path
	draining          bool
	drains            int // how often the queue has been gone through
}

// NewDelivery makes a Delivery; nothing moves before Run.
func NewDelivery(remote Remote, ledger Ledger, opts DeliveryOptions) *Delivery {
	opts.setDefaults()
	d := &Delivery{
		remote: remote, ledger: ledger, opts: opts, log: opts.Logger,
		wakeCreated: make(chan struct{}, 1), wakeModified: make(chan struct{}, 1), wakeQueue: make(chan struct{}, 1),
		waiting: map[Source]*Item{}, inFlight: map[Source]string{},
	}
	d.link = newLink(opts.ProbeFirst, opts.ProbeLast, opts.OnLink)
	return d
}

// Link returns the state of the link to the remote.
func (d *Delivery) Link() LinkStatus { return d.link.Status() }

// Add puts an item into its lane. An item of the same path that has not been sent yet is replaced: its content is history. Add
// never blocks; how many bytes wait is for the caller to bound, by Item.Done.
func (d *Delivery) Add(it Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old, ok := d.waiting[it.Source]; ok {
		d.replace(old, it)
		return
	}
	d.waiting[it.Source] = &it
	if it.Lane == LaneCreated {
		d.created.add(&it)
		wake(d.wakeCreated)
		return
	}
	d.modified.add(&it)
	wake(d.wakeModified)
}

func (d *Delivery) replace(old *Item, it Item) {
	l := &d.modified
	if old.Lane == LaneCreated {
		l = &d.created
	}
	l.bytes += it.Record.Size() - old.Record.Size()
	it.Lane = old.Lane
	if it.Record.FileHash == old.Record.FileHash {
		it.At = old.At
	}
	old.finish()
	*old = it
	wake(d.wakeModified) // it may have outgrown a batch
}

// Holds says whether the record of that path with that hash is in a lane or in flight.
func (d *Delivery) Holds(src Source, hash string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if it, ok := d.waiting[src]; ok {
		return it.Record.FileHash == hash
	}
	return d.inFlight[src] == hash
}

// Flush sends the modified lane without waiting for company.
func (d *Delivery) Flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.modified.since = time.Time{}
	wake(d.wakeModified)
}

// DrainQueue goes through the queue now instead of at the next interval. While the link is down, it is for the prober to say when.
func (d *Delivery) DrainQueue() {
	wake(d.wakeQueue)
}

// Drains returns how often the queue has been gone through, to its end or until the link went down.
func (d *Delivery) Drains() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.drains
}

// Idle says whether nothing is in a lane or in flight. What waits in the queue does not count.
func (d *Delivery) Idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.created.items) == 0 && len(d.modified.items) == 0 && len(d.inFlight) == 0 && !d.draining
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
	lanes.Go(func() { d.runCreated(ctx, work) })
	lanes.Go(func() { d.runModified(ctx, work) })
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

func (d *Delivery) runCreated(ctx, work context.Context) {
	for {
		for d.sendFrom(work, &d.created) {
		}
		select {
		case <-d.wakeCreated:
		case <-ctx.Done():
			d.flush(work, &d.created, d.wakeCreated)
			return
		}
	}
}

func (d *Delivery) runModified(ctx, work context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, any := d.modifiedDue()
		if any && wait <= 0 {
			if !d.sendFrom(work, &d.modified) {
				wait = time.Second // all held back by the other lane, whose end wakes this one
			}
		}
		timer.Reset(max(wait, 0))
		if !any {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-d.wakeModified:
		case <-ctx.Done():
			d.flush(work, &d.modified, d.wakeModified)
			return
		}
	}
}

// flush empties a lane, what the other lane holds back included, until work ends.
func (d *Delivery) flush(work context.Context, l *lane, freed <-chan struct{}) {
	for {
		for d.sendFrom(work, l) {
		}
		if d.isEmpty(l) {
			return
		}
		select {
		case <-freed:
		case <-work.Done():
			return
		}
	}
}

func (d *Delivery) isEmpty(l *lane) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(l.items) == 0
}

// abandon lets go of what could not be sent in time.
func (d *Delivery) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, it := range d.waiting {
		it.finish()
	}
	d.created, d.modified = lane{}, lane{}
	clear(d.waiting)
}

// modifiedDue returns how long the modified lane still waits for company.
func (d *Delivery) modifiedDue() (wait time.Duration, any bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := &d.modified
	if len(l.items) >= d.opts.BatchSize || l.bytes >= d.opts.BatchBytes {
		return 0, true
	}
	return time.Until(l.since.Add(d.opts.FlushInterval)), len(l.items) > 0
}

// sendFrom sends one batch of a lane, and says whether there was one.
func (d *Delivery) sendFrom(work context.Context, l *lane) bool {
	if work.Err() != nil {
		return false
	}
	batch := d.take(l)
	if len(batch) == 0 {
		return false
	}
	d.deliver(work, batch)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range batch {
		delete(d.inFlight, batch[i].Source)
		batch[i].finish()
	}
	wake(d.wakeCreated)
	wake(d.wakeModified)
	return true
}

func (d *Delivery) take(l *lane) []Item {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := l.take(d.opts.BatchSize, d.opts.BatchBytes, func(s Source) bool { _, busy := d.inFlight[s]; return busy })
	batch := make([]Item, len(taken))
	for i, it := range taken {
		batch[i] = *it
		delete(d.waiting, it.Source)
		d.inFlight[it.Source] = it.Record.FileHash
	}
	return batch
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
