package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

func TestOutageSendsEverythingToTheQueue(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.created("a.json", "h1")
		r.after(0)
		r.wantCalls(1)
		if s := r.Circuit(); s.Closed() || s.Class != store.Outage || s.Err == nil || s.Since.IsZero() {
			t.Errorf("link = %+v, want an outage with its cause and time", s)
		}
		r.many(store.LaneCreated, "c", 10)
		r.after(0)
		r.many(store.LaneModified, "m", 500)
		r.Flush()
		r.after(0)
		r.wantCalls(1) // later records cause no request
		r.wantOutbox(0, 0, 511)
		if r.outbox.causes[0] == nil || r.outbox.causes[1] != nil {
			t.Errorf("causes %v, %v: want one for what was tried, none for what was not", r.outbox.causes[0],
				r.outbox.causes[1])
		}
		r.checkDone()
	})
}

func TestUnclassifiedErrorIsAnOutage(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		odd := errors.New("odd")
		r.remote.answer = func(int, *call) error { return odd }
		r.created("a.json", "h1")
		r.after(0)
		r.wantOutbox(0, 0, 1)
		if s := r.Circuit(); s.Closed() || s.Class != store.Outage || !errors.Is(s.Err, odd) {
			t.Errorf("link = %+v", s)
		}
	})
}

// gaps returns the times between one request's end and the next's start.
func gaps(calls []*call) (list []time.Duration) {
	for i := 1; i < len(calls); i++ {
		list = append(list, calls[i].at-calls[i-1].end)
	}
	return list
}

// growing returns the delays that wantProbes expects.
var growing = store.DeliveryOptions{ProbeFirst: time.Second, ProbeLast: 15 * time.Second}

func wantProbes(t *testing.T, calls []*call) {
	t.Helper()
	if len(calls) < 12 {
		t.Fatalf("%d requests in three minutes", len(calls))
	}
	want := time.Second
	jitter := false
	for i, gap := range gaps(calls) {
		if gap > want || gap < want*3/4 {
			t.Errorf("probe %d came after %v, want %v or up to a quarter less", i+1, gap, want)
		}
		jitter = jitter || gap != want
		want = min(2*want, 15*time.Second)
	}
	if !jitter {
		t.Error("probes have no jitter")
	}
}

func TestProbesComeOneAtATimeAtGrowingIntervals(t *testing.T) {
	deliver(t, growing, func(r *rig) {
		r.remote.latency = 100 * time.Millisecond
		r.remote.answer = always(store.Outage)
		r.created("a.json", "h1")
		r.after(3 * time.Minute)
		wantProbes(t, r.remote.seen())
		if r.remote.most != 1 {
			t.Errorf("%d requests at one time", r.remote.most)
		}
		r.wantOutbox(0, 0, 1)
	})
}

// In an outage, only probes are sent. Whole batches would load the line all day.
func TestProbeIsASingleRecord(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.many(store.LaneModified, "f", 500)
		r.after(time.Hour)
		for i, c := range r.remote.seen()[1:] {
			if len(c.hashes) != 1 || c.ping {
				t.Fatalf("probe %d: %d records, ping %v, want one record", i+1, len(c.hashes), c.ping)
			}
		}
		r.wantOutbox(0, 0, 500)
		r.remote.say(nil)
		r.after(15 * time.Second)
		r.wantOutbox(500, 0, 0)
	})
}

func TestRemoteThatIsBackIsNoticedWithinFifteenSeconds(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.created("a.json", "h1")
		r.after(time.Hour)
		for i, gap := range gaps(r.remote.seen()) {
			if gap > 15*time.Second {
				t.Errorf("probe %d came after %v", i+1, gap)
			}
		}
	})
}

// The queue was empty when Due was called. Then a record fails and opens the circuit. A ping must not close it: a
// remote may answer a ping and still take no record, for example if its table lacks a column.
func TestAPingClosesNoCircuitThatARecordHasOpened(t *testing.T) {
	deliver(t, growing, func(r *rig) {
		r.remote.answer = func(_ int, c *call) error {
			if c.ping {
				return nil
			}
			return failure(store.Setup)
		}
		r.outbox.meanwhile = func() {
			r.created("a.json", "h1")
			time.Sleep(100 * time.Millisecond) // until the record has failed
		}
		r.DrainQueue()
		r.after(3 * time.Minute)
		if r.Circuit().Closed() {
			t.Error("the circuit is closed, though no record is taken")
		}
		if slices.ContainsFunc(r.remote.seen(), func(c *call) bool { return c.ping }) {
			t.Error("there was a record to probe with")
		}
	})
}

// The circuit closes and the queue is drained while other records, which found the circuit open, are still being
// queued. These do not wait for the next interval.
func TestWhatIsQueuedTooLateForTheDrainHasItsOwn(t *testing.T) {
	deliver(t, growing, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.created("a.json", "h1")
		r.after(0)
		r.remote.say(nil)
		r.outbox.beforeWaits = func() {
			time.Sleep(20 * time.Second) // until the probe has succeeded
			if acked, _, _ := r.outbox.totals(); !r.Circuit().Closed() || len(acked) != 1 {
				t.Errorf("the circuit is %v, %d records have arrived, want it closed, and one",
					r.Circuit().State, len(acked))
			}
		}
		r.created("b.json", "h2")
		r.after(20 * time.Second)
		r.wantOutbox(2, 0, 0)
	})
}

func TestProbesWithAnEmptyQueueArePings(t *testing.T) {
	deliver(t, growing, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.DrainQueue()
		r.after(3 * time.Minute)
		calls := r.remote.seen()
		wantProbes(t, calls)
		if slices.ContainsFunc(calls, func(c *call) bool { return !c.ping }) {
			t.Error("there was nothing to send")
		}
		r.remote.say(nil)
		r.after(16 * time.Second)
		r.wantCalls(len(calls) + 1)
		if !r.Circuit().Closed() {
			t.Error("the link is not up again")
		}
	})
}

// A busy table rewrites its file after each hand. Each rewrite calls DrainQueue while an older content waits in the
// queue.
func TestNobodyHurriesTheProbes(t *testing.T) {
	deliver(t, growing, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.created("a.json", "h1")
		r.after(0)
		for range 1800 {
			r.DrainQueue()
			r.after(100 * time.Millisecond)
		}
		wantProbes(t, r.remote.seen())
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = func(n int, _ *call) error {
			switch n {
			case 0:
				return &store.RemoteError{Class: store.Outage, Status: 429, RetryAfter: 40 * time.Second}
			default:
				return failure(store.Outage)
			}
		}
		r.created("a.json", "h1")
		r.after(20 * time.Second)
		r.created("b.json", "h2")
		r.DrainQueue()
		r.after(20*time.Second - 1)
		r.wantCalls(1)
		r.after(1)
		r.wantCalls(2)
		r.after(2 * time.Second)
		r.wantCalls(3) // one probe, and no loop
	})
}

func TestFirstSuccessDrainsTheQueueAtOnceInSteps(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = func(n int, _ *call) error {
			if n == 0 {
				return failure(store.Outage)
			}
			return nil
		}
		r.created("first.json", "a")
		r.after(0)
		r.many(store.LaneCreated, "f", 119)
		r.after(0)
		r.wantOutbox(0, 0, 120)
		r.after(time.Second)
		calls := r.wantCalls(5)
		var sizes []int
		for _, c := range calls[1:] {
			if sizes = append(sizes, len(c.hashes)); c.at != calls[1].at {
				t.Errorf("%d records at %v, want them with the probe's success, at %v",
					len(c.hashes), c.at, calls[1].at)
			}
		}
		slices.Sort(sizes) // two requests are on their way at the same time
		if !slices.Equal(sizes, []int{1, 19, 50, 50}) || len(calls[1].hashes) != 1 || calls[1].hashes[0] == "a" {
			t.Errorf("%v records in a request, the probe with %v, want a probe that has not failed before, "+
				"and the rest",
				sizes, calls[1].hashes)
		}
		r.wantOutbox(120, 0, 0)
		r.created("b.json", "b")
		r.after(0)
		r.wantCalls(6) // new files are sent at once again
	})
}

func TestRecordSentWhileOfflineGoesWhenALaneFindsTheLinkUp(t *testing.T) {
	deliver(t, store.DeliveryOptions{ProbeFirst: time.Hour, ProbeLast: time.Hour}, func(r *rig) {
		r.remote.latency = 2 * time.Second
		r.remote.answer = func(n int, _ *call) error {
			if n == 0 {
				return failure(store.Outage)
			}
			return nil
		}
		r.modified("slow.json", "a") // is in flight for 2 s and fails
		r.after(time.Second)
		r.created("quick.json", "b") // is in flight until 3 s and succeeds
		r.after(2 * time.Second)
		r.wantOutbox(1, 0, 1)
		r.after(2 * time.Second)
		r.wantOutbox(2, 0, 0) // the success has drained the queue, an hour before the next probe
	})
}

func TestOutagesSpendNoRetries(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.answer = always(store.Outage)
		r.many(store.LaneCreated, "f", 20)
		r.after(time.Hour)
		r.wantOutbox(0, 0, 20)
		r.remote.say(nil)
		r.after(15 * time.Second)
		r.wantOutbox(20, 0, 0)
	})
}

func TestCredentialsAndSetupHoldEverythingBackAndSaySo(t *testing.T) {
	for _, class := range []store.Class{store.Credentials, store.Setup} {
		t.Run(class.String(), func(t *testing.T) {
			deliver(t, store.DeliveryOptions{}, func(r *rig) {
				r.remote.answer = always(class)
				r.many(store.LaneModified, "f", 500)
				r.Flush()
				r.after(0)
				r.wantCalls(1) // the batch is not bisected
				r.wantOutbox(0, 0, 500)
				if s := r.Circuit(); s.Closed() || s.Class != class {
					t.Errorf("link = %+v, want class %v", s, class)
				}
				r.created("b.json", "h2")
				r.after(0)
				r.wantCalls(1)
				r.remote.say(nil)
				r.after(time.Second)
				r.wantOutbox(501, 0, 0)
			})
		})
	}
}

func TestLinkTellsEveryChange(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.created("a.json", "h1")
		r.after(time.Second)
		r.remote.say(always(store.Outage))
		r.created("b.json", "h2")
		r.after(time.Minute)
		r.remote.say(always(store.Credentials))
		r.after(time.Minute)
		r.remote.say(nil)
		r.after(time.Minute)
		r.created("c.json", "h3")
		r.after(time.Second)
		var got []store.Class
		for _, s := range r.circuits {
			if s.Closed() != (s.Class == 0) || s.Closed() != (s.Err == nil) {
				t.Errorf("link = %+v", s)
			}
			got = append(got, s.Class)
		}
		if want := []store.Class{0, store.Outage, store.Credentials, 0}; !slices.Equal(got, want) {
			t.Errorf("changes of the link: %v, want %v", got, want)
		}
		if !r.circuits[1].Since.Equal(r.circuits[2].Since) {
			t.Error("the link has been down since it went down, whatever the class became")
		}
	})
}
