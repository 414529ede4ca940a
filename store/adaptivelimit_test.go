package store_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// slow is a remote that cuts off statements with this number of records or more.
func slow(records int) func(int, *call) error {
	return func(_ int, c *call) error {
		if len(c.hashes) >= records {
			return &store.RemoteError{
				Class: store.TooMuch, Status: http.StatusInternalServerError, Code: "57014",
				Message: "statement timeout",
			}
		}
		return nil
	}
}

// narrow is a remote behind a proxy that accepts bodies of at most this number of bytes.
func narrow(bytes int64) func(int, *call) error {
	return func(_ int, c *call) error {
		if sizeOf(c) > bytes {
			return &store.RemoteError{
				Class: store.TooMuch, Status: http.StatusRequestEntityTooLarge,
				Message: "too large",
			}
		}
		return nil
	}
}

func sizeOf(c *call) (n int64) {
	for i := range c.records {
		n += c.records[i].Size()
	}
	return n
}

// batch adds 400 records to a lane at the same time. Before that it opens a batch window.
func (r *rig) batch(lane store.Lane, prefix string) {
	r.add(lane, prefix+".json", prefix, 0)
	r.after(0)
	r.many(lane, prefix, 400)
	r.Flush()
	r.after(time.Second)
}

// largest looks at the requests from the n-th on. It returns the largest number of records in one of them, and the
// number of requests.
func (r *rig) largest(from int) (records, requests int) {
	calls := r.remote.seen()[from:]
	for _, c := range calls {
		records = max(records, len(c.hashes))
	}
	return records, len(calls)
}

func TestSecondBatchIsNotSentWholeAfterTheFirstTookTooLong(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.latency = time.Millisecond
		r.remote.say(slow(200))
		r.batch(store.LaneModified, "a")
		// The requests have one record, all records, a half, and four quarters. The second half is not tried, because
		// it is known to be too much.
		calls := r.wantCalls(1 + 1 + 1 + 2 + 2)
		r.wantOutbox(401, 0, 0)
		if n := len(calls[1].hashes); n != 400 {
			t.Fatalf("the first batch had %d records: nothing is known yet", n)
		}
		r.batch(store.LaneCreated, "b") // all lanes share the limits
		if records, _ := r.largest(len(calls)); records > 100 {
			t.Errorf("the second batch: up to %d records in a request, want 100", records)
		}
		r.after(10 * time.Minute)
		before := len(r.remote.seen())
		r.remote.say(nil)
		r.batch(store.LaneModified, "c")
		if records, requests := r.largest(before); records != 400 || requests != 2 {
			t.Errorf("after ten minutes: up to %d records in %d requests, want one of 1 and one of 400",
				records, requests)
		}
		r.wantOutbox(1203, 0, 0)
	})
}

// If a single record also causes the timeout, the number of records is not the cause.
func TestRecordThatAloneTakesTooLongDoesNotMakeTheOthersGoAlone(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.say(func(n int, c *call) error {
			if slices.Contains(c.hashes, "a399") {
				return slow(0)(n, c)
			}
			return nil
		})
		r.batch(store.LaneModified, "a")
		r.wantOutbox(400, 1, 0)
		r.after(5 * time.Second)
		before := len(r.remote.seen())
		r.batch(store.LaneModified, "b")
		if records, requests := r.largest(before); records != 400 || requests != 2 {
			t.Errorf("the next batch: up to %d records in %d requests, want one of 1 and one of 400", records, requests)
		}
	})
}

func TestSecondBodyIsNotSentWholeAfterTheFirstWasTooLarge(t *testing.T) {
	deliver(t, store.DeliveryOptions{BatchBytes: 1 << 20}, func(r *rig) {
		r.remote.say(narrow(100 << 10))
		r.batch(store.LaneModified, "a") // about 200 KiB
		calls := r.wantCalls(1 + 1 + 1 + 2 + 2)
		failed := sizeOf(calls[1])
		r.batch(store.LaneModified, "b")
		r.add(store.LaneCreated, "large.json", "large", int(failed)) // a single record, larger than the limit
		r.after(59 * time.Minute)
		for i, c := range r.remote.seen()[len(calls):] {
			if sizeOf(c) > failed/2 && len(c.hashes) > 1 {
				t.Errorf("request %d has %d bytes, though %d were too many", i, sizeOf(c), failed)
			}
		}
		r.wantOutbox(802, 1, 0)
		r.after(2 * time.Minute)
		before := len(r.remote.seen())
		r.remote.say(nil)
		r.batch(store.LaneModified, "c")
		if records, requests := r.largest(before); records != 400 || requests != 2 {
			t.Errorf("after an hour: up to %d records in %d requests, want one of 1 and one of 400", records, requests)
		}
	})
}

// Successes of small batches do not show that large ones succeed. They do not change when the limit ends.
func TestLimitIsTriedAgainEvenIfSmallerBatchesKeepComing(t *testing.T) {
	deliver(t, store.DeliveryOptions{}, func(r *rig) {
		r.remote.say(slow(200))
		r.batch(store.LaneModified, "a")
		r.remote.say(nil)
		for range 11 {
			r.outbox.fill(30)
			r.DrainQueue()
			r.after(time.Minute)
		}
		before := len(r.remote.seen())
		r.batch(store.LaneModified, "b")
		if records, _ := r.largest(before); records != 400 {
			t.Errorf("up to %d records in a request, want 400", records)
		}
	})
}

// On a line that is too slow for a batch, batches must become smaller until they fit. Otherwise only probes would ever
// arrive.
func TestBatchThatASlowLineCannotCarryInTimeIsHalved(t *testing.T) {
	deliver(t, store.DeliveryOptions{BatchBytes: 1 << 20}, func(r *rig) {
		r.remote.say(func(_ int, c *call) error {
			if sizeOf(c) > 10<<10 {
				return &store.RemoteError{Class: store.Outage, Message: "no answer", Err: context.DeadlineExceeded}
			}
			return nil
		})
		r.batch(store.LaneModified, "a") // some 200 KiB
		r.after(5 * time.Minute)
		r.wantOutbox(401, 0, 0)
		if n := len(r.remote.seen()); n > 80 {
			t.Errorf("%d requests for 400 records, want some ten in each", n)
		}
	})
}
