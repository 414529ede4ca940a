package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/reconcile/state/statetest"
	"github.com/gfxsync/gfxsync/store"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

var errCause = errors.New("no answer")

func openQueue(t *testing.T) store.Queue {
	t.Helper()
	s := statetest.Open(t)
	// The handle for reading can write too. reconcile/state tests a queue in a transaction.
	return s.Queue
}

func source(path string) fileid.ID { return fileid.ID{Root: "r", Path: path} }

func put(t *testing.T, q store.Queue, path, hash string, cause error, now time.Time) {
	t.Helper()
	r := store.Record{FileHash: hash, FileName: path, RawJSON: []byte("{ \"ID\": 638961999170907267 }")}
	if err := q.Put(t.Context(), source(path), &r, cause, now); err != nil {
		t.Fatal(err)
	}
}

// refuse refuses a record. The record is due again a minute later.
func refuse(t *testing.T, q store.Queue, path, hash string, max int, now time.Time) int {
	t.Helper()
	n, err := q.Refuse(t.Context(), source(path), hash, max, now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func due(t *testing.T, q store.Queue, after store.QueuePlace, limit int, maxBytes int64, now time.Time) []store.Item {
	t.Helper()
	items, err := q.Due(t.Context(), after, limit, maxBytes, now)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func dueHashes(t *testing.T, q store.Queue, now time.Time) string {
	t.Helper()
	var hashes []string
	for _, it := range due(t, q, store.QueuePlace{}, 100, 1<<20, now) {
		hashes = append(hashes, it.Record.FileHash)
	}
	return strings.Join(hashes, " ")
}

func list(t *testing.T, q store.Queue) []store.Queued {
	t.Helper()
	l, err := q.List(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wantCounts(t *testing.T, q store.Queue, waiting, dead int) {
	t.Helper()
	w, d, err := q.Counts(t.Context())
	if err != nil || w != waiting || d != dead {
		t.Errorf("Counts = %d waiting, %d dead, %v, want %d, %d", w, d, err, waiting, dead)
	}
}

func TestQueueGivesTheRecordBackAsItWas(t *testing.T) {
	q := openQueue(t)
	want := mustMake(t, "일/a.json", " {\"ID\": 638961999170907267, \"EventTitle\":\"<한글> & \\u0001\","+
		"\"CreatedDateTimeUTC\":\"2025-10-16T08:28:39.1234567Z\"}\n")
	if err := q.Put(t.Context(), source("일/a.json"), &want, nil, noon); err != nil {
		t.Fatal(err)
	}
	items := due(t, q, store.QueuePlace{}, 10, 1<<20, noon)
	if len(items) != 1 {
		t.Fatalf("%d items are due, want 1", len(items))
	}
	it := items[0]
	if !reflect.DeepEqual(it.Record, want) {
		t.Errorf("record = %+v, want %+v", it.Record, want)
	}
	if it.Source != source("일/a.json") || it.Lane != store.LaneQueue || !it.At.Equal(noon) || it.Place.ID == 0 {
		t.Errorf("item = %+v", it)
	}
}

func TestQueueHoldsARecordOnce(t *testing.T) {
	q := openQueue(t)
	put(t, q, "a.json", "h1", nil, noon)
	if e := list(t, q)[0]; !e.LastAttempt.IsZero() || e.LastError != "" || !e.CreatedAt.Equal(noon) {
		t.Errorf("not tried yet: %+v", e)
	}
	put(t, q, "a.json", "h1", errCause, noon.Add(time.Minute))
	refuse(t, q, "a.json", "h1", 5, noon)
	put(t, q, "copy.json", "h1", nil, noon.Add(time.Hour))
	entries := list(t, q)
	if len(entries) != 1 {
		t.Fatalf("%d entries, want 1", len(entries))
	}
	e := entries[0]
	if e.Retries != 1 || e.LastError != "no answer" || !e.CreatedAt.Equal(noon) ||
		!e.LastAttempt.Equal(noon.Add(time.Minute)) {
		t.Errorf("entry = %+v: putting it again must keep its retries, its age and its last attempt", e)
	}
	put(t, q, "a.json", "h2", nil, noon)
	wantCounts(t, q, 2, 0)
}

func TestQueueDueIsBoundedAndGoesOn(t *testing.T) {
	q := openQueue(t)
	for i := range 5 {
		put(t, q, fmt.Sprintf("%d.json", i), fmt.Sprintf("h%d", i), nil, noon)
	}
	first := due(t, q, store.QueuePlace{}, 2, 1<<20, noon)
	if len(first) != 2 || first[0].Record.FileHash != "h0" {
		t.Fatalf("limit 2: %d items, %+v", len(first), first)
	}
	rest := due(t, q, first[1].Place, 10, 1<<20, noon)
	if len(rest) != 3 || rest[0].Record.FileHash != "h2" {
		t.Fatalf("after the second: %d items, %+v", len(rest), rest)
	}
	size := int64(len(first[0].Record.AppendJSON(nil, nil))) // as the queue stores it
	if got := due(t, q, store.QueuePlace{}, 10, 2*size, noon); len(got) != 2 {
		t.Errorf("%d items in the bytes of two", len(got))
	}
	if got := due(t, q, store.QueuePlace{}, 10, 1, noon); len(got) != 1 {
		t.Errorf("%d items, want the first even if it is too large", len(got))
	}
}

func TestQueueWaitsForTheNextAttempt(t *testing.T) {
	q := openQueue(t)
	put(t, q, "a.json", "h1", errCause, noon)
	refuse(t, q, "a.json", "h1", 5, noon)
	for _, tt := range []struct {
		name string
		now  time.Time
		want string
	}{
		{"too early", noon.Add(59 * time.Second), ""},
		{"in time", noon.Add(time.Minute), "h1"},
		{"asked before the refusal, and answered after it", noon.Add(-10 * time.Second), ""},
		{"clock set back before the last attempt", noon.Add(-time.Hour), "h1"},
	} {
		if got := dueHashes(t, q, tt.now); got != tt.want {
			t.Errorf("%s: due %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestQueueGivesUpAfterTheLastRetry(t *testing.T) {
	q := openQueue(t)
	put(t, q, "a.json", "h1", errCause, noon)
	put(t, q, "b.json", "h2", nil, noon)
	for want := 1; want <= 3; want++ {
		if dead := list(t, q)[0].Dead; dead {
			t.Fatalf("dead after %d of 3 refusals", want-1)
		}
		if got := refuse(t, q, "a.json", "h1", 3, noon.Add(time.Duration(want)*time.Minute)); got != want {
			t.Errorf("refusal %d counts %d", want, got)
		}
	}
	wantCounts(t, q, 1, 1)
	for _, now := range []time.Time{noon.Add(time.Hour), noon.Add(-time.Hour)} {
		if got := dueHashes(t, q, now); got != "h2" {
			t.Errorf("at %v: due %q, want h2 alone", now, got)
		}
	}
	if _, err := q.Refuse(t.Context(), source("a.json"), "unknown", 3, noon, time.Minute); err == nil {
		t.Error("a refusal of a record that is not in the queue passes")
	}
}

// At most one refusal counts in an interval, however many passes and commands run.
func TestQueueCountsOneRefusalInAnInterval(t *testing.T) {
	q := openQueue(t)
	put(t, q, "a.json", "h1", errCause, noon)
	for _, tt := range []struct {
		at   time.Duration
		want int
	}{
		{0, 1},
		{0, 1},
		{time.Minute - time.Millisecond, 1},
		{time.Minute, 2},
		{time.Minute + time.Second, 2},
		{2 * time.Minute, 3},
		{-time.Hour, 4}, // the clock was set back: this refusal must count, or the record would not die for an hour
	} {
		if got := refuse(t, q, "a.json", "h1", 5, noon.Add(tt.at)); got != tt.want {
			t.Errorf("after %v: %d refusals, want %d", tt.at, got, tt.want)
		}
	}
	wantCounts(t, q, 1, 0)
}

func TestQueueDrainsSuspectsLast(t *testing.T) {
	q := openQueue(t)
	for i := range 4 {
		put(t, q, fmt.Sprintf("%d.json", i), fmt.Sprintf("h%d", i), nil, noon)
	}
	suspect := func(hash string, at time.Time) store.Suspicion {
		put(t, q, hash, hash, errCause, at)
		before, err := q.MarkSuspect(t.Context(), source(hash), hash)
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	suspect("h0", noon.Add(2*time.Second))
	suspect("h2", noon.Add(time.Second))
	var order []string
	for place := (store.QueuePlace{}); ; {
		items := due(t, q, place, 1, 1<<20, noon.Add(time.Hour))
		if len(items) == 0 {
			break
		}
		order, place = append(order, items[0].Record.FileHash), items[0].Place
	}
	if got := strings.Join(order, " "); got != "h1 h3 h2 h0" {
		t.Errorf("order %s, want the suspects last, the one that was tried last at the end", got)
	}
	if err := q.MarkSuspectsProven(t.Context()); err != nil {
		t.Fatal(err)
	}
	if before := suspect("h0", noon.Add(time.Minute)); before != store.Proven {
		t.Errorf("after a success of another record: %v, want Proven", before)
	}
	if before := suspect("h0", noon.Add(time.Minute)); before != store.Unproven {
		t.Errorf("after the next failure: %v, want Unproven", before)
	}
}

func TestQueueDoneTakesEveryEntryOfTheHash(t *testing.T) {
	q := openQueue(t)
	for _, root := range []string{"r", "other"} {
		r := store.Record{FileHash: "h1", RawJSON: []byte("{}")}
		if err := q.Put(t.Context(), fileid.ID{Root: root, Path: "a.json"}, &r, nil, noon); err != nil {
			t.Fatal(err)
		}
	}
	put(t, q, "a.json", "h2", nil, noon)
	wantCounts(t, q, 3, 0)
	for range 2 { // the second time must change nothing
		if err := q.Done(t.Context(), "h1"); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, q, 1, 0)
	}
}

func TestQueueListPages(t *testing.T) {
	q := openQueue(t)
	for i := range 5 {
		put(t, q, fmt.Sprintf("%d.json", i), fmt.Sprintf("h%d", i), nil, noon)
	}
	var after int64
	var got []string
	for {
		page, err := q.List(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got, after = append(got, e.Source.Path+" "+e.FileHash), e.ID
		}
	}
	if want := "0.json h0,1.json h1,2.json h2,3.json h3,4.json h4"; strings.Join(got, ",") != want {
		t.Errorf("listed %v, want %s", got, want)
	}
}

// twoDead makes a queue with two dead entries and a waiting one between them.
func twoDead(t *testing.T) (q store.Queue, ids []int64) {
	t.Helper()
	q = openQueue(t)
	for i := range 3 {
		path, hash := fmt.Sprintf("%d.json", i), fmt.Sprintf("h%d", i)
		put(t, q, path, hash, errCause, noon)
		if i != 1 {
			refuse(t, q, path, hash, 1, noon)
		}
	}
	for _, e := range list(t, q) {
		ids = append(ids, e.ID)
	}
	wantCounts(t, q, 1, 2)
	return q, ids
}

func TestQueueRetryGivesTheWholeBudgetBack(t *testing.T) {
	q, ids := twoDead(t)
	hashes, err := q.Retry(t.Context(), ids[0])
	if err != nil || len(hashes) != 1 || hashes[0] != "h0" {
		t.Fatalf("Retry(%d) = %v, %v", ids[0], hashes, err)
	}
	if e := list(t, q)[0]; e.Dead || e.Retries != 0 {
		t.Errorf("after the retry: %+v", e)
	}
	if got := dueHashes(t, q, noon.Add(time.Second)); got != "h0 h1" {
		t.Errorf("due %q, want h0 h1", got)
	}
	if hashes, err = q.Retry(t.Context(), 0); err != nil || len(hashes) != 1 || hashes[0] != "h2" {
		t.Errorf("Retry(0) = %v, %v, want the dead one that is left", hashes, err)
	}
	if hashes, err = q.Retry(t.Context(), 0); err != nil || len(hashes) != 0 {
		t.Errorf("Retry(0) with none dead = %v, %v", hashes, err)
	}
	wantCounts(t, q, 3, 0)
}

func TestQueueDropRemovesWhatTheOperatorNames(t *testing.T) {
	q, ids := twoDead(t)
	if hashes, err := q.Drop(t.Context(), 0); err != nil || len(hashes) != 2 {
		t.Errorf("Drop(0) = %v, %v, want the two dead ones", hashes, err)
	}
	wantCounts(t, q, 1, 0)
	if hashes, err := q.Drop(t.Context(), ids[1]); err != nil || len(hashes) != 1 || hashes[0] != "h1" {
		t.Errorf("Drop(%d) = %v, %v", ids[1], hashes, err)
	}
	wantCounts(t, q, 0, 0)
	if hashes, err := q.Drop(t.Context(), 0); err != nil || len(hashes) != 0 {
		t.Errorf("Drop(0) of an empty queue = %v, %v", hashes, err)
	}
}

func TestQueueSaysWhenThereIsNoSuchEntry(t *testing.T) {
	q, ids := twoDead(t)
	if _, err := q.Retry(t.Context(), ids[2]+1); !errors.Is(err, store.ErrNoSuchEntry) {
		t.Errorf("Retry: %v, want ErrNoSuchEntry", err)
	}
	if _, err := q.Drop(t.Context(), ids[2]+1); !errors.Is(err, store.ErrNoSuchEntry) {
		t.Errorf("Drop: %v, want ErrNoSuchEntry", err)
	}
	wantCounts(t, q, 1, 2)
}

// List returns the size of the file in bytes, not the size of the record in the queue.
func TestListTellsTheSizeOfTheFile(t *testing.T) {
	q := openQueue(t)
	contents := []string{`{}`, `{"ID":1,"EventTitle":"한글 결승"}`, " {\n\t\"raw_json\":{\"a\":1}}\r\n"}
	for i, content := range contents {
		title := `a title with "raw_json": in it`
		r := store.Record{FileHash: fmt.Sprint(i), FileName: "한글.json", EventTitle: title, RawJSON: []byte(content)}
		if err := q.Put(t.Context(), source(r.FileName), &r, nil, noon); err != nil {
			t.Fatal(err)
		}
	}
	listed := list(t, q)
	for i, content := range contents {
		if listed[i].Bytes != int64(len(content)) {
			t.Errorf("%q has %d bytes, want %d", content, listed[i].Bytes, len(content))
		}
	}
}
