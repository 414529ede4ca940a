package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// recheckEvery is how often folders that could not be watched are tried again, and the watches are compared with
// fsnotify's.
const recheckEvery = 30 * time.Second

// closeLimit is how long close waits for fsnotify to end.
const closeLimit = 5 * time.Second

// rootWatch watches one directory, from the time it appears as the root until it vanishes or is replaced.
type rootWatch struct {
	w     *Watcher
	fs    notifier
	info  fs.FileInfo // identity of the root
	notes chan note
	pump  sync.WaitGroup

	tree       tree
	todo       []task   // directories to watch and list; the last is next
	listing    *listing // the directory that is being listed
	lostReason string   // for the call of Sink.Lost when nothing is left to do; empty: there is no call
	compareDue bool     // compare the tree with fsnotify's list when nothing else is left to do
	differed   bool     // that comparison found a difference; the next root poll compares once more
	removed    string   // the directory whose removal was handled last

	rechecked time.Time       // when tick last did its work
	warned    map[string]bool // advice that was already logged

	rootLost bool // the root vanished or was replaced: end now
	failed   bool // fsnotify has failed: end at the next root poll
}

// close stops the notifications and waits for the goroutines. On Windows, fsnotify up to 1.10.1 may never end if it has
// an error to send while it is closed (its pull request 769). Each directory of a lost share causes such an error. Then
// close gives up after closeLimit, so that the root can be watched again.
func (r *rootWatch) close() {
	r.stopListing()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = r.fs.Close() // nothing depends on it
		r.pump.Wait()
	}()
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-closed:
	case <-limit.C:
		r.w.log.Warn("the old file notifications do not end; going on without waiting for them")
	}
}

// native returns the operating system's name of a path.
func (r *rootWatch) native(rel string) string {
	return filepath.Join(r.w.root, filepath.FromSlash(rel))
}

// rel is the inverse of native.
func (r *rootWatch) rel(native string) (string, bool) {
	rest, ok := strings.CutPrefix(filepath.ToSlash(native), filepath.ToSlash(r.w.root))
	if !ok {
		return "", false
	}
	if rest = strings.TrimLeft(rest, "/"); rest == "" {
		return ".", true
	}
	return rest, true
}

func (r *rootWatch) handle(n note) {
	if n.err != nil {
		r.handleError(n.err)
		return
	}
	rel, ok := r.rel(n.name)
	if !ok {
		return
	}
	if n.op.Has(fsnotify.Remove | fsnotify.Rename) {
		r.disappeared(rel, n.at)
	}
	switch {
	case n.op.Has(fsnotify.Create):
		r.appeared(rel, n.at)
	case n.op.Has(fsnotify.Write) && r.w.pattern.Match(rel):
		if fi, err := os.Lstat(r.native(rel)); mayBeFile(fi, err) {
			r.w.sink.Changed(rel, n.at)
		}
	}
}

func (r *rootWatch) handleError(err error) {
	r.w.sink.Lost(err.Error())
	if errors.Is(err, fsnotify.ErrEventOverflow) || errors.Is(err, errNotesDropped) {
		r.w.countOverflow()
		r.w.log.Info("too many changes at once; everything is scanned again", "reason", err)
		r.resync("too many changes at once") // the notifications of new and removed directories may be lost too
		return
	}
	// After most errors on Windows, one directory is not watched any more, and the error does not name it. So all
	// watches are made anew, but not more often than the root is polled.
	r.w.log.Warn("file notifications failed; starting them anew", "error", err)
	r.failed = true
}

func (r *rootWatch) appeared(rel string, at time.Time) {
	if rel == r.removed {
		r.removed = ""
	}
	fi, err := os.Lstat(r.native(rel))
	switch {
	case err == nil && fi.IsDir():
		r.todo = append(r.todo, task{rel: rel, announce: true})
	case r.w.pattern.Match(rel) && mayBeFile(fi, err):
		r.w.sink.Changed(rel, at)
	}
}

// mayBeFile reports whether the result of Lstat is a regular file or may be one. After an error, only the sink's own
// attempt to read the path can tell.
func mayBeFile(fi fs.FileInfo, err error) bool {
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // a notification of the removal follows
	}
	return fi.Mode().IsRegular()
}

func (r *rootWatch) disappeared(rel string, at time.Time) {
	switch {
	case rel == ".":
		r.rootLost = true
	case r.drop(rel):
		r.removed = rel
		r.w.sink.Lost("a folder was moved or removed")
	case rel == r.removed: // both the parent and the directory itself report a move
		r.removed = ""
	case r.w.pattern.Match(rel):
		r.w.sink.Changed(rel, at)
	}
}

// drop removes the watches of a directory and of all directories below it. It reports whether the directory was known.
// If a directory moves, fsnotify removes only the watch of that directory itself, and late. The watches below it would
// report the old names. A watch that is added under the new name would be taken for the old one.
func (r *rootWatch) drop(rel string) bool {
	dropped := r.tree.remove(rel)
	for _, d := range dropped {
		_ = r.fs.Remove(r.native(d)) // fails if the kernel has already removed it
	}
	known := r.w.removeUnwatched(rel) || len(dropped) > 0
	if !known {
		return false
	}
	if r.listing != nil && within(r.listing.rel, rel) {
		r.stopListing()
	}
	r.w.setWatched(len(r.tree))
	r.compareDue = true
	return true
}

// tick runs after each root poll. It does what is due at longer intervals.
func (r *rootWatch) tick(now time.Time) {
	if r.differed && !r.busy() {
		r.differed = false
		if r.compare() {
			r.w.log.Warn("the watches do not fit the directories; starting them anew")
			r.failed = true
		}
	}
	if now.Sub(r.rechecked) < recheckEvery {
		return
	}
	r.rechecked = now
	r.compareDue = true
	for _, rel := range r.w.allUnwatched() {
		r.todo = append(r.todo, task{rel: rel})
	}
}

// compare corrects differences between the tree and fsnotify's list of watches. It reports whether there were any. Two
// causes are known. A directory was found under its new name before its move was reported: fsnotify then keeps the old
// name. A file system was unmounted: fsnotify does not report that.
func (r *rootWatch) compare() bool {
	have := make(map[string]struct{}, len(r.tree))
	extra := false
	for _, p := range r.fs.WatchList() {
		rel, ok := r.rel(p)
		if !ok || !r.tree.has(rel) {
			_ = r.fs.Remove(p)
			extra = true
			continue
		}
		have[rel] = struct{}{}
	}
	for rel := range r.tree {
		if _, ok := have[rel]; ok {
			continue
		}
		// If the directory is gone by now, the notification of its removal takes it out of the tree.
		if fi, err := os.Lstat(r.native(rel)); rel == "." || err == nil && fi.IsDir() {
			r.resync("a folder was not watched")
			return true
		}
	}
	return extra
}
