package watch

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Entries of a directory read in one step.
const chunk = 1024

// task is a directory to be watched and listed, with all below it.
type task struct {
	rel      string
	announce bool // tell of each of its files; otherwise one Lost at the end covers them
}

type listing struct {
	task
	dir      *os.File
	children map[string]struct{} // directories found
}

// resync walks the whole tree, adds the watches that are missing, drops those of directories that are gone, and tells
// the sink when it is done.
func (s *session) resync(reason string) {
	s.stopListing()
	s.todo = []task{{rel: "."}}
	s.look = reason
}

func (s *session) busy() bool {
	return s.listing != nil || len(s.todo) > 0 || s.verify || s.look != ""
}

// step does the next small piece of work.
func (s *session) step() {
	switch {
	case s.listing != nil:
		s.list()
	case len(s.todo) > 0:
		last := len(s.todo) - 1
		t := s.todo[last]
		s.todo = s.todo[:last]
		s.enter(t)
	case s.verify:
		s.verify = false
		s.suspect = s.compare() || s.suspect
	case s.look != "":
		s.w.become(Watching, nil)
		s.w.sink.Lost(s.look)
		s.look = ""
	}
}

// enter watches a directory and only then begins to list it, so that nothing falls between the two.
func (s *session) enter(t task) {
	if s.w.skip(t.rel) {
		s.drop(t.rel)
		return
	}
	if err := s.fs.Watch(s.native(t.rel), bufferSize(len(s.tree))); err != nil {
		s.drop(t.rel)
		s.cannotWatch(t.rel, err)
		return
	}
	s.tree.add(t.rel)
	s.w.setWatched(len(s.tree))
	// It was a directory a moment ago; should it have become a FIFO, this must not wait for a writer.
	dir, err := os.OpenFile(s.native(t.rel), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		s.cannotWatch(t.rel, err)
		return
	}
	s.listing = &listing{task: t, dir: dir, children: make(map[string]struct{})}
}

// list reads a chunk of the directory being listed.
func (s *session) list() {
	l := s.listing
	entries, err := l.dir.ReadDir(chunk)
	for _, e := range entries {
		rel := join(l.rel, e.Name())
		switch {
		case e.IsDir():
			l.children[e.Name()] = struct{}{}
			s.todo = append(s.todo, task{rel: rel, announce: l.announce})
		case l.announce && e.Type().IsRegular() && s.w.pattern.Match(rel):
			s.w.sink.Changed(rel, time.Now())
		}
	}
	if err == nil {
		return
	}
	s.stopListing()
	if err != io.EOF {
		s.cannotWatch(l.rel, err)
		return
	}
	s.listed(l)
}

func (s *session) listed(l *listing) {
	for name := range s.tree[l.rel] {
		if _, ok := l.children[name]; !ok {
			s.drop(join(l.rel, name))
		}
	}
	if s.w.nowWatched(l.rel) {
		s.w.log.Info("watched again", "path", l.rel)
		s.look = "a folder is watched again"
	}
}

func (s *session) stopListing() {
	if s.listing != nil {
		_ = s.listing.dir.Close()
		s.listing = nil
	}
}

// cannotWatch records a subtree that has to do without notifications.
func (s *session) cannotWatch(rel string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist) && rel == ".":
		s.broken = true
		return
	case errors.Is(err, fs.ErrNotExist): // gone again
		s.drop(rel)
		return
	}
	s.w.addUnwatched(rel)
	help := advice(err)
	if s.warned[help] {
		s.w.log.Debug("cannot watch a folder", "path", rel, "error", err)
		return
	}
	s.warned[help] = true
	s.w.log.Warn("cannot watch a folder; scans still find its files. Further ones like it are in the status only", "path", rel, "error", err, "help", help)
}

func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the limit of watched folders is reached: raise fs.inotify.max_user_watches (sysctl), for example to 524288"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "a limit is reached: raise that of open files (ulimit -n), or that of inotify instances " +
			"(sysctl fs.inotify.max_user_instances)"
	case errors.Is(err, fs.ErrPermission):
		return "give the account this program runs under the right to read the folder"
	}
	return "see whether the folder can be listed by the account this program runs under"
}
