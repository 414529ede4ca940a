package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// withFakes runs a Watcher with fake notifiers and fake time. Everything has settled when it calls body.
func withFakes(t *testing.T, root string, f *fakes, opts Options, body func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, root: root, sink: newSink()}
		r.w = New(root, &r.sink, opts)
		r.w.open = f.open
		stop := run(t, r.w)
		synctest.Wait()
		body(t, r)
		stop()
	})
}

// reported returns the reports since the last call. Equal reports in a row become one.
func reported(r *rig) []string {
	synctest.Wait()
	defer r.forget()
	return slices.Compact(short(r.events()))
}

func wantReports(t *testing.T, r *rig, want ...string) {
	t.Helper()
	if got := reported(r); !slices.Equal(got, want) {
		t.Errorf("reported %q, want %q", got, want)
	}
}

func makeDirs(t *testing.T, root string, dirs ...string) {
	t.Helper()
	for _, d := range dirs {
		must(t, os.MkdirAll(filepath.Join(root, d), 0o700))
	}
}

func TestCannotWatch(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		help string
	}{
		{"watch limit", syscall.ENOSPC, "max_user_watches"},
		{"open files", syscall.EMFILE, "ulimit"},
		{"permission", fs.ErrPermission, "account"},
		{"other", errors.New("no idea"), "listed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			makeDirs(t, root, "a/x", "b/y", "c")
			var full atomic.Bool
			full.Store(true)
			f := &fakes{refuse: func(path string) error {
				if full.Load() && (filepath.Base(path) == "b" || filepath.Base(path) == "c") {
					return c.err
				}
				return nil
			}}
			log := newRecorder()
			withFakes(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, r *rig) {
				wantReports(t, r, "lost")
				if s := r.w.Status(); s.Watched != 3 || !slices.Equal(s.Unwatched, []string{"b", "c"}) {
					t.Errorf("status %+v", s)
				}
				time.Sleep(5 * time.Minute)
				wantReports(t, r)
				if n := strings.Count(log.text(), "cannot watch a folder"); n != 1 ||
					!strings.Contains(log.text(), c.help) {
					t.Errorf("%d warnings:\n%s", n, log.text())
				}
				full.Store(false)
				time.Sleep(recheckEvery + time.Second)
				wantReports(t, r, "lost")
				if s := r.w.Status(); s.Watched != 6 || len(s.Unwatched) != 0 {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

func TestUnwatchedSeenAgain(t *testing.T) {
	root := t.TempDir()
	makeDirs(t, root, "a")
	var full atomic.Bool
	full.Store(true)
	f := &fakes{refuse: func(path string) error {
		if full.Load() && filepath.Base(path) == "a" {
			return syscall.ENOSPC
		}
		return nil
	}}
	withFakes(t, root, f, Options{}, func(t *testing.T, r *rig) {
		wantReports(t, r, "lost")
		full.Store(false)
		must(t, os.WriteFile(filepath.Join(root, "a", "1.json"), nil, 0o600))
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "a"), Op: fsnotify.Create}
		wantReports(t, r, "a/1.json", "lost")
		if s := r.w.Status(); s.Watched != 2 || len(s.Unwatched) != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestUnwatchedListIsBounded(t *testing.T) {
	root := t.TempDir()
	for c := range 150 {
		makeDirs(t, root, string(rune('가'+c)))
	}
	f := &fakes{refuse: func(path string) error {
		if path != root {
			return syscall.ENOSPC
		}
		return nil
	}}
	withFakes(t, root, f, Options{}, func(t *testing.T, r *rig) {
		if s := r.w.Status(); len(s.Unwatched) != 100 || s.Unwatched[0] != "가" || s.Watched != 1 {
			t.Errorf("%d listed, watched %d", len(s.Unwatched), s.Watched)
		}
	})
}

func TestSkippedFoldersAreNotEntered(t *testing.T) {
	root := t.TempDir()
	makeDirs(t, root, "a/x", "b/y", "c")
	var skipped atomic.Bool
	f := &fakes{}
	skip := func(path string) bool { return skipped.Load() && path == "a" || path == "b" }
	withFakes(t, root, f, Options{Skip: skip}, func(t *testing.T, r *rig) {
		wantReports(t, r, "lost")
		if s := r.w.Status(); s.Watched != 4 || len(s.Unwatched) != 0 {
			t.Errorf("status %+v, want the root, a, a/x and c watched", s)
		}
		skipped.Store(true)
		f.last().errs <- fsnotify.ErrEventOverflow // everything is scanned again
		if got := reported(r); len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != "lost" }) {
			t.Errorf("reported %q", got)
		}
		if s := r.w.Status(); s.Watched != 2 || len(s.Unwatched) != 0 {
			t.Errorf("status %+v, want the root and c watched", s)
		}
	})
}

// The system gives no notifications at the start, for example because all inotify instances are taken. The watcher
// keeps asking for them.
func TestNoNotifications(t *testing.T) {
	root := t.TempDir()
	f := &fakes{err: syscall.EMFILE}
	log := newRecorder()
	withFakes(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, r *rig) {
		s := r.w.Status()
		if s.State != Unavailable || s.Error != syscall.EMFILE.Error() || !strings.Contains(s.Help, "max_user_instances") {
			t.Errorf("status %+v, want that it is deaf, why, and what to do", s)
		}
		time.Sleep(time.Minute)
		if n := strings.Count(log.text(), "no changes are reported"); n != 1 || !strings.Contains(log.text(), s.Help) {
			t.Errorf("%d warnings: %s", n, log.text())
		}
		f.fail(nil)
		time.Sleep(1100 * time.Millisecond)
		wantReports(t, r, "lost")
		if s := r.w.Status(); s.State != Watching || s.Error != "" || s.Watched != 1 {
			t.Errorf("status %+v, want that it watches", s)
		}
		must(t, os.Remove(root))
		time.Sleep(1100 * time.Millisecond)
		if s := r.w.Status(); s.State != Waiting {
			t.Errorf("status %+v, want that it waits for the root", s)
		}
	})
}

func TestUnusableLater(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	f := &fakes{}
	log := newRecorder()
	withFakes(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, r *rig) {
		f.fail(syscall.EMFILE)
		makeDirs(t, root, "a")
		time.Sleep(10 * time.Second)
		wantReports(t, r)
		if n := strings.Count(log.text(), "no changes are reported"); n != 1 {
			t.Errorf("%d warnings", n)
		}
		f.fail(nil)
		time.Sleep(1100 * time.Millisecond)
		wantReports(t, r, "lost")
	})
}

// A stat that hangs does not delay reports, and delays the end of Run only by shutdownGrace.
func TestStatHangs(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		r := &rig{T: t, root: root, sink: newSink()}
		w := New(root, &r.sink, Options{})
		w.open = f.open
		answers := make(chan struct{}, 1)
		answers <- struct{}{}
		w.stat = func(path string) (fs.FileInfo, error) {
			<-answers
			return os.Stat(path)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		wantReports(t, r, "lost")

		time.Sleep(time.Minute)
		must(t, os.WriteFile(filepath.Join(root, "1.json"), nil, 0o600))
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "1.json"), Op: fsnotify.Create}
		wantReports(t, r, "1.json")

		begin := time.Now()
		cancel()
		if <-ended; time.Since(begin) > shutdownGrace {
			t.Errorf("ended after %s", time.Since(begin))
		}
		close(answers)
	})
}

func TestRootPollInterval(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	withFakes(t, root, &fakes{}, Options{RootPoll: time.Minute}, func(t *testing.T, r *rig) {
		makeDirs(t, root, "a")
		time.Sleep(59 * time.Second)
		wantReports(t, r)
		time.Sleep(2 * time.Second)
		wantReports(t, r, "lost")
		must(t, os.RemoveAll(root))
		time.Sleep(time.Minute)
		wantReports(t, r, "lost")
		if s := r.w.Status(); s.State != Waiting || s.Watched != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// An event of a watched folder does not wait for a large tree that is being added.
func TestEventsAreHandedOnWhileATreeIsAdded(t *testing.T) {
	const folders = 400
	root := t.TempDir()
	f := &fakes{}
	watches := 0 // only used by the goroutine that adds watches
	f.refuse = func(string) error {
		if watches++; watches == 10 {
			f.last().events <- fsnotify.Event{Name: filepath.Join(root, "a.json"), Op: fsnotify.Create}
			// When this second event is received, pump has stored the first one.
			f.last().events <- fsnotify.Event{Name: root, Op: fsnotify.Chmod}
		}
		return nil
	}
	withFakes(t, root, f, Options{}, func(t *testing.T, r *rig) {
		wantReports(t, r, "lost")
		must(t, os.WriteFile(filepath.Join(root, "a.json"), nil, 0o600))
		for i := range folders {
			folder := filepath.Join("big", strconv.Itoa(i))
			makeDirs(t, root, folder)
			must(t, os.WriteFile(filepath.Join(root, folder, "1.json"), nil, 0o600))
		}
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "big"), Op: fsnotify.Create}
		synctest.Wait()
		got := reported(r)
		// If both a step and an event are possible, one is chosen at random. reported returns the first fifty reports.
		if len(got) != 50 || !slices.Contains(got, "a.json") {
			t.Errorf("the event of a.json is not among the first: %q", got)
		}
	})
}
