// Package watch reports what the operating system says about the files below one directory: this path may have changed,
// or something may have been missed anywhere; and nothing else.
//
// It is an optimisation. Notifications get lost (a full queue, a network share changed from another machine, a
// directory that cannot be watched), so a scan must find whatever this package did not say. When it knows that
// something was missed, it says so.
//
// Three goroutines, all owned by Run:
//
//	fsnotify ─▶ pump ─▶ follow (the only one that knows the watched tree) ─▶ Sink
//	              poll (does the root still exist?) ──┘
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

// Sink is told what happened. Its methods are called from one goroutine. While one of them has not returned,
// notifications pile up, and in the end they are dropped, of which Lost tells then.
type Sink interface {
	// Changed says that the file at path deserves a look: it may have been created, written, renamed or removed. The
	// path is relative to the root, '/'-separated, in the file system's own bytes. At is when the notification came.
	Changed(path string, at time.Time)
	// Lost says that changes may have been missed anywhere below the root, and why.
	Lost(reason string)
}

// Options of a Watcher; the zero value is ready to use.
type Options struct {
	Pattern Pattern // which base names are handed on
	// Skip says of a folder, by its path relative to the root, that it is not to be entered; default: none is.
	Skip     func(path string) bool
	RootPoll time.Duration // how often the root's existence and identity are checked; default 1 s
	Logger   *slog.Logger  // default: discard
}

// State is what a Watcher does.
//
//	state      the root    notifications                    then
//	--------   ---------   ------------------------------   --------------------------------------------
//	Waiting    is absent   -                                when it is there: Adding, or Deaf
//	Adding     is there    come from a part of its tree     when the tree is complete: Watching
//	Watching   is there    come from its tree               the root goes, or they fail: Waiting
//	Deaf       is there    cannot be had from the system    tried again at each poll of the root: Adding
//
// From each of them the watcher goes to Waiting when the root is gone. Whenever the root, or its notifications, come or
// go, the Sink is told that changes may have been lost.
type State string

const (
	Waiting  State = "waiting"
	Adding   State = "adding"
	Watching State = "watching"
	Deaf     State = "deaf"
)

// Status is a snapshot of what a Watcher covers.
type Status struct {
	State     State    `json:"state"`
	Error     string   `json:"error,omitempty"`     // why no notifications can be had; empty unless Deaf
	Help      string   `json:"help,omitempty"`      // what to do about the error
	Watched   int      `json:"watched"`             // directories
	Unwatched []string `json:"unwatched,omitempty"` // subtrees that cannot be, below the root, sorted; at most 100
	Overflows int      `json:"overflows"`           // how often notifications were lost because a queue was full
}

const (
	maxUnwatchedListed = 100
	// A system call on a dead network share may hang for minutes and cannot be interrupted.
	shutdownGrace = time.Second
)

// Watcher watches one directory and everything below it. Symbolic links below the root are not followed; the root itself may be one.
type Watcher struct {
	root    string
	pattern Pattern
	skip    func(path string) bool
	poll    time.Duration
	log     *slog.Logger
	sink    Sink

	// The outside world, replaced in tests.
	stat func(string) (fs.FileInfo, error)
	open func() (notifier, error)

	mu        sync.Mutex // guards what follows
	state     State
	deafFor   error // why no notifications can be had
	watched   int
	unwatched map[string]struct{}
	overflows int
}

// New returns a Watcher of the directory root, which need not exist yet. It does nothing before Run is called.
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
	}
}

// Run watches until ctx ends. A root that does not exist is waited for, and so are notifications that the operating
// system refuses. Run may be called once.
//
// Run waits for all its goroutines, with two exceptions: one that hangs in a system call on a dead file system is
// abandoned a second after ctx ended, and ends by itself when the system call returns. And fsnotify's own, should they
// not end (session.close).
func (w *Watcher) Run(ctx context.Context) {
	polled := newRootPoll(w.root, w.poll, w.stat)
	var helpers sync.WaitGroup
	helpers.Go(func() { polled.run(ctx) })
	helpers.Go(func() { w.follow(ctx, polled) })
	done := make(chan struct{})
	go func() { helpers.Wait(); close(done) }()

	<-ctx.Done()
	select {
	case <-done:
	case <-time.After(shutdownGrace):
		w.log.Warn("the watch path does not answer; stopped without waiting for it")
	}
}

// Status says what is watched at the moment. It may be called from any goroutine, before, during and after Run.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	unwatched := slices.Sorted(maps.Keys(w.unwatched))
	s := Status{
		State:     w.state,
		Watched:   w.watched,
		Unwatched: unwatched[:min(len(unwatched), maxUnwatchedListed)],
		Overflows: w.overflows,
	}
	if w.deafFor != nil {
		s.Error, s.Help = w.deafFor.Error(), advice(w.deafFor)
	}
	return s
}

// become goes over to another state, and says whether that is news. The error is why notifications cannot be had.
func (w *Watcher) become(now State, err error) (news bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	news = w.state != now
	w.state, w.deafFor = now, err
	if now == Waiting || now == Deaf {
		w.watched = 0
		clear(w.unwatched)
	}
	return news
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

func (w *Watcher) addUnwatched(rel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwatched[rel] = struct{}{}
}

// removeUnwatched takes rel and what is below it off the list and tells whether anything was on it.
func (w *Watcher) removeUnwatched(rel string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.unwatched)
	maps.DeleteFunc(w.unwatched, func(u string, _ struct{}) bool { return within(u, rel) })
	return len(w.unwatched) < before
}

// nowWatched takes rel alone off the list and tells whether it was on it.
func (w *Watcher) nowWatched(rel string) bool {
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
