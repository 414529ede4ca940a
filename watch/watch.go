// Package watch reports what the operating system says about the files below one directory. It makes two kinds of
// reports: this path may have changed, and some change may have been missed.
//
// It is an optimisation. Notifications get lost: a queue overflows, another machine changes a network share, a
// directory cannot be watched. So scans must find what this package did not report. When it knows that something was
// missed, it says so.
//
// Run owns three goroutines. Only follow knows the watched tree.
//
//	fsnotify ─▶ pump ─▶ follow ─▶ Sink
//	        rootPoll ──┘
//
// Nothing is ever written to, locked or moved in the watched directory.
package watch

import (
	"context"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Sink receives the reports of a Watcher. Its methods are called from one goroutine. They should return soon: up to
// 8,192 notifications wait meanwhile. Further ones are dropped, and then Lost is called.
type Sink interface {
	// Changed reports that the file at path may have been created, written, renamed or removed. The path is relative
	// to the root, '/'-separated, in the file system's own bytes. The notification came at the time at.
	Changed(path string, at time.Time)
	// Lost reports that changes anywhere below the root may have been missed. The reason is for people.
	Lost(reason string)
}

// Options are the options of a Watcher. The zero value is ready to use.
type Options struct {
	Pattern Pattern // which files are reported
	// Skip reports whether a folder is not to be entered. The path is relative to the root. Default: no folder is
	// skipped.
	Skip     func(path string) bool
	RootPoll time.Duration // how often the root's existence and identity are checked; default 1 s
	Logger   *slog.Logger  // default: discard
}

// State is the state of a Watcher.
//
//	state         the root    notifications                    next state
//	-----------   ---------   ------------------------------   --------------------------------------------
//	Waiting       is absent   -                                Adding or Unavailable, when the root appears
//	Adding        is there    for a part of the tree           Watching, when the whole tree is watched
//	Watching      is there    for the tree                     Waiting, when notifications fail
//	Unavailable   is there    the system gives none            Adding; it is tried at each poll of the root
//
// When the root vanishes, the state becomes Waiting. Whenever the root or its notifications come or go, the Watcher
// calls Sink.Lost.
type State string

const (
	Waiting     State = "waiting"
	Adding      State = "adding"
	Watching    State = "watching"
	Unavailable State = "deaf"
)

// Status is a snapshot of a Watcher.
type Status struct {
	State     State    `json:"state"`
	Error     string   `json:"error,omitempty"`     // why the system gives no notifications; empty unless Unavailable
	Help      string   `json:"help,omitempty"`      // what to do about the error
	Watched   int      `json:"watched"`             // number of watched directories
	Unwatched []string `json:"unwatched,omitempty"` // folders that cannot be watched, sorted; at most 100
	Renewed   int      `json:"renewed,omitempty"`   // how often Renew was called
	Overflows int      `json:"overflows"`           // how often notifications were lost because a queue was full
}

const (
	maxUnwatchedListed = 100
	// shutdownGrace is how long Run waits for its goroutines. A system call on a dead network share may hang for
	// minutes and cannot be interrupted.
	shutdownGrace = time.Second
)

// Watcher watches one directory and everything below it. The root may be a symbolic link. Links below it are not
// followed.
type Watcher struct {
	root    string
	pattern Pattern
	skip    func(path string) bool
	poll    time.Duration
	log     *slog.Logger
	sink    Sink
	renew   chan struct{} // holds one while Renew was called and nothing was done for it yet

	// These are replaced in tests.
	stat func(string) (fs.FileInfo, error)
	open func() (notifier, error)

	mu        sync.Mutex // guards the fields below
	state     State
	deafErr   error // why the system gives no notifications
	watched   int
	unwatched map[string]struct{}
	overflows int
	renewed   int
}

// New returns a Watcher of the directory root. The root need not exist yet. Nothing happens before Run is called.
func New(root string, sink Sink, opts Options) *Watcher {
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	if opts.Skip == nil {
		opts.Skip = func(string) bool { return false }
	}
	if opts.RootPoll <= 0 {
		opts.RootPoll = time.Second
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Watcher{
		root:      filepath.Clean(root),
		pattern:   opts.Pattern,
		skip:      opts.Skip,
		poll:      opts.RootPoll,
		log:       opts.Logger.With("root", root),
		sink:      sink,
		state:     Waiting,
		stat:      statIdentity,
		open:      openNotifier,
		unwatched: make(map[string]struct{}),
		renew:     make(chan struct{}, 1),
	}
}

// Run watches until ctx ends. It waits for a root that does not exist, and keeps asking for notifications that the
// operating system refuses. Run may be called once.
//
// Run waits for its goroutines to end, with two exceptions. A goroutine that hangs in a system call on a dead file
// system is abandoned a second after ctx ended; it ends when the system call returns. And fsnotify's own goroutines may
// not end (rootWatch.close).
func (w *Watcher) Run(ctx context.Context) {
	poll := newRootPoll(w.root, w.poll, w.stat)
	var helpers sync.WaitGroup
	helpers.Go(func() { poll.run(ctx) })
	helpers.Go(func() { w.follow(ctx, poll) })
	done := make(chan struct{})
	go func() { helpers.Wait(); close(done) }()

	<-ctx.Done()
	select {
	case <-done:
	case <-time.After(shutdownGrace):
		w.log.Warn("the watch path does not answer; stopped without waiting for it")
	}
}

// Renew makes all watches anew. It is for a watch that does not tell of changes any more: on a network share, watches
// may die with the connection, and nothing says so. It is safe for concurrent use.
func (w *Watcher) Renew() {
	select {
	case w.renew <- struct{}{}:
	default:
	}
}

// Status returns the present status. It is safe for concurrent use, before, during and after Run.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	unwatched := slices.Sorted(maps.Keys(w.unwatched))
	s := Status{
		State:     w.state,
		Watched:   w.watched,
		Unwatched: unwatched[:min(len(unwatched), maxUnwatchedListed)],
		Renewed:   w.renewed,
		Overflows: w.overflows,
	}
	if w.deafErr != nil {
		s.Error, s.Help = w.deafErr.Error(), advice(w.deafErr)
	}
	return s
}

// setState sets the state and reports whether it has changed. The error is for Unavailable: why the system gives no
// notifications.
func (w *Watcher) setState(now State, err error) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed = w.state != now
	w.state, w.deafErr = now, err
	if now == Waiting || now == Unavailable {
		w.watched = 0
		clear(w.unwatched)
	}
	return changed
}

func (w *Watcher) setWatched(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = n
}

func (w *Watcher) countOverflow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.overflows++
}

func (w *Watcher) countRenewal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renewed++
}

func (w *Watcher) addUnwatched(rel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwatched[rel] = struct{}{}
}

// removeUnwatched removes a folder and all folders below it from the list of unwatched folders. It reports whether
// there were any.
func (w *Watcher) removeUnwatched(rel string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.unwatched)
	maps.DeleteFunc(w.unwatched, func(u string, _ struct{}) bool { return within(u, rel) })
	return len(w.unwatched) < before
}

// removeUnwatchedFolder removes one folder from the list of unwatched folders. It reports whether it was there.
func (w *Watcher) removeUnwatchedFolder(rel string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, was := w.unwatched[rel]
	delete(w.unwatched, rel)
	return was
}

func (w *Watcher) allUnwatched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.unwatched))
}
