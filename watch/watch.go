// Package watch reports what the operating system says about the files below one directory: this path was created, modified, is gone, or
// "look again everywhere, something may have been missed", and nothing else.
//
// It is an optimisation. Notifications get lost (a full queue, a network share changed from another machine, a directory that cannot be watched),
// so a scan must find whatever this package did not say. When it knows that something was missed, it says LookAgain.
//
// Four goroutines, all owned by Run:
//
//	fsnotify ─▶ pump ─▶ follow (the only one that knows the watched tree) ─▶ queue ─▶ Run itself ─▶ Events()
//	              poll (does the root still exist?) ──┘
//
// Nothing is ever written to, locked or moved in the watched directory.
package watch

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Op says what happened to a path.
type Op uint8

const (
	Created   Op = iota + 1 // a file appeared under Path: created there or renamed into place
	Modified                // its content was written
	Gone                    // it is not there under this name any more
	LookAgain               // events may have been missed anywhere below the root; Path is empty
)

func (op Op) String() string {
	switch op {
	case Created:
		return "created"
	case Modified:
		return "modified"
	case Gone:
		return "gone"
	case LookAgain:
		return "look again"
	}
	return fmt.Sprintf("Op(%d)", uint8(op))
}

// Event is a hint that Path deserves a look; what to do follows from what is found there.
type Event struct {
	Op   Op
	Path string    // relative to the root, '/'-separated, the file system's own bytes; empty for LookAgain
	At   time.Time // when the first of the coalesced notifications was received
}

// Options of a Watcher; the zero value is ready to use.
type Options struct {
	Pattern Pattern // which base names are handed on
	// Skip says of a folder, by its path relative to the root, that it is not to be entered; default: none is.
	Skip       func(path string) bool
	RootPoll   time.Duration // how often the root's existence and identity are checked; default 1 s
	MaxPending int           // pending paths above which they are dropped for one LookAgain; default 10,000
	Logger     *slog.Logger  // default: discard
}

// Status is a snapshot of what a Watcher covers.
type Status struct {
	RootAvailable bool
	Watched       int      // directories watched
	Unwatched     []string // subtrees that could not be watched, relative to the root ("." is the root), sorted; at most 100 are listed
	Overflows     int      // how often notifications were lost because a queue was full
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
	queue   *queue
	events  chan Event

	// The outside world, replaced in tests.
	stat func(string) (fs.FileInfo, error)
	open func() (notifier, error)

	deaf bool // the last open failed; belongs to follow

	mu        sync.Mutex // guards what follows
	available bool
	watched   int
	unwatched map[string]struct{}
	overflows int
}

// New returns a Watcher of the directory root, which need not exist yet. It does nothing before Run is called.
func New(root string, opts Options) *Watcher {
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	if opts.Skip == nil {
		opts.Skip = func(string) bool { return false }
	}
	if opts.RootPoll <= 0 {
		opts.RootPoll = time.Second
	}
	if opts.MaxPending <= 0 {
		opts.MaxPending = 10_000
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
		queue:     newQueue(opts.MaxPending),
		events:    make(chan Event),
		stat:      statIdentity,
		open:      openNotifier,
		unwatched: make(map[string]struct{}),
	}
}

// Events returns the channel of what happened. It is unbuffered and closed when Run returns. Events of one path that nobody has taken yet become
// one; between paths the order of first arrival is kept, except that LookAgain goes first.
func (w *Watcher) Events() <-chan Event { return w.events }

// Run watches until ctx ends and then returns nil. A root that does not exist is waited for. The error is non-nil only if the operating system's
// notifications cannot be used at all. Run may be called once.
//
// Run waits for all its goroutines, with two exceptions: one that hangs in a system call on a dead file system is abandoned a second after ctx
// ended; it ends by itself when the system call returns. And fsnotify's own, should they not end (session.close).
func (w *Watcher) Run(ctx context.Context) error {
	defer close(w.events)
	if err := w.probe(); err != nil {
		return fmt.Errorf("watch %s: file notifications are not available: %w", w.root, err)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	polled := newRootPoll(w.root, w.poll, w.stat)
	var helpers sync.WaitGroup
	helpers.Go(func() { polled.run(ctx) })
	helpers.Go(func() { w.follow(ctx, polled) })
	done := make(chan struct{})
	go func() { helpers.Wait(); close(done) }()

	w.deliver(ctx)

	select {
	case <-done:
	case <-time.After(shutdownGrace):
		w.log.Warn("the watch path does not answer; stopped without waiting for it")
	}
	return nil
}

// probe makes an unusable system known at the start instead of when the root appears.
func (w *Watcher) probe() error {
	n, err := w.open()
	if err != nil {
		return err
	}
	return n.Close()
}

// deliver hands events over until ctx ends. It touches no file system, so that nothing that hangs there holds back what is already known.
func (w *Watcher) deliver(ctx context.Context) {
	for {
		ev, ok := w.queue.take()
		if !ok {
			select {
			case <-w.queue.changed:
			case <-ctx.Done():
				return
			}
			continue
		}
		select {
		case w.events <- ev:
		case <-w.queue.changed: // more may be known of this very path by now
			w.queue.putBack(ev)
		case <-ctx.Done():
			return
		}
	}
}

// Status says what is watched at the moment. It may be called from any goroutine, before, during and after Run.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	unwatched := slices.Sorted(maps.Keys(w.unwatched))
	return Status{
		RootAvailable: w.available,
		Watched:       w.watched,
		Unwatched:     unwatched[:min(len(unwatched), maxUnwatchedListed)],
		Overflows:     w.overflows,
	}
}

func (w *Watcher) setAvailable(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.available = yes
	if !yes {
		w.watched = 0
		clear(w.unwatched)
	}
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
