package reconcile

import (
	"errors"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// TestARecordThatWasDroppedWhileItWasTriedStaysDropped, whatever becomes of the attempt.
func TestARecordThatWasDroppedWhileItWasTriedStaysDropped(t *testing.T) {
	p := tempPlace(t)
	s := p.state(t)
	l := newOutbox(&p.cfg, s, nil)
	cause := errors.New("no answer")
	for name, end := range map[string]func(store.Item) error{
		"it waits":   func(it store.Item) error { return l.Waiting(t.Context(), []store.Item{it}, cause) },
		"is refused": func(it store.Item) error { _, err := l.Refused(t.Context(), it, cause); return err },
	} {
		content := []byte(`{"ID":1}`)
		record := store.Record{FileHash: p.cfg.Hash.Sum(content), RawJSON: content}
		err := s.Update(t.Context(), func(v state.View) error {
			return v.Queue.Put(t.Context(), fileid.ID{Path: "a.json"}, &record, nil, time.Now())
		})
		if err != nil {
			t.Fatal(err)
		}
		tried, err := l.Due(t.Context(), store.QueuePlace{}, 10)
		if err != nil || len(tried) != 1 {
			t.Fatalf("%d records are due (%v), want one", len(tried), err)
		}
		if err := end(tried[0]); err != nil {
			t.Error(err)
		}
		if waiting, dead, err := s.Queue.Counts(t.Context()); err != nil || waiting+dead != 1 {
			t.Errorf("%s: %d wait and %d are dead (%v), want the one", name, waiting, dead, err)
		}
		err = s.Update(t.Context(), func(v state.View) error {
			_, err := v.DropQueued(t.Context(), tried[0].Place.ID)
			return err
		})
		if err := errors.Join(err, end(tried[0])); err != nil {
			t.Error(err)
		}
		if waiting, dead, err := s.Queue.Counts(t.Context()); err != nil || waiting+dead != 0 {
			t.Errorf("%s: %d wait and %d are dead (%v), want none: it was dropped", name, waiting, dead, err)
		}
	}
}
