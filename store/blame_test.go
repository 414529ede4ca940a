package store_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// ambiguous holds failures whose cause may be a record or the remote.
var ambiguous = map[string]error{
	"cut connection": &store.RemoteError{Class: store.Outage, Ambiguous: true, Message: "EOF"},
	"timeout": &store.RemoteError{
		Class: store.Outage, Ambiguous: true, Message: "no answer", Err: context.DeadlineExceeded,
	},
	"502 as a page": &store.RemoteError{
		Class: store.Outage, Ambiguous: true, Status: http.StatusBadGateway, Message: "bad gateway",
	},
	"403 as a page": &store.RemoteError{
		Class: store.Credentials, Ambiguous: true, Status: http.StatusForbidden, Message: "forbidden",
	},
	"413": &store.RemoteError{
		Class: store.TooMuch, Status: http.StatusRequestEntityTooLarge, Message: "too large",
	},
	"57014": &store.RemoteError{
		Class: store.TooMuch, Status: http.StatusInternalServerError, Code: "57014", Message: "timeout",
	},
	"53200": &store.RemoteError{
		Class: store.Outage, Ambiguous: true, Status: http.StatusServiceUnavailable, Code: "53200",
		Message: "out of memory",
	},
}

// stumbling is a remote that fails whenever a request has one of these records.
func stumbling(err error, bad ...string) func(int, *call) error {
	return func(_ int, c *call) error {
		if slices.ContainsFunc(c.hashes, func(h string) bool { return slices.Contains(bad, h) }) {
			return err
		}
		return nil
	}
}

// There is one bad record among 100 good ones. The good ones arrive within one probe, the bad one becomes dead, and the
// circuit is closed.
func TestARecordThatTheRemoteStumblesOverEndsDeadAlone(t *testing.T) {
	for name, err := range ambiguous {
		for _, bad := range []string{"f000", "f057", "f100"} {
			t.Run(name+" "+bad, func(t *testing.T) {
				deliver(t, store.DeliveryOptions{}, func(r *rig) {
					r.remote.answer = stumbling(err, bad)
					r.many(store.LaneModified, "f", 101)
					r.Flush()
					r.after(time.Second)
					r.wantOutbox(100, 1, 0)
					for n := 2; n <= maxRetries; n++ {
						r.outbox.interval()
						r.after(time.Minute)
						// no other record arrives that could show that the remote serves others
						r.wantOutbox(100, n, 0)
					}
					r.outbox.interval()
					r.after(time.Hour)
					r.wantOutbox(100, maxRetries, 0)
					if !r.Circuit().Closed() {
						t.Errorf("the circuit is %+v", r.Circuit())
					}
					r.created("new.json", "h1")
					r.after(0)
					r.wantOutbox(101, maxRetries, 0)
				})
			})
		}
	}
}

func TestTwoBadRecordsKeepNobodyBack(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.remote.say(stumbling(ambiguous["cut connection"], "f000", "f007"))
		r.many(store.LaneModified, "f", 100)
		r.Flush()
		r.after(0)
		r.wantOutbox(98, 2, 0)
		if !r.Circuit().Closed() || len(r.circuits) > 1 {
			t.Errorf("the remote was taken to be away: %+v", r.circuits)
		}
	})
}

// If a table is locked or a gateway is down, every record fails. Then no record is to blame, however long it lasts.
func TestAnOutageOfAnyKindSpendsNoRetry(t *testing.T) {
	for name, err := range ambiguous {
		for _, served := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, others served before: %v", name, served), func(t *testing.T) {
				deliver(t, store.DeliveryOptions{}, func(r *rig) {
					if served {
						r.openBatchWindow()
					}
					r.remote.latency = time.Second
					r.remote.say(func(int, *call) error { return err })
					r.many(store.LaneModified, "f", 40)
					r.Flush()
					for range 60 {
						r.after(time.Minute)
						r.DrainQueue()
						r.outbox.interval()
					}
					r.wantOutbox(0, 0, 40)
					if r.Circuit().Closed() {
						t.Error("the circuit is closed")
					}
					r.remote.say(nil)
					r.after(2 * time.Minute)
					r.wantOutbox(40, 0, 0)
				})
			})
		}
	}
}

// A bad record that is alone looks like an outage. The first other record shows that there is no outage.
func TestASuspectIsNoProbeWhileOthersWait(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = stumbling(ambiguous["cut connection"], "bad")
		r.created("bad.json", "bad")
		r.after(time.Hour)
		r.wantOutbox(0, 0, 1)
		if r.Circuit().Closed() {
			t.Error("the circuit is closed, though nothing was ever taken")
		}
		r.created("good.json", "good")
		r.after(15 * time.Second)
		r.wantOutbox(1, 1, 0)
		if !r.Circuit().Closed() {
			t.Error("the circuit is open, though a record was taken")
		}
	})
}

// A record that the remote has taken before shows whether a suspect fails by its own fault.
func TestASuspectIsTriedBesideAControl(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.created("good.json", "good")
		r.after(0)
		r.remote.say(stumbling(ambiguous["timeout"], "bad"))
		r.created("bad.json", "bad")
		r.after(time.Second)
		r.wantOutbox(1, 1, 0)
		var sent []string
		for _, c := range r.remote.seen() {
			sent = append(sent, c.hashes...)
		}
		if want := []string{"good", "bad", "good", "bad"}; !slices.Equal(sent, want) {
			t.Errorf("sent %v, want %v", sent, want)
		}
		r.remote.say(always(store.Outage)) // an outage does not count against the bad record
		r.outbox.interval()
		r.after(10 * time.Minute)
		r.wantOutbox(1, 1, 0)
	})
}

// A table may get a rule that forbids a record in it. That record proves nothing any more, and delays no other record.
func TestAControlThatIsRefusedIsNoOutage(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.created("good.json", "good")
		r.after(0)
		timeouts := 3
		r.remote.say(func(_ int, c *call) error {
			switch {
			case slices.Contains(c.hashes, "good"):
				return &store.RemoteError{Class: store.Rejected, Code: "23514", Message: "a new rule"}
			case timeouts > 0:
				timeouts--
				return ambiguous["timeout"]
			}
			return nil
		})
		r.created("slow.json", "slow")
		r.after(time.Hour)
		r.wantOutbox(2, 0, 0)
		if !r.Circuit().Closed() {
			t.Error("the circuit is open, though the remote answers")
		}
	})
}

// A record that fails once by the remote's fault is sent again as soon as the circuit is closed.
func TestAnOutageThatEndsSpendsNoRetry(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = func(n int, _ *call) error {
			if n > 0 {
				return nil
			}
			return ambiguous["502 as a page"]
		}
		r.created("a.json", "h1")
		r.after(time.Second)
		r.wantOutbox(1, 0, 0)
	})
}
