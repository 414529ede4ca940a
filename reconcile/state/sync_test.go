package state_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// A record in the queue may be all that is left of a file. So it must be on the disk.
func TestNothingIsQueuedWithoutASync(t *testing.T) {
	s, ids := withQueue(t)
	ctx := t.Context()
	src := fileid.ID{Root: "r", Path: "w.json"}
	for name, change := range map[string]func(v state.View) error{
		"put": func(v state.View) error {
			return v.Queue.Put(ctx, src, &store.Record{FileHash: "new", RawJSON: []byte("{}")}, nil, noon)
		},
		"refuse": func(v state.View) error {
			_, err := v.Queue.Refuse(ctx, src, "w", 1, noon, time.Minute)
			return err
		},
		"bury":   func(v state.View) error { _, err := v.Queue.MarkDead(ctx, ids["w"], errors.New("mine")); return err },
		"retry":  func(v state.View) error { _, err := v.RetryQueued(ctx, ids["d1"]); return err },
		"drop":   func(v state.View) error { _, err := v.DropQueued(ctx, ids["w"]); return err },
		"due":    func(v state.View) error { return v.Queue.MakeDue(ctx) },
		"scoped": func(v state.View) error { _, err := v.In("r").DropQueued(ctx, ids["w"]); return err },
	} {
		if err := s.UpdateWithoutSync(ctx, change); err == nil {
			t.Errorf("%s: it passes", name)
		}
	}
	wantQueue(t, s, 2, 2)
	if err := s.UpdateWithoutSync(ctx, func(v state.View) error { return v.Queue.Done(ctx, "w") }); err != nil {
		t.Errorf("done: %v", err)
	}
	wantQueue(t, s, 1, 2)
}

// TestCommitsAreTold, with whether they are on the disk. A transaction that failed is none.
func TestCommitsAreTold(t *testing.T) {
	var told []bool
	s, unlock, _, err := state.OpenLocked(t.Context(), newPath(t), state.Options{
		Committed: func(synced bool) { told = append(told, synced) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(s.Close(), unlock()); err != nil {
			t.Error(err)
		}
	}()
	told = nil // of what Take has written
	mine := errors.New("mine")
	for _, update := range []func(func(state.View) error) error{
		func(f func(state.View) error) error { return s.Update(t.Context(), f) },
		func(f func(state.View) error) error { return s.UpdateWithoutSync(t.Context(), f) },
	} {
		key := fileid.ID{Root: "r", Path: "a"}
		e := hashindex.Entry{ID: key, State: hashindex.Pending, StampSeen: noon, SeenAt: noon}
		if err := update(func(v state.View) error { return v.Index.Put(t.Context(), &e) }); err != nil {
			t.Error(err)
		}
		if err := update(func(state.View) error { return mine }); !errors.Is(err, mine) {
			t.Error(err)
		}
	}
	if want := []bool{true, false}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
