package hashindex_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
)

func get(t *testing.T, x hashindex.Index, path string) hashindex.Entry {
	t.Helper()
	e, ok, err := x.Get(t.Context(), fileid.ID{Root: label, Path: path})
	if err != nil || !ok {
		t.Fatalf("Get(%q): %v, %v", path, ok, err)
	}
	return e
}

func TestIndexGivesBackWhatWasPut(t *testing.T) {
	s := openState(t)
	for _, want := range []hashindex.Entry{
		{
			ID: fileid.ID{Root: label, Path: "일/a b.json"}, Stamp: hashindex.Stamp{Size: 1 << 40, ModTime: -5},
			Hash: "h1", State: hashindex.Synced, StampSeen: noon, Racy: true, SeenAt: noon.Add(1e6),
			SyncedAt: noon.Add(2e6),
		},
		{
			ID: fileid.ID{Root: label, Path: "b\xff.json"}, State: hashindex.Invalid, Error: "not JSON",
			StampSeen: noon, SeenAt: noon,
		},
	} {
		putAll(t, s, []hashindex.Entry{want})
		if got := get(t, s.Index, want.Path); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	changed := entry("일/a b.json", "h2", hashindex.Pending)
	putAll(t, s, []hashindex.Entry{changed})
	if got := get(t, s.Index, changed.Path); !reflect.DeepEqual(got, changed) {
		t.Errorf("put again: got  %+v\nwant %+v", got, changed)
	}
	for _, k := range []fileid.ID{{Root: label, Path: "no.json"}, {Root: "other", Path: changed.Path}} {
		if _, ok, err := s.Index.Get(t.Context(), k); ok || err != nil {
			t.Errorf("Get(%v) = %v, %v, want nothing", k, ok, err)
		}
	}
}

var allStates = []hashindex.State{
	hashindex.Pending, hashindex.Queued, hashindex.Synced, hashindex.Dead, hashindex.Invalid, hashindex.Gone,
}

// inEveryState makes an index with one file for each state. Each file is named after its state and has the hash h1. One
// more file is pending and has another hash.
func inEveryState(t *testing.T) hashindex.Index {
	t.Helper()
	var entries []hashindex.Entry
	for _, s := range allStates {
		e := entry(string(s), "h1", s)
		e.Error = "was " + string(s)
		entries = append(entries, e)
	}
	return indexWith(t, append(entries, entry("other", "h2", hashindex.Pending))...)
}

func TestAcknowledgeSyncsWhatWaitedForTheHash(t *testing.T) {
	x := inEveryState(t)
	if ok, err := x.Acknowledged(t.Context(), "h1"); ok || err != nil {
		t.Errorf("Acknowledged before: %v, %v", ok, err)
	}
	now := noon.Add(time.Hour)
	for range 2 {
		if err := x.Acknowledge(t.Context(), fileid.ID{Root: label, Path: "queued"}, "h1", now); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := x.Acknowledged(t.Context(), "h1"); !ok || err != nil {
		t.Errorf("Acknowledged after: %v, %v", ok, err)
	}
	if ok, err := x.Acknowledged(t.Context(), "h2"); ok || err != nil {
		t.Errorf("Acknowledged of another hash: %v, %v", ok, err)
	}
	for _, s := range []hashindex.State{hashindex.Pending, hashindex.Queued, hashindex.Dead} {
		if e := get(t, x, string(s)); e.State != hashindex.Synced || e.Error != "" || !e.SyncedAt.Equal(now) {
			t.Errorf("%s became %+v, want synced", s, e)
		}
	}
	for _, s := range []hashindex.State{hashindex.Invalid, hashindex.Gone} {
		if e := get(t, x, string(s)); e.State != s {
			t.Errorf("%s became %s", s, e.State)
		}
	}
	if e := get(t, x, "other"); e.State != hashindex.Pending {
		t.Errorf("a file with another hash became %s", e.State)
	}
}

func TestMoveTakesOnlyTheStatesNamed(t *testing.T) {
	x := inEveryState(t)
	from := []hashindex.State{hashindex.Pending, hashindex.Queued}
	if err := x.Move(t.Context(), "h1", from, hashindex.Dead, "refused"); err != nil {
		t.Fatal(err)
	}
	for _, s := range allStates {
		want, reason := s, "was "+string(s)
		if s == hashindex.Pending || s == hashindex.Queued {
			want, reason = hashindex.Dead, "refused"
		}
		if e := get(t, x, string(s)); e.State != want || e.Error != reason {
			t.Errorf("%s became %s (%s), want %s (%s)", s, e.State, e.Error, want, reason)
		}
	}
	if e := get(t, x, "other"); e.State != hashindex.Pending {
		t.Errorf("a file with another hash became %s", e.State)
	}
	if err := x.Move(t.Context(), "h1", nil, hashindex.Gone, ""); err != nil {
		t.Errorf("from no state: %v", err)
	}
}

func TestCounts(t *testing.T) {
	got, err := inEveryState(t).Counts(t.Context())
	want := map[hashindex.State]int{"pending": 2, "queued": 1, "synced": 1, "dead": 1, "invalid": 1, "gone": 1}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("Counts = %v, %v, want %v", got, err, want)
	}
	if got, err = indexWith(t).Counts(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func TestListPagesThroughOneStateOfAllRoots(t *testing.T) {
	var entries []hashindex.Entry
	var want []string
	for _, root := range []string{"a", "b"} {
		for i := range 7 {
			e := entry(fmt.Sprintf("d/%d.json", i), "h", hashindex.Invalid)
			e.Root = root
			entries = append(entries, e)
			want = append(want, root+":"+e.Path)
		}
	}
	x := indexWith(t, append(entries, entry("other.json", "h", hashindex.Dead))...)
	var got []string
	for after := (fileid.ID{}); ; {
		page, err := x.List(t.Context(), hashindex.Invalid, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) > 3 {
			t.Fatalf("a page of %d, want 3 at most", len(page))
		}
		for _, e := range page {
			got, after = append(got, e.Root+":"+e.Path), e.ID
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed %v, want %v", got, want)
	}
}
