package watch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline is how long a test waits for something that must happen. Even on a busy machine, only a hang reaches it.
// Windows may refuse to watch a folder while it is moved: the next try comes after recheckEvery.
const deadline = recheckEvery + 10*time.Minute

// rig is a running Watcher on a real directory, with all its reports so far.
type rig struct {
	*testing.T
	w    *Watcher
	root string

	files int

	sink
}

// event is a call of a Sink: Changed if it has a path, else Lost.
type event struct {
	path string
	at   time.Time
}

func (e event) String() string {
	if e.path == "" {
		return "lost"
	}
	return e.path
}

// sink is a Sink that keeps all reports.
type sink struct {
	mu   sync.Mutex
	seen []event
	more chan struct{}
}

func newSink() sink { return sink{more: make(chan struct{}, 1)} }

func (s *sink) Changed(path string, at time.Time) { s.add(event{path, at}) }
func (s *sink) Lost(string)                       { s.add(event{"", time.Now()}) }

func (s *sink) add(e event) {
	s.mu.Lock()
	s.seen = append(s.seen, e)
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *sink) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = nil
}

func (s *sink) events() []event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]event(nil), s.seen...)
}

// start runs a Watcher on root and, if root exists, waits until its tree is complete.
func start(t *testing.T, root string, opts Options, change ...func(*Watcher)) *rig {
	t.Helper()
	if opts.RootPoll == 0 {
		opts.RootPoll = 10 * time.Millisecond
	}
	r := &rig{T: t, root: root, sink: newSink()}
	r.w = New(root, &r.sink, opts)
	for _, f := range change {
		f(r.w)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.w.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	if _, err := os.Stat(root); err == nil {
		r.await("the first scan", hasReport(""))
		r.forget()
	}
	return r
}

// await waits until the reports satisfy ok.
func (r *rig) await(what string, ok func([]event) bool) {
	r.Helper()
	timeout := time.After(deadline)
	for !ok(r.events()) {
		select {
		case <-r.more:
		case <-timeout:
			r.Fatalf("waited in vain for %s; seen: %v; status %+v", what, short(r.events()), r.w.Status())
		}
	}
}

// settle returns the reports about everything that happened before the call. It writes a marker file, and waits for the
// report of that file.
func (r *rig) settle() []event {
	r.Helper()
	const marker = "zz-marker.json"
	lost := r.lostCount()
	r.write(marker)
	if runtime.GOOS == "windows" {
		r.awaitWatched(marker) // a moved folder may cause all watches to start anew
	}
	// Notifications may fail and start anew, for example when a folder is removed right after it was moved: inotify(7)
	// then does not know its watch any more. In that case Lost covers the earlier events, and the marker is written
	// again.
	for {
		r.await("the marker", func(evs []event) bool { return hasReport(marker)(evs) || countLost(evs) > lost })
		if hasReport(marker)(r.events()) {
			break
		}
		lost = r.lostCount()
		r.write(marker)
	}
	var rest []event
	for _, ev := range r.events() {
		if ev.path != marker {
			rest = append(rest, ev)
		}
	}
	return rest
}

// awaitStatus waits until the status satisfies ok.
func (r *rig) awaitStatus(what string, ok func(Status) bool) {
	r.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); !ok(r.w.Status()); <-tick.C {
		if time.Now().After(end) {
			r.Fatalf("waited in vain for %s; status %+v; seen %v", what, r.w.Status(), short(r.events()))
		}
	}
}

// awaitWatched rewrites a file until its event arrives under this name. Then its directory is watched under the right
// name.
func (r *rig) awaitWatched(rel string) {
	r.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); ; <-tick.C {
		r.write(rel)
		select {
		case <-r.more:
		case <-tick.C:
		}
		if hasReport(rel)(r.events()) {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("%s is not watched; seen %v; status %+v", rel, short(r.events()), r.w.Status())
		}
	}
}

// awaitWatchedIn is awaitWatched with a file name that was not used before.
func (r *rig) awaitWatchedIn(dir string) {
	r.Helper()
	r.files++
	r.awaitWatched(fmt.Sprintf("%s/live-%d.json", dir, r.files))
}

func (r *rig) lostCount() int { return countLost(r.events()) }

// countLost counts the calls of Lost.
func countLost(evs []event) (n int) {
	for _, ev := range evs {
		if ev.path == "" {
			n++
		}
	}
	return n
}

// hasReport returns a condition for await: Changed was called for path, or Lost if path is empty.
func hasReport(path string) func([]event) bool {
	return func(evs []event) bool {
		return slices.ContainsFunc(evs, func(ev event) bool { return ev.path == path })
	}
}

func short(evs []event) []string {
	var s []string
	for _, ev := range evs[:min(len(evs), 50)] {
		s = append(s, ev.String())
	}
	return s
}

func (r *rig) abs(rel string) string { return filepath.Join(r.root, filepath.FromSlash(rel)) }

func (r *rig) write(rel string) {
	r.Helper()
	must(r.T, os.WriteFile(r.abs(rel), []byte(`{"ID":1}`), 0o600))
}

func (r *rig) mkdir(rel string) {
	r.Helper()
	must(r.T, os.MkdirAll(r.abs(rel), 0o700))
}

// move renames. On Windows it waits until nobody lists the folders in it.
func (r *rig) move(from, to string) {
	r.Helper()
	r.retryOnWindows(func() error { return os.Rename(r.abs(from), r.abs(to)) })
}

// makeRoot makes the root. On Windows it waits until the watcher has closed what had the name before.
func (r *rig) makeRoot() {
	r.Helper()
	r.retryOnWindows(func() error { return os.Mkdir(r.root, 0o700) })
}

// retryOnWindows does something that must succeed. On Windows it is tried until nobody has the file open any more.
func (r *rig) retryOnWindows(do func() error) {
	r.Helper()
	err := do()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(deadline); err != nil && runtime.GOOS == "windows" && time.Now().Before(end); <-tick.C {
		err = do()
	}
	must(r.T, err)
}

// symlink makes a symbolic link. Windows requires a privilege for it. Wine 8 reports success without making a link.
func symlink(t *testing.T, to, name string) {
	t.Helper()
	err := os.Symlink(to, name)
	if err == nil {
		_, err = os.Readlink(name)
	}
	if err != nil {
		t.Skipf("SKIPPED, not tested: no symbolic links here: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorder keeps what was logged at info and above.
type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func newRecorder() *recorder { return new(recorder) }

func (l *recorder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *recorder) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *recorder) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
