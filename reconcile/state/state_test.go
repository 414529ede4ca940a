package state_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/reconcile/state/statetest"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.UnixMilli(1_767_355_200_123)

func open(t *testing.T, path string) *state.State {
	t.Helper()
	return statetest.OpenAt(t, path)
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "pending.db") }

func update(t *testing.T, s *state.State, f func(state.View) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func TestOneAgentAtATime(t *testing.T) {
	path := newPath(t)
	first, second := open(t, path), open(t, path)
	wantLocked(t, second, false)
	unlock, err := first.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantLocked(t, second, true)
	_, err = second.Lock(t.Context())
	if !errors.Is(err, state.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("the second lock: %v, want ErrLocked with the process and the file", err)
	}
	wantLocked(t, second, true) // the first lock still holds
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	wantLocked(t, second, false)
	unlock, err = second.Lock(t.Context())
	if err != nil {
		t.Fatalf("after the unlock: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

func wantLocked(t *testing.T, s *state.State, want bool) {
	t.Helper()
	if got, err := s.Locked(); err != nil || got != want {
		t.Errorf("Locked = %v, %v, want %v", got, err, want)
	}
}

func TestDatabasesDoNotLockEachOther(t *testing.T) {
	for range 2 {
		unlock, err := open(t, newPath(t)).Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unlock(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNotesOutliveTheProcess(t *testing.T) {
	path := newPath(t)
	type note struct {
		At   time.Time
		Text string
	}
	want := note{noon.UTC(), "<한글> & 'quoted'"}
	s := open(t, path)
	var got note
	if ok, err := s.Notes.Get(t.Context(), "n", &got); ok || err != nil {
		t.Errorf("before: %v, %v", ok, err)
	}
	for _, n := range []note{{Text: "old"}, want} {
		update(t, s, func(v state.View) error { return v.Notes.Set(t.Context(), "n", n) })
	}
	if ok, err := open(t, path).Notes.Get(t.Context(), "n", &got); !ok || err != nil || got != want {
		t.Errorf("after: %v, %v, %+v, want %+v", ok, err, got, want)
	}
	var number int
	if _, err := s.Notes.Get(t.Context(), "n", &number); err == nil {
		t.Error("a note of another kind passes")
	}
	if err := s.Notes.Set(t.Context(), "bad", func() {}); err == nil {
		t.Error("a value that is no JSON passes")
	}
}

func TestOpenExistingMakesNothing(t *testing.T) {
	path := newPath(t)
	if _, err := state.OpenExisting(t.Context(), path); !errors.Is(err, sqlite.ErrMissing) {
		t.Errorf("error = %v, want ErrMissing", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat: %v", err)
	}
	open(t, path)
	s, err := state.OpenExisting(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestUpdateTakesIndexAndQueueTogether(t *testing.T) {
	s := open(t, newPath(t))
	mine := errors.New("mine")
	err := s.Update(t.Context(), func(v state.View) error {
		if err := enqueue(t, v, "h1", hashindex.Queued, false); err != nil {
			return err
		}
		return mine
	})
	if !errors.Is(err, mine) {
		t.Fatal(err)
	}
	if counts, err := s.Index.Counts(t.Context()); err != nil || len(counts) != 0 {
		t.Errorf("index: %v, %v", counts, err)
	}
	wantQueue(t, s, 0, 0)
}

func enqueue(t *testing.T, v state.View, hash string, in hashindex.State, dead bool) error {
	key := fileid.ID{Root: "r", Path: hash + ".json"}
	record := store.Record{FileHash: hash, RawJSON: []byte("{}")}
	e := hashindex.Entry{ID: key, Hash: hash, State: in, Error: "was refused", StampSeen: noon, SeenAt: noon}
	err := errors.Join(v.Index.Put(t.Context(), &e), v.Queue.Put(t.Context(), key, &record, nil, noon))
	if dead {
		_, refused := v.Queue.Refuse(t.Context(), key, hash, 1, noon, time.Minute)
		err = errors.Join(err, refused)
	}
	return err
}

// withQueue makes a queue of four entries. The entries d1 and d2 are dead, and w waits. The entry s waits too, but its
// file is synced in the index, because it has changed since.
func withQueue(t *testing.T) (s *state.State, ids map[string]int64) {
	t.Helper()
	s = open(t, newPath(t))
	update(t, s, func(v state.View) error {
		return errors.Join(enqueue(t, v, "d1", hashindex.Dead, true), enqueue(t, v, "w", hashindex.Queued, false),
			enqueue(t, v, "d2", hashindex.Dead, true), enqueue(t, v, "s", hashindex.Synced, false))
	})
	list, err := s.Queue.List(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	ids = map[string]int64{}
	for _, e := range list {
		ids[e.FileHash] = e.ID
	}
	wantQueue(t, s, 2, 2)
	return s, ids
}

func wantQueue(t *testing.T, s *state.State, waiting, dead int) {
	t.Helper()
	if w, d, err := s.Queue.Counts(t.Context()); err != nil || w != waiting || d != dead {
		t.Errorf("queue: %d waiting, %d dead, %v, want %d, %d", w, d, err, waiting, dead)
	}
}

func wantStates(t *testing.T, s *state.State, want map[string]hashindex.State) {
	t.Helper()
	for hash, state := range want {
		e, _, err := s.Index.Get(t.Context(), fileid.ID{Root: "r", Path: hash + ".json"})
		if err != nil || e.State != state {
			t.Errorf("%s is %s, %v, want %s", hash, e.State, err, state)
		}
	}
}

func TestRetryQueuedBringsTheDeadBack(t *testing.T) {
	s, ids := withQueue(t)
	retry := func(id int64) (n int) {
		update(t, s, func(v state.View) (err error) {
			n, err = v.RetryQueued(t.Context(), id)
			return err
		})
		return n
	}
	if n := retry(ids["d1"]); n != 1 {
		t.Errorf("%d entries, want one", n)
	}
	wantQueue(t, s, 3, 1)
	wantStates(t, s, map[string]hashindex.State{
		"d1": hashindex.Queued, "d2": hashindex.Dead, "w": hashindex.Queued, "s": hashindex.Synced,
	})
	if n := retry(0); n != 1 {
		t.Errorf("%d entries, want the dead one that is left", n)
	}
	wantQueue(t, s, 4, 0)
	wantStates(t, s, map[string]hashindex.State{"d2": hashindex.Queued})
	if n := retry(0); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
}

func TestDropQueuedLeavesTheFileDead(t *testing.T) {
	s, ids := withQueue(t)
	drop := func(id int64) (n int) {
		update(t, s, func(v state.View) (err error) {
			n, err = v.DropQueued(t.Context(), id)
			return err
		})
		return n
	}
	if n := drop(ids["w"]); n != 1 {
		t.Errorf("%d entries, want one", n)
	}
	if n := drop(ids["s"]); n != 1 {
		t.Errorf("%d entries, want one", n)
	}
	wantQueue(t, s, 0, 2)
	wantStates(t, s, map[string]hashindex.State{"w": hashindex.Dead, "s": hashindex.Synced})
	e, _, err := s.Index.Get(t.Context(), fileid.ID{Root: "r", Path: "w.json"})
	if err != nil || !strings.Contains(e.Error, "operator") {
		t.Errorf("the index says %q, %v, want that the operator dropped it", e.Error, err)
	}
	if n := drop(0); n != 2 {
		t.Errorf("%d entries, want the two dead ones", n)
	}
	wantQueue(t, s, 0, 0)
	wantStates(t, s, map[string]hashindex.State{"d1": hashindex.Dead, "d2": hashindex.Dead})
}

func TestRetryAndDropSayWhenThereIsNoSuchEntry(t *testing.T) {
	s, _ := withQueue(t)
	for name, f := range map[string]func(state.View) (int, error){
		"retry": func(v state.View) (int, error) { return v.RetryQueued(t.Context(), 999) },
		"drop":  func(v state.View) (int, error) { return v.DropQueued(t.Context(), 999) },
	} {
		err := s.Update(t.Context(), func(v state.View) error {
			_, err := f(v)
			return err
		})
		if !errors.Is(err, store.ErrNoSuchEntry) {
			t.Errorf("%s: %v, want ErrNoSuchEntry", name, err)
		}
	}
	wantQueue(t, s, 2, 2)
}
