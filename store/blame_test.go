package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// stumbling is a remote that stumbles over some records with an error that might as well be an outage.
func stumbling(bad ...string) func(int, *call) error {
	return func(_ int, c *call) error {
		if slices.ContainsFunc(c.hashes, func(h string) bool { return slices.Contains(bad, h) }) {
			return &store.RemoteError{Class: store.Outage, Ambiguous: true, Status: 500, Code: "XX000", Message: "invalid memory alloc request"}
		}
		return nil
	}
}

func TestARecordThatTheRemoteStumblesOverKeepsNobodyBack(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = stumbling("f000", "f007")
		r.many(store.LaneModified, "f", 100)
		r.Flush()
		r.after(0)
		r.wantLedger(98, 2, 0)
		if !r.Link().Online {
			t.Error("the remote was taken to be away")
		}
		r.created("new.json", "h1")
		r.after(0)
		r.wantLedger(99, 2, 0)
	})
}

func TestAmbiguousFailureOfARemoteThatIsAwayIsAnOutage(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = func(n int, c *call) error {
			if c.ping {
				return failure(store.Outage)
			}
			return stumbling(c.hashes...)(n, c)
		}
		r.many(store.LaneCreated, "f", 10)
		r.after(time.Hour)
		r.wantLedger(0, 0, 10) // and no retry is spent
		if s := r.Link(); s.Online || s.Class != store.Outage {
			t.Errorf("the link is %+v", s)
		}
		r.remote.say(nil)
		r.after(15 * time.Second)
		r.wantLedger(10, 0, 0)
	})
}

// The last record that meets an outage is not the record that the remote stumbled over.
func TestAnOutageThatEndsSpendsNoRetry(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = func(n int, c *call) error {
			if n > 1 {
				return nil
			}
			return stumbling(c.hashes...)(n, c)
		}
		r.created("a.json", "h1")
		r.after(0)
		r.wantLedger(1, 0, 0)
	})
}

func TestARemoteThatShowsNoSignOfLifeIsNotWaitedForLong(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = stumbling("h1")
		r.created("a.json", "h1")
		r.after(0)
		r.wantCalls(3) // the record, the ping, and the record once more
		r.remote.latency = 30 * time.Second
		r.remote.answer = func(n int, c *call) error {
			if c.ping {
				return context.DeadlineExceeded
			}
			return stumbling(c.hashes...)(n, c)
		}
		r.created("b.json", "h2")
		r.after(41 * time.Second)
		r.wantLedger(0, 1, 1)
	})
}
