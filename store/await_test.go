package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// waited returns how long f waits.
func (r *rig) waited(f func(context.Context) error) time.Duration {
	r.t.Helper()
	begin := time.Now()
	if err := f(r.t.Context()); err != nil {
		r.t.Error(err)
	}
	return time.Since(begin)
}

// TestSettleWaitsForWhatIsHeld, and not for what comes later.
func TestSettleWaitsForWhatIsHeld(t *testing.T) {
	const latency = 2 * time.Second
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		if got := r.waited(r.Settle); got != 0 {
			t.Errorf("with nothing held it takes %v", got)
		}
		r.remote.latency = latency
		r.created("a.json", "a")
		r.modified("b.json", "b")
		r.after(0)
		r.modified("b.json", "b2") // waits for b, and then for the interval
		go func() {
			for i := range 20 {
				time.Sleep(500 * time.Millisecond)
				r.many(store.LaneCreated, string(rune('c'+i)), 1)
			}
		}()
		if got := r.waited(r.Settle); got != 5*time.Second+latency {
			t.Errorf("it takes %v, want that of b2", got)
		}
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		r.created("z.json", "z")
		if err := r.Settle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cut off, it says %v", err)
		}
		r.after(time.Minute)
	})
}

// TestDrainWaitsForADrainOfItsOwn: the one that is under way may have passed what has just been queued.
func TestDrainWaitsForADrainOfItsOwn(t *testing.T) {
	const latency = 2 * time.Second
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.latency = latency
		r.outbox.fill(1)
		if got := r.waited(r.Drain); got != latency {
			t.Errorf("it takes %v, want one request", got)
		}
		r.outbox.fill(1)
		r.DrainQueue()
		r.after(time.Second)
		r.outbox.fill(1)
		if got := r.waited(r.Drain); got < latency {
			t.Errorf("beside another drain it takes %v, want a drain of its own", got)
		}
		r.wantOutbox(3, 0, 0)
	})
}

// TestDrainReturnsInAnOutage: what the queue holds goes on waiting.
func TestDrainReturnsInAnOutage(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.say(always(store.Outage))
		r.created("a.json", "a")
		r.after(0)
		if got := r.waited(r.Drain); got > 30*time.Second {
			t.Errorf("it takes %v", got)
		}
		r.wantOutbox(0, 0, 1)
		r.remote.say(nil)
		r.after(time.Minute)
		r.wantOutbox(1, 0, 0)
	})
}
