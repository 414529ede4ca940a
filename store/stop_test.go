package store_test

import (
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// stopNow stops the Delivery and returns how long that took.
func (r *rig) stopNow() time.Duration {
	start := time.Now()
	r.stop()
	<-r.ended
	return time.Since(start)
}

func TestStopFinishesWhatIsInFlight(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.latency = 3 * time.Second
		r.created("a.json", "h1")
		r.after(time.Second)
		if took := r.stopNow(); took != 2*time.Second {
			t.Errorf("the stop took %v, want the two seconds that the request needs", took)
		}
		r.wantOutbox(1, 0, 0)
	})
}

func TestStopFlushesTheLanes(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.many(store.LaneModified, "f", 10)
		r.after(time.Second)
		if took := r.stopNow(); took != 0 {
			t.Errorf("the stop took %v", took)
		}
		r.wantCalls(1)
		r.wantOutbox(10, 0, 0)
		if !r.Idle() {
			t.Error("something is left")
		}
	})
}

func TestStopSendsWhatAnOlderContentHeldBack(t *testing.T) {
	for _, lanes := range [][2]store.Lane{
		{store.LaneCreated, store.LaneModified},
		{store.LaneModified, store.LaneCreated},
	} {
		t.Run(lanes[0].String()+" then "+lanes[1].String(), func(t *testing.T) {
			deliver(t, store.DeliveryOptions{FlushInterval: time.Millisecond}, func(r *rig) {
				r.remote.latency = 2 * time.Second
				r.add(lanes[0], "a.json", "h1", 0)
				r.after(time.Second)
				r.add(lanes[1], "a.json", "h2", 0)
				r.after(time.Millisecond)
				if took := r.stopNow(); took > 4*time.Second {
					t.Errorf("the stop took %v", took)
				}
				r.wantOutbox(2, 0, 0)
			})
		})
	}
}

func TestStopWithAHangingRemoteTakesTheGraceAtMost(t *testing.T) {
	for lane, requests := range map[store.Lane]int{store.LaneCreated: 2, store.LaneModified: 1} {
		t.Run(lane.String(), func(t *testing.T) {
			deliver(t, store.DeliveryOptions{}, func(r *rig) {
				r.remote.hang = true
				r.add(lane, "a.json", "h1", 0)
				r.after(6 * time.Second)
				r.add(lane, "a.json", "h2", 0) // the first record blocks it
				r.add(lane, "b.json", "h3", 0)
				r.after(0)
				if took := r.stopNow(); took != 8*time.Second {
					t.Errorf("the stop took %v, want the grace of 8 s", took)
				}
				r.wantCalls(requests)
				acked, refused, _, _ := r.outbox.now()
				if len(acked)+len(refused) != 0 {
					t.Errorf("acknowledged %v, refused %v, though nobody answered", acked, refused)
				}
				if !r.Circuit().Closed() {
					t.Errorf("link = %+v: a stop is no outage", r.Circuit())
				}
			})
		})
	}
}

func TestStopWhileTheQueueDrainsFinishesTheStep(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.outbox.fill(500)
		r.remote.latency = time.Second
		r.DrainQueue()
		r.after(1500 * time.Millisecond)
		if took := r.stopNow(); took != 500*time.Millisecond {
			t.Errorf("the stop took %v, want what the step in flight needs", took)
		}
		r.wantOutbox(4*queueStep, 0, 500-4*queueStep)
	})
}

func TestStopWhileOfflineQueuesTheLanes(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.created("a.json", "h1")
		r.after(0)
		r.modified("b.json", "h2")
		if took := r.stopNow(); took != 0 {
			t.Errorf("the stop took %v", took)
		}
		r.wantCalls(1)
		r.wantOutbox(0, 0, 2)
	})
}
