package watch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

func TestOverflow(t *testing.T) {
	root := t.TempDir()
	makeDirs(t, root, "a/x", "b")
	f := &fakes{}
	inBubble(t, root, f, Options{}, func(t *testing.T, r *rig) {
		expect(t, r, "lost")
		// What happened to the directories was lost with the notifications.
		makeDirs(t, root, "new/deep")
		must(t, os.RemoveAll(filepath.Join(root, "a")))
		f.last().errs <- fsnotify.ErrEventOverflow
		if got := said(r); len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != "lost" }) {
			t.Errorf("said %q", got)
		}
		if s := r.w.Status(); s.Overflows != 1 || s.Watched != 4 {
			t.Errorf("status %+v", s)
		}
		have := f.last().WatchList()
		slices.Sort(have)
		want := []string{root, filepath.Join(root, "b"), filepath.Join(root, "new"), filepath.Join(root, "new", "deep")}
		if !slices.Equal(have, want) || f.count() != 1 {
			t.Errorf("%d notifiers, watches %q, want %q", f.count(), have, want)
		}
	})
}

func TestOtherErrorStartsAnew(t *testing.T) {
	root := t.TempDir()
	makeDirs(t, root, "a")
	f := &fakes{}
	log := newRecorder()
	inBubble(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, r *rig) {
		expect(t, r, "lost")
		for range 10 {
			f.last().errs <- errors.New("the specified network name is no longer available")
		}
		expect(t, r, "lost")
		time.Sleep(1100 * time.Millisecond)
		expect(t, r, "lost")
		if s := r.w.Status(); f.count() != 2 || s.Watched != 2 || s.State != Watching || s.Overflows != 0 {
			t.Errorf("%d notifiers, %+v", f.count(), s)
		}
		if !strings.Contains(log.text(), "network name") {
			t.Errorf("log: %s", log.text())
		}
	})
}

// TestNotificationsThatDoNotEnd are left behind, and new ones begun.
func TestNotificationsThatDoNotEnd(t *testing.T) {
	root := t.TempDir()
	f := &fakes{}
	log := newRecorder()
	inBubble(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, r *rig) {
		expect(t, r, "lost")
		old := f.last()
		old.hang = make(chan struct{})
		defer close(old.hang)
		old.errs <- errors.New("the specified network name is no longer available")
		expect(t, r, "lost")
		time.Sleep(closeLimit + 2*time.Second)
		expect(t, r, "lost")
		must(t, os.WriteFile(filepath.Join(root, "1.json"), nil, 0o600))
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "1.json"), Op: fsnotify.Create}
		expect(t, r, "1.json")
		if f.last() == old || !strings.Contains(log.text(), "do not end") {
			t.Errorf("%d notifiers; log: %s", f.count(), log.text())
		}
	})
}

// A file system that was unmounted and mounted again between two polls leaves the same directories without watches.
func TestLostWatchesAreNoticed(t *testing.T) {
	root := t.TempDir()
	makeDirs(t, root, "a", "b")
	f := &fakes{}
	inBubble(t, root, f, Options{}, func(t *testing.T, r *rig) {
		expect(t, r, "lost")
		for _, p := range f.last().WatchList() {
			must(t, f.last().Remove(p))
		}
		time.Sleep(recheckEvery + 2*time.Second)
		expect(t, r, "lost")
		if got := len(f.last().WatchList()); got != 3 {
			t.Errorf("%d watches", got)
		}
	})
}

func TestNotificationsFasterThanHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, errs := make(chan fsnotify.Event), make(chan error)
		notes := make(chan note, 3)
		go pump(events, errs, notes)
		for range 10 {
			events <- fsnotify.Event{Name: "x", Op: fsnotify.Create}
			events <- fsnotify.Event{Name: "x", Op: fsnotify.Chmod}
		}
		var dropped, named int
		for range 4 {
			if n := <-notes; n.err == errNotesDropped {
				dropped++
			} else if n.name == "x" && n.op == fsnotify.Create && !n.at.IsZero() {
				named++
			}
			synctest.Wait()
		}
		if dropped != 1 || named != 3 || len(notes) != 0 {
			t.Errorf("%d drops reported, %d named, %d left", dropped, named, len(notes))
		}
		close(events)
		close(errs)
	})
}
