package store

import (
	"context"
	"sync"
	"time"
)

// runQueue drains the queue at every interval, when the circuit closes, and on demand. While the circuit is open, it
// makes the only requests: the probes.
func (d *Delivery) runQueue(ctx, work context.Context) {
	timer := time.NewTimer(d.queuePause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.breaker.changed:
			if !d.breaker.closed() {
				timer.Reset(d.queuePause()) // wait for the first probe
				continue
			}
		case <-d.wakeQueue:
			if !d.breaker.closed() {
				continue // the next probe keeps its time
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

// drain sends the due entries of the queue until the circuit opens or until ends. It reads the next batch while others
// are on their way. If the circuit is open, the first entry is the probe and is sent alone: whole batches would load a
// line that has just failed. If no entry is due then, the probe is a ping.
func (d *Delivery) drain(work, until context.Context) {
	d.setDraining(true)
	defer d.setDraining(false)
	sending := newSenders(maxInFlight)
	defer sending.wait()
	var last QueuePlace
	deaths := d.deaths.Load()
	for until.Err() == nil && !sending.failed() {
		limit := d.opts.BatchSize
		if !d.breaker.closed() {
			d.breaker.probing()
			limit = 1
		}
		circuit := d.breaker.status()
		items, err := d.outbox.Due(work, last, limit)
		if err != nil {
			d.outboxFailed("cannot read the offline queue", err)
			return
		}
		if len(items) == 0 {
			sending.wait()
			if now := d.deaths.Load(); d.opts.Conflict == BySession && now != deaths {
				// A better version has died, so a version that waited for it may be the winner now. Begin again.
				deaths, last = now, QueuePlace{}
				continue
			}
			// If the circuit has opened since Due was called, records were queued meanwhile. They are better probes.
			if d.breaker.status().same(circuit) && !sending.failed() {
				d.ping(work)
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
		if limit == 1 {
			sending.wait() // the result of the probe decides what comes next
		}
	}
}

// senders runs a few functions at a time, until one of them fails.
type senders struct {
	places  chan struct{}
	running sync.WaitGroup

	mu  sync.Mutex
	err error
}

func newSenders(n int) *senders { return &senders{places: make(chan struct{}, n)} }

// start runs f in a goroutine as soon as there is a place. It returns false if ctx ends before that.
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

// sendQueued sends entries of the queue. An entry that was refused before is sent alone: otherwise the batch would have
// to be bisected for it again. Suspects that were not refused are sent together, because after a long outage most
// entries are suspects.
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

// ping probes the remote without a record.
func (d *Delivery) ping(ctx context.Context) {
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
