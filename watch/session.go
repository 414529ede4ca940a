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

// How often subtrees that could not be watched are tried again, and the watches compared with what fsnotify has.
const recheckEvery = 30 * time.Second

// session is the watching of one incarnation of the root, from its appearance to its loss.
type session struct {
	w     *Watcher
	fs    notifier
	info  fs.FileInfo // identity of the root
	notes chan note
	pump  sync.WaitGroup

	tree    tree
	todo    []task   // directories to watch and list; the last is next
	listing *listing // the directory being listed
	look    string   // of what Lost is to tell when nothing is left to do; empty: of nothing
	verify  bool     // compare the tree with fsnotify's list when nothing else is left to do
	suspect bool     // that comparison found something; the next root poll does it again
	dropped string   // the directory whose removal was handled last

	checked time.Time       // of the last retry
	warned  map[string]bool // advice already logged

	lost   bool // the root is not what it was: end the session now
	broken bool // fsnotify has failed: end the session at the next root poll
}

// closeLimit is how long the end of notifications is waited for.
const closeLimit = 5 * time.Second

// close stops the notifications and waits for the end of all that was started. On Windows, fsnotify up to 1.10.1 forgets that it was
// to end if there is an error to send at that moment (its pull request 769), as there is one for each directory of a share that was
// lost: then it is left behind, or nothing would be watched any more.
func (s *session) close() {
	s.stopListing()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = s.fs.Close() // nothing can be done about it, and nothing depends on it
		s.pump.Wait()
	}()
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-closed:
	case <-limit.C:
		s.w.log.Warn("the file notifications of before do not end; going on without waiting for them")
	}
}

// native is the path the operating system knows rel by.
func (s *session) native(rel string) string {
	return filepath.Join(s.w.root, filepath.FromSlash(rel))
}

// rel is the inverse of native.
func (s *session) rel(native string) (string, bool) {
	rest, ok := strings.CutPrefix(filepath.ToSlash(native), filepath.ToSlash(s.w.root))
	if !ok {
		return "", false
	}
	if rest = strings.TrimLeft(rest, "/"); rest == "" {
		return ".", true
	}
	return rest, true
}

func (s *session) handle(n note) {
	if n.err != nil {
		s.fail(n)
		return
	}
	rel, ok := s.rel(n.name)
	if !ok {
		return
	}
	if n.op.Has(fsnotify.Remove | fsnotify.Rename) {
		s.disappeared(rel, n.at)
	}
	switch {
	case n.op.Has(fsnotify.Create):
		s.appeared(rel, n.at)
	case n.op.Has(fsnotify.Write) && s.w.pattern.Match(rel):
		if fi, err := os.Lstat(s.native(rel)); handOn(fi, err) {
			s.w.sink.Changed(rel, n.at)
		}
	}
}

func (s *session) fail(n note) {
	s.w.sink.Lost(n.err.Error())
	if errors.Is(n.err, fsnotify.ErrEventOverflow) || errors.Is(n.err, errNotesDropped) {
		s.w.countOverflow()
		s.w.log.Info("too many changes at once; everything is looked at again", "reason", n.err)
		s.resync("too many changes at once") // directories may have come and gone unnoticed
		return
	}
	// On Windows the directory concerned, which is not named, is not watched any more after most errors. Start afresh, but no faster
	// than the root is polled.
	s.w.log.Warn("file notifications failed; starting them anew", "error", n.err)
	s.broken = true
}

func (s *session) appeared(rel string, at time.Time) {
	if rel == s.dropped {
		s.dropped = ""
	}
	fi, err := os.Lstat(s.native(rel))
	switch {
	case err == nil && fi.IsDir():
		s.todo = append(s.todo, task{rel: rel, announce: true})
	case s.w.pattern.Match(rel) && handOn(fi, err):
		s.w.sink.Changed(rel, at)
	}
}

// handOn tells whether what Lstat found is for the consumer: a regular file, or something only the consumer's own attempt can tell.
func handOn(fi fs.FileInfo, err error) bool {
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // its removal is on its way
	}
	return fi.Mode().IsRegular()
}

func (s *session) disappeared(rel string, at time.Time) {
	switch {
	case rel == ".":
		s.lost = true
	case s.drop(rel):
		s.dropped = rel
		s.w.sink.Lost("a folder was moved or removed")
	case rel == s.dropped: // a moved directory is reported by its parent and by itself
		s.dropped = ""
	case s.w.pattern.Match(rel):
		s.w.sink.Changed(rel, at)
	}
}

// drop forgets the directory rel and all below it and tells whether it was known. fsnotify by itself drops the watch on a moved directory only,
// and late; those below it would go on under their old names, and a watch added under the new name would be taken for the old one.
func (s *session) drop(rel string) bool {
	removed := s.tree.remove(rel)
	for _, r := range removed {
		_ = s.fs.Remove(s.native(r)) // fails when the kernel was faster
	}
	known := s.w.removeUnwatched(rel) || len(removed) > 0
	if !known {
		return false
	}
	if s.listing != nil && within(s.listing.rel, rel) {
		s.stopListing()
	}
	s.w.setWatched(len(s.tree))
	s.verify = true
	return true
}

// tick does what is to be done now and then.
func (s *session) tick(now time.Time) {
	if s.suspect && !s.busy() {
		s.suspect = false
		if s.compare() {
			s.w.log.Warn("the watches do not fit the directories; starting them anew")
			s.broken = true
		}
	}
	if now.Sub(s.checked) < recheckEvery {
		return
	}
	s.checked = now
	s.verify = true
	for _, rel := range s.w.allUnwatched() {
		s.todo = append(s.todo, task{rel: rel})
	}
}

// compare mends differences between the tree and fsnotify's list of watches, and tells whether there were any. They come about when a directory
// was found under its new name before its move was reported (fsnotify then keeps the old name), and when a file system was
// unmounted (fsnotify does not report that).
func (s *session) compare() bool {
	have := make(map[string]struct{}, len(s.tree))
	extra := false
	for _, p := range s.fs.WatchList() {
		rel, ok := s.rel(p)
		if !ok || !s.tree.has(rel) {
			_ = s.fs.Remove(p)
			extra = true
			continue
		}
		have[rel] = struct{}{}
	}
	for rel := range s.tree {
		if _, ok := have[rel]; ok {
			continue
		}
		// A directory that is gone by now is taken out as soon as its removal is reported.
		if fi, err := os.Lstat(s.native(rel)); rel == "." || err == nil && fi.IsDir() {
			s.resync("a folder was not watched")
			return true
		}
	}
	return extra
}
