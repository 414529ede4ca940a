package store

import (
	"context"
	"sync"
	"time"
)

// Suspicion is what is known of a record that failed in a request of its own, in a way that may be its fault or the
// remote's.
type Suspicion uint8

const (
	NotSuspect Suspicion = iota
	Unproven             // no other record's upsert has succeeded since
	Proven               // one has: if it fails again, that counts as a refusal
)

// QueuePlace is the place of an entry in the order in which the queue is drained: first what has not failed alone, by
// age, then the suspects, those first that were not tried for longest. The zero value is before all.
type QueuePlace struct {
	ID        int64 // of the entry
	Suspicion Suspicion
	Tried     int64 // of a suspect: when it was last tried, in milliseconds since 1970
	Refused   bool  // the remote has refused it before
}

// runQueue drains the queue: at every interval, when the circuit closes, and on demand. While the circuit is open it
// is the only one that asks the remote.
func (d *Delivery) runQueue(ctx, work context.Context) {
	timer := time.NewTimer(d.queuePause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.breaker.changed:
			if !d.breaker.closed() {
				timer.Reset(d.queuePause()) // begin to probe
				continue
			}
		case <-d.wakeQueue:
			if !d.breaker.closed() {
				continue // nothing makes the next probe come earlier, or later
			}
		case <-timer.C:
		}
		d.drain(work, ctx)
		timer.Reset(d.queuePause())
	}
}

func (d *Delivery) queuePause() time.Duration {
	if !d.breaker.closed() {
		return d.breaker.probeDelay()
	}
	return d.opts.QueueInterval
}

// drain sends what is due in the queue until the circuit opens or until ends. It reads the next batch while others
// are on the wire. While the circuit is open, the first entry goes alone as the probe: whole batches would load a
// line that has trouble enough. With nothing due and the circuit open, it pings the remote instead.
func (d *Delivery) drain(work, until context.Context) {
	d.setDraining(true)
	defer d.setDraining(false)
	sending := newSenders(inFlight)
	defer sending.wait()
	var last QueuePlace
	deaths := d.deaths.Load()
	for until.Err() == nil && !sending.failed() {
		most := d.opts.BatchSize
		if !d.breaker.closed() {
			d.breaker.probing()
			most = 1
		}
		circuit := d.breaker.status()
		items, err := d.ledger.Due(work, last, most)
		if err != nil {
			d.ledgerFailed("cannot read the offline queue", err)
			return
		}
		if len(items) == 0 {
			sending.wait()
			if now := d.deaths.Load(); d.opts.Conflict == BySession && now != deaths {
				deaths, last = now, QueuePlace{} // a version that had to wait for a better one may be the best now
				continue
			}
			// A circuit that has opened since the queue was asked has records there now, which are the better probe.
			if d.breaker.status().same(circuit) && !sending.failed() {
				d.probe(work)
			}
			return
		}
		last = items[len(items)-1].Place
		if !d.claim(until, items) {
			return
		}
		if !sending.start(until, func() error {
			defer d.release(items)
			return d.sendQueued(work, items)
		}) {
			d.release(items)
			return
		}
		if most == 1 {
			sending.wait() // what the probe finds decides on what comes next
		}
	}
}

// senders run a few functions at a time, until one fails.
type senders struct {
	places  chan struct{}
	running sync.WaitGroup

	mu  sync.Mutex
	err error
}

func newSenders(n int) *senders { return &senders{places: make(chan struct{}, n)} }

// start runs f as soon as there is a place, and says whether it could before ctx ended.
func (s *senders) start(ctx context.Context, f func() error) bool {
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	s.running.Go(func() {
		defer func() { <-s.places }()
		if err := f(); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.err = err
		}
	})
	return true
}

func (s *senders) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

func (s *senders) wait() { s.running.Wait() }

// sendQueued sends entries of the queue. What was refused before goes alone, or the others would have to be bisected
// for it again. Suspects that were not refused go together: after a long outage nearly all are.
func (d *Delivery) sendQueued(ctx context.Context, items []Item) error {
	var together, alone []Item
	for _, it := range items {
		if it.Place.Refused {
			alone = append(alone, it)
		} else {
			together = append(together, it)
		}
	}
	if len(together) > 0 {
		if err := d.dispatch(ctx, together, d.lastFailure(together)); err != nil {
			return err
		}
	}
	for i := range alone {
		it := alone[i : i+1]
		if err := d.dispatch(ctx, it, d.lastFailure(it)); err != nil {
			return err
		}
	}
	return nil
}

// lastFailure returns the mark of an item's last failure. If the ledger knows that others were served since, it needs
// none.
func (d *Delivery) lastFailure(items []Item) mark {
	if len(items) == 1 && items[0].Place.Suspicion == Unproven {
		return d.now()
	}
	return neverFailed
}

// maxControl bounds the record that is kept in memory as the control, in bytes.
const maxControl = 256 << 10

// keepControl remembers a record that the remote has taken: the smallest of a request, if that is small enough to be
// kept.
func (d *Delivery) keepControl(items []Item) {
	var least *Item
	for i := range items {
		if least == nil || items[i].Record.Size() < least.Record.Size() {
			least = &items[i]
		}
	}
	if least != nil && least.Record.Size() <= maxControl {
		d.control.Store(&Item{Source: least.Source, Record: least.Record})
	}
}

// proveOthersServed finds out whether the remote serves other records since a failure, so that the next failure of
// the same record counts against it. It sends a record again that the remote has taken before, which changes nothing
// there. If that fails, there is an outage, and the circuit opens. Without such a record nothing is proven.
func (d *Delivery) proveOthersServed(ctx context.Context, failed mark) error {
	control := d.control.Load()
	if failed == neverFailed || d.servedSince(failed) || control == nil {
		return nil
	}
	repeatable, err := d.ledger.Repeatable(ctx, *control)
	if err == nil && !repeatable {
		d.control.CompareAndSwap(control, nil)
		return nil
	}
	if err == nil {
		var ticket uint64
		if ticket, err = d.upsert(ctx, []group{{*control}}); err == nil {
			d.succeeded(ticket)
			return nil
		}
	}
	d.openCircuit(ctx, err)
	return err
}

func (d *Delivery) probe(ctx context.Context) {
	if !d.breaker.needsProbe() {
		return
	}
	if err := d.remote.Ping(ctx); err != nil {
		d.openCircuit(ctx, err)
		return
	}
	d.breaker.succeeded()
}

func (d *Delivery) setDraining(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = on
	if !on {
		d.drains++
		d.changed.send()
	}
}
