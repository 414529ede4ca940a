package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

func TestCreatedFileIsSentAtOnce(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.created("a.json", "h1")
		r.after(0)
		if c := r.wantCalls(1)[0]; c.at != 0 || c.hashes[0] != "h1" {
			t.Errorf("request at %v with %v, want h1 at once", c.at, c.hashes)
		}
		r.wantOutbox(1, 0, 0)
		if !r.Idle() || !r.Circuit().Closed() {
			t.Errorf("idle %v, link %+v", r.Idle(), r.Circuit())
		}
	})
}

func TestBurstSharesAFewRequests(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.latency = 100 * time.Millisecond
		r.created("first.json", "a")
		r.after(0)
		r.many(store.LaneCreated, "f", 500)
		r.after(time.Second)
		// The second request has the records that are there when it begins. The next two requests have the rest.
		if calls := r.remote.seen(); len(calls) > 4 || r.remote.most != 2 {
			t.Errorf("%d requests, %d at one time, want at most 4, and 2", len(calls), r.remote.most)
		}
		r.wantOutbox(501, 0, 0)
	})
}

// A hand is finished every minute or two, and its file is sent at once. A file that changes again within the interval
// waits until the interval after the last flush is over (FT-0011, section 3.2).
func TestModifiedFileGoesAtOnceIfTheLastFlushIsLongAgo(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.after(time.Minute / 2)
		r.modified("a.json", "h1")
		r.after(0)
		r.wantCalls(1)
		r.after(3 * time.Second)
		r.modified("a.json", "h2")
		r.modified("b.json", "h3")
		r.after(2*time.Second - 1)
		r.wantCalls(1)
		r.after(1)
		if c := r.wantCalls(2)[1]; len(c.hashes) != 2 {
			t.Errorf("five seconds after the first flush: %v, want both", c.hashes)
		}
		r.modified("a.json", "h4")
		r.after(5*time.Second - 1)
		r.wantCalls(2)
		r.after(1)
		r.wantCalls(3)
		r.after(5 * time.Second)
		r.modified("a.json", "h5")
		r.after(0)
		r.wantCalls(4)
	})
}

// When the interval is over, all waiting records are sent, in as many batches as needed.
func TestFlushTakesAllThatWaits(t *testing.T) {
	deliver(t, store.DeliveryOptions{BatchSize: 50, BatchBytes: 1 << 20}, func(r *rig) {
		r.openBatchWindow()
		for i := range 40 {
			r.add(store.LaneModified, fmt.Sprintf("%d.json", i), fmt.Sprintf("h%02d", i), 20<<10)
		}
		r.after(5 * time.Second)
		r.add(store.LaneModified, "large.json", "large", 1<<20)
		r.after(0)
		r.wantOutbox(41, 0, 0)
	})
}

func TestModifiedFilesGoAtOnceWhenABatchIsFull(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.many(store.LaneModified, "f", 499)
		r.after(time.Second)
		r.wantCalls(0)
		r.modified("last.json", "g")
		r.after(0)
		if c := r.wantCalls(1)[0]; len(c.hashes) != 500 || c.at != time.Second {
			t.Errorf("%d records at %v, want 500 after one second", len(c.hashes), c.at)
		}
	})
}

func bytesOf(c *call) (n int) {
	for i := range c.records {
		n += len(c.records[i].RawJSON)
	}
	return n
}

func TestModifiedFilesGoAtOnceWhenTheyAreEightMegabytes(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		for i := range 7 {
			r.add(store.LaneModified, fmt.Sprintf("%d.json", i), fmt.Sprintf("h%d", i), 1<<20)
		}
		r.after(time.Second)
		r.wantCalls(0)
		r.add(store.LaneModified, "7.json", "h7", 1<<20)
		r.after(0)
		if c := r.wantCalls(1)[0]; len(c.hashes) != 7 || bytesOf(c) > 8<<20 {
			t.Errorf("%d records, %d bytes, want seven: the eighth is beyond 8 MiB", len(c.hashes), bytesOf(c))
		}
		r.after(5*time.Second - 1)
		r.wantCalls(1)
		r.after(1)
		r.wantCalls(2)
	})
}

func TestRecordLargerThanARequestGoesAlone(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.modified("a.json", "h1")
		r.add(store.LaneModified, "b.json", "h2", 9<<20)
		r.Flush()
		r.after(0)
		for i, c := range r.wantCalls(2) {
			if len(c.hashes) != 1 {
				t.Errorf("request %d holds %v", i, c.hashes)
			}
		}
	})
}

func TestModifiedFileThatGrowsOverTheBoundGoesAtOnce(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.modified("a.json", "h1")
		r.after(time.Second)
		r.add(store.LaneModified, "a.json", "h2", 8<<20)
		r.after(0)
		if c := r.wantCalls(1)[0]; c.hashes[0] != "h2" {
			t.Errorf("sent %v", c.hashes)
		}
	})
}

// Ten saves within the interval cost two requests.
func TestOfAStormOfSavesTheFirstAndTheLastAreSent(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		for i := range 10 {
			r.modified("a.json", fmt.Sprintf("h%d", i))
			r.after(400 * time.Millisecond)
		}
		if src := source("a.json"); !r.Holds(src, "h9") || r.Holds(src, "h8") || r.Idle() {
			t.Errorf("holds h9 %v, h8 %v, idle %v", r.Holds(src, "h9"), r.Holds(src, "h8"), r.Idle())
		}
		r.after(5 * time.Second)
		calls := r.wantCalls(2)
		if c := calls[0]; c.at != 0 || !slices.Equal(c.hashes, []string{"h0"}) {
			t.Errorf("%v at %v, want h0 at once", c.hashes, c.at)
		}
		if c := calls[1]; c.at != 5*time.Second || !slices.Equal(c.hashes, []string{"h9"}) {
			t.Errorf("%v at %v, want h9 five seconds after the first flush", c.hashes, c.at)
		}
		r.checkDone()
	})
}

func TestCreatedFileThatChangesBeforeItIsSentKeepsItsPlace(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.latency = time.Second
		for _, path := range []string{"first", "second"} { // as many requests as may be on their way at the same time
			r.created(path+".json", path)
			r.after(0)
		}
		r.created("b.json", "b1")
		r.modified("b.json", "b2")
		r.created("c.json", "c1")
		r.created("c.json", "c2")
		r.after(time.Second)
		if c := r.wantCalls(3)[2]; !slices.Equal(c.hashes, []string{"b2", "c2"}) {
			t.Errorf("sent %v, want b2 and c2 without waiting for the interval", c.hashes)
		}
		r.after(time.Second)
		r.wantOutbox(4, 0, 0)
	})
}

func TestEqualFilesAreOneRow(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		r.modified("a.json", "h1")
		r.modified("copy of a.json", "h1")
		r.modified("b.json", "h0")
		r.Flush()
		r.after(0)
		if c := r.wantCalls(1)[0]; !slices.Equal(c.hashes, []string{"h0", "h1"}) {
			t.Errorf("sent %v, want each hash once", c.hashes)
		}
		acked, _, _, _ := r.outbox.now()
		slices.Sort(acked)
		if got := strings.Join(acked, " "); got != "a.json@h1 b.json@h0 copy of a.json@h1" {
			t.Errorf("acknowledged %s", got)
		}
	})
}

func TestRecordsGoOutInTheOrderOfTheirHashes(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.openBatchWindow()
		for _, hash := range []string{"ff", "0a", "a0", "00", "f0"} {
			r.modified(hash+".json", hash)
		}
		r.Flush()
		r.after(0)
		if c := r.wantCalls(1)[0]; !slices.Equal(c.hashes, []string{"00", "0a", "a0", "f0", "ff"}) {
			t.Errorf("sent %v", c.hashes)
		}
	})
}

func TestOrderOfOnePathIsKeptAcrossLanes(t *testing.T) {
	for _, lanes := range [][2]store.Lane{
		{store.LaneCreated, store.LaneModified},
		{store.LaneModified, store.LaneCreated},
	} {
		t.Run(lanes[0].String()+" then "+lanes[1].String(), func(t *testing.T) {
			deliver(t, store.DeliveryOptions{FlushInterval: time.Second}, func(r *rig) {
				r.remote.latency = 10 * time.Second
				r.add(lanes[0], "a.json", "a1", 0)
				r.after(2 * time.Second)
				r.add(lanes[1], "a.json", "a2", 0)
				r.add(lanes[1], "b.json", "b1", 0)
				r.after(time.Minute)
				sent := map[string]*call{}
				for _, c := range r.remote.seen() {
					for _, hash := range c.hashes {
						sent[hash] = c
					}
				}
				if len(sent) != 3 {
					t.Fatalf("sent %v", sent)
				}
				if sent["a2"].at < sent["a1"].end {
					t.Errorf("the newer content was sent at %v, the older was answered at %v", sent["a2"].at,
						sent["a1"].end)
				}
				if sent["b1"].at > 4*time.Second {
					t.Errorf("another path had to wait until %v", sent["b1"].at)
				}
			})
		})
	}
}

func TestLanesDoNotWaitForEachOther(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.latency = 20 * time.Second
		r.modified("a.json", "a")
		r.after(6 * time.Second)
		r.created("b.json", "b")
		r.after(0)
		if c := r.wantCalls(2)[1]; c.at != 6*time.Second {
			t.Errorf("the new file was sent at %v", c.at)
		}
		if !r.Holds(source("a.json"), "a") || r.Idle() {
			t.Error("what is in flight is not held")
		}
		r.after(time.Minute)
	})
}

func TestLedgerErrorsLoseNoDone(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.outbox.setBroken(true)
		r.created("a.json", "h1")
		r.after(time.Second)
		r.remote.say(always(store.Rejected))
		r.created("b.json", "h2")
		r.after(time.Second)
		r.remote.say(always(store.Outage))
		r.created("c.json", "h3")
		r.after(time.Second)
		r.created("d.json", "h4") // goes straight to the queue
		r.after(time.Second)
		r.checkDone()
		r.outbox.setBroken(false)
		r.remote.say(nil)
		r.created("e.json", "h5")
		r.after(2 * time.Minute)
		r.wantOutbox(1, 0, 0)
	})
}

func TestQueueIsGoneThroughAtEveryInterval(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.after(time.Minute)
		if c := r.wantCalls(1)[0]; !c.ping || c.at != time.Minute {
			t.Errorf("with nothing known of the link: %+v, want a ping after a minute", c)
		}
		r.outbox.fill(3)
		r.after(time.Minute - 1)
		r.wantCalls(1)
		r.after(1)
		if c := r.wantCalls(2)[1]; len(c.hashes) != 3 {
			t.Errorf("sent %v, want the queue", c.hashes)
		}
		r.outbox.fill(1)
		r.DrainQueue()
		r.after(0)
		r.wantCalls(3)
		r.after(5 * time.Minute)
		r.wantCalls(3) // no probe, because the remote is known to serve requests
		r.wantOutbox(4, 0, 0)
	})
}
