package watch

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// chunk is how many entries of a directory one step reads.
const chunk = 1024

// task is a directory to watch and to list, with all directories below it.
type task struct {
	rel string
	// announce says that the sink is told of each file in it. Otherwise one call of Lost at the end covers them all.
	announce bool
}

type listing struct {
	task
	dir      *os.File
	children map[string]struct{} // the directories found so far
}

// resync walks the whole tree, adds the missing watches and drops those of directories that are gone. At the end it
// calls Lost with the reason.
func (r *rootWatch) resync(reason string) {
	r.stopListing()
	r.todo = []task{{rel: "."}}
	r.lostReason = reason
}

func (r *rootWatch) busy() bool {
	return r.listing != nil || len(r.todo) > 0 || r.compareDue || r.lostReason != ""
}

// step does the next small piece of work.
func (r *rootWatch) step() {
	switch {
	case r.listing != nil:
		r.list()
	case len(r.todo) > 0:
		last := len(r.todo) - 1
		t := r.todo[last]
		r.todo = r.todo[:last]
		r.enter(t)
	case r.compareDue:
		r.compareDue = false
		r.differed = r.compare() || r.differed
	case r.lostReason != "":
		r.w.setState(Watching, nil)
		r.w.sink.Lost(r.lostReason)
		r.lostReason = ""
	}
}

// enter watches a directory, and then begins to list it. In this order no new file is missed.
func (r *rootWatch) enter(t task) {
	if r.w.skip(t.rel) {
		r.drop(t.rel)
		return
	}
	if err := r.fs.Watch(r.native(t.rel), bufferSize(len(r.tree))); err != nil {
		r.drop(t.rel)
		r.cannotWatch(t.rel, err)
		return
	}
	r.tree.add(t.rel)
	r.w.setWatched(len(r.tree))
	// A FIFO may have taken the place of the directory. With O_NONBLOCK, opening it does not wait for a writer.
	dir, err := os.OpenFile(r.native(t.rel), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		r.cannotWatch(t.rel, err)
		return
	}
	r.listing = &listing{task: t, dir: dir, children: make(map[string]struct{})}
}

// list reads a chunk of the directory that is being listed.
func (r *rootWatch) list() {
	l := r.listing
	entries, err := l.dir.ReadDir(chunk)
	for _, e := range entries {
		rel := join(l.rel, e.Name())
		switch {
		case e.IsDir():
			l.children[e.Name()] = struct{}{}
			r.todo = append(r.todo, task{rel: rel, announce: l.announce})
		case l.announce && e.Type().IsRegular() && r.w.pattern.Match(rel):
			r.w.sink.Changed(rel, time.Now())
		}
	}
	if err == nil {
		return
	}
	r.stopListing()
	if err != io.EOF {
		r.cannotWatch(l.rel, err)
		return
	}
	r.listed(l)
}

// listed handles the end of a listing. Watched directories that it did not find are dropped.
func (r *rootWatch) listed(l *listing) {
	for name := range r.tree[l.rel] {
		if _, ok := l.children[name]; !ok {
			r.drop(join(l.rel, name))
		}
	}
	if r.w.removeUnwatchedFolder(l.rel) {
		r.w.log.Info("watched again", "path", l.rel)
		r.lostReason = "a folder is watched again"
	}
}

func (r *rootWatch) stopListing() {
	if r.listing != nil {
		_ = r.listing.dir.Close()
		r.listing = nil
	}
}

// cannotWatch records a folder that gives no notifications.
func (r *rootWatch) cannotWatch(rel string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist) && rel == ".":
		r.failed = true
		return
	case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		r.drop(rel)
		return
	}
	r.w.addUnwatched(rel)
	help := advice(err)
	if r.warned[help] {
		r.w.log.Debug("cannot watch a folder", "path", rel, "error", err)
		return
	}
	r.warned[help] = true
	r.w.log.Warn("cannot watch a folder; scans find its files; the status lists further folders like it",
		"path", rel, "error", err, "help", help)
}

// advice says what the operator can do about an error of the system.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the limit of watched folders is reached: raise fs.inotify.max_user_watches (sysctl), " +
			"for example to 524288"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "a limit is reached: raise that of open files (ulimit -n), or that of inotify instances " +
			"(sysctl fs.inotify.max_user_instances)"
	case errors.Is(err, fs.ErrPermission):
		return "give the account this program runs under the right to read the folder"
	}
	return "see whether the folder can be listed by the account this program runs under"
}
