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

// inBubble runs a Watcher on fakes with time under control; everything has settled when body is called.
func inBubble(t *testing.T, root string, f *fakes, opts Options, body func(t *testing.T, w *Watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := New(root, opts)
		w.open = f.open
		stop := runUnread(t, w)
		synctest.Wait()
		body(t, w)
		stop()
	})
}

// said takes all events that are due.
func said(w *Watcher) []string {
	var evs []Event
	for {
		synctest.Wait()
		select {
		case ev := <-w.Events():
			evs = append(evs, ev)
			continue
		default:
		}
		return short(evs)
	}
}

func expect(t *testing.T, w *Watcher, want ...string) {
	t.Helper()
	if got := said(w); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
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
			inBubble(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, w *Watcher) {
				expect(t, w, "look again ")
				if s := w.Status(); s.Watched != 3 || !slices.Equal(s.Unwatched, []string{"b", "c"}) {
					t.Errorf("status %+v", s)
				}
				time.Sleep(5 * time.Minute)
				expect(t, w)
				if n := strings.Count(log.text(), "cannot watch a folder"); n != 1 || !strings.Contains(log.text(), c.help) {
					t.Errorf("%d warnings:\n%s", n, log.text())
				}
				full.Store(false)
				time.Sleep(recheckEvery + time.Second)
				expect(t, w, "look again ")
				if s := w.Status(); s.Watched != 6 || len(s.Unwatched) != 0 {
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
	inBubble(t, root, f, Options{}, func(t *testing.T, w *Watcher) {
		expect(t, w, "look again ")
		full.Store(false)
		must(t, os.WriteFile(filepath.Join(root, "a", "1.json"), nil, 0o600))
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "a"), Op: fsnotify.Create}
		expect(t, w, "look again ", "created a/1.json")
		if s := w.Status(); s.Watched != 2 || len(s.Unwatched) != 0 {
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
	inBubble(t, root, f, Options{}, func(t *testing.T, w *Watcher) {
		if s := w.Status(); len(s.Unwatched) != 100 || s.Unwatched[0] != "가" || s.Watched != 1 {
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
	inBubble(t, root, f, Options{Skip: skip}, func(t *testing.T, w *Watcher) {
		expect(t, w, "look again ")
		if s := w.Status(); s.Watched != 4 || len(s.Unwatched) != 0 {
			t.Errorf("status %+v, want the root, a, a/x and c watched", s)
		}
		skipped.Store(true)
		f.last().errs <- fsnotify.ErrEventOverflow // and all is looked at again
		if got := said(w); len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != "look again " }) {
			t.Errorf("said %q", got)
		}
		if s := w.Status(); s.Watched != 2 || len(s.Unwatched) != 0 {
			t.Errorf("status %+v, want the root and c watched", s)
		}
	})
}

func TestUnusable(t *testing.T) {
	w := New(t.TempDir(), Options{})
	w.open = (&fakes{err: syscall.EMFILE}).open
	if err := w.Run(context.Background()); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Run: %v", err)
	}
	if _, open := <-w.Events(); open {
		t.Error("Events is still open")
	}
}

func TestUnusableLater(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	f := &fakes{}
	log := newRecorder()
	inBubble(t, root, f, Options{Logger: log.logger()}, func(t *testing.T, w *Watcher) {
		f.fail(syscall.EMFILE)
		makeDirs(t, root, "a")
		time.Sleep(10 * time.Second)
		expect(t, w)
		if n := strings.Count(log.text(), "cannot watch for changes"); n != 1 {
			t.Errorf("%d warnings", n)
		}
		f.fail(nil)
		time.Sleep(1100 * time.Millisecond)
		expect(t, w, "look again ")
	})
}

// A stat that hangs holds back neither what is known already nor, for long, the end.
func TestStatHangs(t *testing.T) {
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{}
		w := New(root, Options{})
		w.open = f.open
		answers := make(chan struct{}, 1)
		answers <- struct{}{}
		w.stat = func(path string) (fs.FileInfo, error) {
			<-answers
			return os.Stat(path)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		expect(t, w, "look again ")

		time.Sleep(time.Minute)
		must(t, os.WriteFile(filepath.Join(root, "1.json"), nil, 0o600))
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "1.json"), Op: fsnotify.Create}
		expect(t, w, "created 1.json")

		begin := time.Now()
		cancel()
		if err := <-ended; err != nil || time.Since(begin) > shutdownGrace {
			t.Errorf("ended after %s: %v", time.Since(begin), err)
		}
		if _, open := <-w.Events(); open {
			t.Error("Events is still open")
		}
		close(answers)
	})
}

func TestRootPollInterval(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	inBubble(t, root, &fakes{}, Options{RootPoll: time.Minute}, func(t *testing.T, w *Watcher) {
		makeDirs(t, root, "a")
		time.Sleep(59 * time.Second)
		expect(t, w)
		time.Sleep(2 * time.Second)
		expect(t, w, "look again ")
		must(t, os.RemoveAll(root))
		time.Sleep(time.Minute)
		expect(t, w, "look again ")
		if s := w.Status(); s.RootAvailable || s.Watched != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestEventsAreHandedOnWhileATreeIsAdded: an event of a folder that is watched already does not wait for a tree that
// is being added.
func TestEventsAreHandedOnWhileATreeIsAdded(t *testing.T) {
	const folders = 400
	root := t.TempDir()
	f := &fakes{}
	watches := 0 // only the goroutine that adds them counts
	f.refuse = func(string) error {
		if watches++; watches == 10 {
			f.last().events <- fsnotify.Event{Name: filepath.Join(root, "a.json"), Op: fsnotify.Create}
			// is received when the other one has been put down
			f.last().events <- fsnotify.Event{Name: root, Op: fsnotify.Chmod}
		}
		return nil
	}
	inBubble(t, root, f, Options{}, func(t *testing.T, w *Watcher) {
		expect(t, w, "look again ")
		must(t, os.WriteFile(filepath.Join(root, "a.json"), nil, 0o600))
		for i := range folders {
			folder := filepath.Join("big", strconv.Itoa(i))
			makeDirs(t, root, folder)
			must(t, os.WriteFile(filepath.Join(root, folder, "1.json"), nil, 0o600))
		}
		f.last().events <- fsnotify.Event{Name: filepath.Join(root, "big"), Op: fsnotify.Create}
		synctest.Wait()
		got := said(w)
		// Whether a step or an event is next is left to chance each time. These are the first fifty.
		if len(got) != 50 || !slices.Contains(got, "created a.json") {
			t.Errorf("the event of a.json is none of the first: %q", got)
		}
	})
}

// The consumer gets what is true when it comes, not what was true when it was told first.
func TestCoalescedUntilTaken(t *testing.T) {
	root := t.TempDir()
	f := &fakes{}
	inBubble(t, root, f, Options{}, func(t *testing.T, w *Watcher) {
		expect(t, w, "look again ")
		at := time.Now()
		path := filepath.Join(root, "1.json")
		must(t, os.WriteFile(path, nil, 0o600))
		for _, op := range []fsnotify.Op{fsnotify.Create, fsnotify.Write, fsnotify.Write, fsnotify.Remove, fsnotify.Create} {
			f.last().events <- fsnotify.Event{Name: path, Op: op}
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		ev := <-w.Events()
		if ev.Op != Modified || ev.Path != "1.json" || !ev.At.Equal(at) {
			t.Errorf("%v after %s", ev, ev.At.Sub(at))
		}
		expect(t, w)
	})
}

func TestStalledConsumer(t *testing.T) {
	root := t.TempDir()
	f := &fakes{}
	inBubble(t, root, f, Options{MaxPending: 100}, func(t *testing.T, w *Watcher) {
		expect(t, w, "look again ")
		for i := range 2000 {
			f.last().events <- fsnotify.Event{Name: filepath.Join(root, strconv.Itoa(i)+".json"), Op: fsnotify.Remove}
		}
		synctest.Wait()
		evs := []Event{<-w.Events()}
		for range 102 { // at most: all that may be pending, and the one that was on offer
			synctest.Wait()
			select {
			case ev := <-w.Events():
				evs = append(evs, ev)
			default:
			}
		}
		if evs[0].Op != LookAgain || len(evs) > 102 {
			t.Errorf("%d events, first %v", len(evs), short(evs))
		}
		expect(t, w)
	})
}
