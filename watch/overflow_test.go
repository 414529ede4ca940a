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
	withFakes(t, root, f, Options{}, func(t *testing.T, r *rig) {
		wantReports(t, r, "lost")
		// The notifications of these changes are lost.
		makeDirs(t, root, "new/deep")
		must(t, os.RemoveAll(filepath.Join(root, "a")))
		f.last().errs <- fsnotify.ErrEventOverflow
		if got := reported(r); len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != "lost" }) {
			t.Errorf("reported %q", got)
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
	withFakes(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, r *rig) {
		wantReports(t, r, "lost")
		for range 10 {
			f.last().errs <- errors.New("the specified network name is no longer available")
		}
		wantReports(t, r, "lost")
		time.Sleep(1100 * time.Millisecond)
		wantReports(t, r, "lost")
		if s := r.w.Status(); f.count() != 2 || s.Watched != 2 || s.State != Watching || s.Overflows != 0 {
			t.Errorf("%d notifiers, %+v", f.count(), s)
		}
		if !strings.Contains(log.text(), "network name") {
			t.Errorf("log: %s", log.text())
		}
	})
}

// A notifier that does not end is abandoned, and a new one is opened.
func TestNotificationsThatDoNotEnd(t *testing.T) {
	root := t.TempDir()
	f := &fakes{}
	log := newRecorder()
	withFakes(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, r *rig) {
		wantReports(t, r, "lost")
		old := f.last()
		old.hang = make(chan struct{})
		defer close(old.hang)
		old.errs <- errors.New("the specified network name is no longer available")
		wantReports(t, r, "lost")
		time.Sleep(closeLimit + 2*time.Second)
		wantReports(t, r, "lost")
		must(t, os.WriteFile(filepath.Join(root, "1.json"), nil, 0o600))
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "1.json"), Op: fsnotify.Create}
		wantReports(t, r, "1.json")
		if f.last() == old || !strings.Contains(log.text(), "do not end") {
			t.Errorf("%d notifiers; log: %s", f.count(), log.text())
		}
	})
}

// A file system may be unmounted and mounted again between two polls. The directories are the same then, but their
// watches are lost.
func TestLostWatchesAreNoticed(t *testing.T) {
	root := t.TempDir()
	makeDirs(t, root, "a", "b")
	f := &fakes{}
	withFakes(t, root, f, Options{}, func(t *testing.T, r *rig) {
		wantReports(t, r, "lost")
		for _, p := range f.last().WatchList() {
			must(t, f.last().Remove(p))
		}
		time.Sleep(recheckEvery + 2*time.Second)
		wantReports(t, r, "lost")
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
