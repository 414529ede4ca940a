package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

func TestBadRecordsAreFoundByHalvingAndTheGoodGoThrough(t *testing.T) {
	bad := []string{"f000", "f063", "f125", "f126", "f250", "f377", "f499"}
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.remote.say(refusing(func(hash string) bool { return slices.Contains(bad, hash) }))
		r.many(store.LaneModified, "f", 500)
		r.after(0)
		r.wantOutbox(493, 7, 0)
		_, refused, _, _ := r.outbox.now()
		for _, hash := range bad {
			if !slices.Contains(refused, hash+".json@"+hash) {
				t.Errorf("%s was not refused: %v", hash, refused)
			}
		}
		if n := len(r.remote.seen()); n > 120 {
			t.Errorf("%d requests, want at most 120", n)
		}
		if !r.Circuit().Closed() {
			t.Error("a bad record took the link down")
		}
		r.checkDone()
	})
}

func TestBadRecordOfTwoPathsIsRefusedOnce(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.remote.say(always(store.Rejected))
		r.modified("a.json", "h1")
		r.modified("b.json", "h1")
		r.Flush()
		r.after(0)
		r.wantCalls(1)
		r.wantOutbox(0, 1, 0) // one refusal, not two, because it is one record
	})
}

func TestRequestThatIsTooMuchIsBisected(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.remote.say(func(_ int, c *call) error {
			if len(c.hashes) > 100 || slices.Contains(c.hashes, "f007") {
				return failure(store.TooMuch)
			}
			return nil
		})
		r.many(store.LaneModified, "f", 500)
		r.after(0)
		r.wantOutbox(499, 1, 0)
		if _, refused, _, _ := r.outbox.now(); !slices.Equal(refused, []string{"f007.json@f007"}) {
			t.Errorf("refused %v, want what is too much alone", refused)
		}
		if !r.Circuit().Closed() {
			t.Error("the link is down")
		}
	})
}

func TestOutageInTheMiddleOfABisectionLosesNothing(t *testing.T) {
	for good := range 30 {
		deliver(t, store.DeliveryOptions{}, func(r *rig) {
			bad := refusing(func(hash string) bool { return hash == "f003" || hash == "f060" })
			r.openBatchWindow()
			r.remote.say(func(n int, c *call) error {
				if n >= good {
					return failure(store.Outage)
				}
				return bad(n, c)
			})
			r.many(store.LaneModified, "f", 100)
			r.Flush()
			r.after(0)
			acked, refused, queued := r.outbox.totals()
			if len(acked)+len(refused)+queued != 100 {
				t.Fatalf("after %d requests: acknowledged, refused, queued = %d, %d, %d of 100",
					good, len(acked), len(refused), queued)
			}
			// The first request closes the circuit, and so the queue is drained. That may cause one more request.
			if calls := len(r.remote.seen()); calls > good+2 {
				t.Errorf("%d requests, though the link went down at the %d.", calls, good+1)
			}
			r.remote.say(bad)
			r.after(time.Minute)
			r.wantOutbox(98, 2, 0)
		})
	}
}

func TestContentionIsTriedAgain(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = func(n int, _ *call) error {
			if n < 3 {
				return failure(store.Contention)
			}
			return nil
		}
		r.created("a.json", "h1")
		r.after(5 * time.Second)
		calls := r.wantCalls(4)
		for i := range 3 {
			if calls[i+1].at == calls[i].at {
				t.Errorf("try %d came without a pause", i+2)
			}
		}
		r.wantOutbox(1, 0, 0)
		if len(r.circuits) > 1 || !r.Circuit().Closed() {
			t.Errorf("the link changed: %+v", r.circuits)
		}
	})
}

func TestContentionWithoutEndWaitsInTheQueue(t *testing.T) {
	deliver(t, store.DeliveryOptions{ProbeFirst: time.Hour, ProbeLast: time.Hour}, func(r *rig) {
		r.remote.answer = always(store.Contention)
		r.created("a.json", "h1")
		r.after(time.Minute)
		r.wantCalls(6)
		r.wantOutbox(0, 0, 1)
		if s := r.Circuit(); s.Closed() || s.Class != store.Outage {
			t.Errorf("link = %+v, want an outage", s)
		}
	})
}

// Any records may be bad, at any place.
func TestEveryRecordIsAcknowledgedOrRefused(t *testing.T) {
	for n := 1; n <= 9; n++ {
		for mask := range 1 << n {
			deliver(t, store.DeliveryOptions{}, func(r *rig) {
				bad := map[string]bool{}
				for i := range n {
					bad[fmt.Sprintf("f%03d", i)] = mask&(1<<i) != 0
				}
				r.openBatchWindow()
				r.remote.say(refusing(func(hash string) bool { return bad[hash] }))
				r.many(store.LaneModified, "f", n)
				r.Flush()
				r.after(0)
				for hash, isBad := range bad {
					if r.remote.has(hash) == isBad {
						t.Fatalf("%d records, bad %b: %s arrived: %v", n, mask, hash, r.remote.has(hash))
					}
				}
			})
		}
	}
}

func TestHalfThatMustHoldTheBadRecordIsNotSentWhole(t *testing.T) {
	deliver(t, store.DeliveryOptions{BatchSize: 512}, func(r *rig) {
		r.openBatchWindow()
		r.remote.say(refusing(func(hash string) bool { return hash == "f511" }))
		r.many(store.LaneModified, "f", 512)
		r.Flush()
		r.after(0)
		r.wantCalls(1 + 9 + 1) // the whole batch, the good half of each level, and the bad record for its answer
		r.wantOutbox(511, 1, 0)
	})
}

// Two records may be bad only together. Then bisect concludes wrongly that one is bad. That may only cost requests.
func TestRecordsThatAreBadOnlyTogetherAllGoThrough(t *testing.T) {
	for _, pair := range [][2]string{{"f000", "f127"}, {"f063", "f064"}, {"f100", "f101"}} {
		deliver(t, store.DeliveryOptions{}, func(r *rig) {
			r.openBatchWindow()
			r.remote.say(func(_ int, c *call) error {
				if slices.Contains(c.hashes, pair[0]) && slices.Contains(c.hashes, pair[1]) {
					return failure(store.Rejected)
				}
				return nil
			})
			r.many(store.LaneModified, "f", 128)
			r.Flush()
			r.after(0)
			r.wantOutbox(128, 0, 0)
		})
	}
}
