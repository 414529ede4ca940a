// Package hot finds changes soon where the operating system's events do not tell of them. It lists the few folders in
// which something changed lately, again and again, and takes all others to be left to the scans. It only says which
// files to examine: nothing is concluded from it, and least of all that a file is gone.
package hot

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/gfxsync/gfxsync/hashindex"
)

const (
	// maxFolders is how many folders are listed at most: those in which something changed last.
	maxFolders = 1000
	// maxNames bounds the names that are remembered, of all folders together. What is beyond is left to the scans.
	maxNames = 100_000
	// maxRecent is how many files of a folder are looked at by themselves: those that changed last.
	maxRecent = 8
	// longest is about how long a round takes at most, so that the next one comes soon.
	longest = 500 * time.Millisecond
	// share is how much longer than a round the pause after it is at least: rounds take one part in five of the time.
	share = 4
	// mostWait is for how many rounds the other folders may have to wait on a slow file system.
	mostWait = 5
)

// Pause returns how long to wait after a round that took so long, if rounds are to be made at an interval.
func Pause(took, interval time.Duration) time.Duration { return max(interval-took, share*took) }

// listsStamps says that a listing has size and time of each file (FindNextFile on Windows). Elsewhere each costs a
// call.
const listsStamps = runtime.GOOS == "windows"

// FileSystem is the file system of a root. hashindex.Root is one. Paths are relative to the root, '/'-separated; the
// empty one is the root itself.
type FileSystem interface {
	List(path string) ([]fs.DirEntry, error)
	// Stamp returns size and time of a regular file. It fails with fs.ErrNotExist if there is none.
	Stamp(path string) (hashindex.Stamp, error)
	// FolderTime returns when something was last added to a folder or removed from it.
	FolderTime(path string) (time.Time, error)
}

// Options of Folders.
type Options struct {
	Files FileSystem
	Match func(name string) bool // which files count
	// Indexed calls each for the files that the index has directly in a folder.
	Indexed func(ctx context.Context, folder string, each func(name string, stamp hashindex.Stamp)) error
	// Skip says of a folder that it is not to be entered; may be nil.
	Skip func(folder string) bool
	For  time.Duration // how long a folder stays hot after a change
}

// Folders is the hot folders of a root: those in which something changed lately, and the folders above them. Its
// methods may be called from any goroutine, but Round from one at a time.
type Folders struct {
	opts Options

	mu    sync.Mutex // not held during calls into the file system
	hot   map[string]*folder
	names int    // that are remembered in all
	next  string // the folder with which the others go on
	waits int    // rounds in which the others had no turn
}

type folder struct {
	path    string
	changed time.Time // the last change in it or below it
	recent  []recent  // the files that changed last, newest first

	// What follows is written by Round alone.
	known map[uint64]hashindex.Stamp // files, by the hash of their names; nil: not asked for yet
	dirs  map[uint64]struct{}        // folders in it; nil: not listed yet
	cost  time.Duration              // of looking at it, the last time
}

// recent is a file of a folder, as it was last seen.
type recent struct {
	name  string
	stamp hashindex.Stamp
}

// New returns the Folders of a root. None is hot yet.
func New(opts Options) *Folders {
	if opts.Skip == nil {
		opts.Skip = func(string) bool { return false }
	}
	return &Folders{opts: opts, hot: map[string]*folder{}}
}

// Touch says that a file changed, and what its size and time are now. Its folder is hot, and so are those above.
func (f *Folders) Touch(file string, at time.Time, stamp hashindex.Stamp) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, name := split(file)
	d := f.heat(dir, at)
	d.recent = slices.DeleteFunc(d.recent, func(r recent) bool { return r.name == name })
	d.recent = slices.Insert(d.recent, 0, recent{name, stamp})
	d.recent = d.recent[:min(len(d.recent), maxRecent)]
}

// heat makes a folder hot, and those above it. The caller holds the lock.
func (f *Folders) heat(dir string, at time.Time) *folder {
	d := f.hot[dir]
	if d == nil {
		d = &folder{path: dir}
		f.hot[dir] = d
	}
	if at.After(d.changed) {
		d.changed = at
	}
	if dir != "" {
		above, _ := split(dir)
		f.heat(above, at)
	}
	return d
}

// split returns the folder of a path, and the last part of it.
func split(file string) (dir, name string) {
	dir, name = path.Split(file)
	return strings.TrimSuffix(dir, "/"), name
}

// Len returns how many folders are hot, after those that are not any more have been forgotten.
func (f *Folders) Len(now time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.hot {
		if now.Sub(d.changed) >= f.opts.For {
			f.forget(d)
		}
	}
	if len(f.hot) > maxFolders {
		for _, d := range f.byChange()[maxFolders:] {
			f.forget(d)
		}
	}
	return len(f.hot)
}

// forget is for callers that hold the lock.
func (f *Folders) forget(d *folder) {
	f.names -= len(d.known)
	delete(f.hot, d.path)
}

// byChange returns the hot folders, that with the last change first. A folder comes before those above it.
func (f *Folders) byChange() []*folder {
	var all []*folder
	for _, d := range f.hot {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *folder) int {
		return cmp.Or(b.changed.Compare(a.changed), cmp.Compare(len(b.path), len(a.path)), cmp.Compare(a.path, b.path))
	})
	return all
}

// Round looks at the hot folders, and calls found for each file that is new or has changed. On a slow file system it
// takes about half a second: the folder that changed last is looked at in each round, and the others take turns.
// Vanished says that something is not listed any more. A scan finds out what that is.
func (f *Folders) Round(ctx context.Context, found func(file string)) (vanished bool, err error) {
	begin := time.Now()
	r := round{Folders: f, recentUntil: begin.Add(longest / 2), end: begin.Add(longest), found: found}
	for i, d := range f.inTurn() {
		if ctx.Err() != nil {
			return r.vanished, ctx.Err()
		}
		if i > 0 && time.Now().Add(d.cost).After(r.end) && !f.hasWaited(i) {
			f.setNext(d.path)
			break
		}
		from := time.Now()
		if err := r.look(ctx, d); err != nil {
			r.errs = append(r.errs, err)
		}
		d.cost = time.Since(from)
	}
	return r.vanished, errors.Join(r.errs...)
}

// inTurn returns the hot folders in the order of a round: that with the last change, and then the others, beginning
// with the one at which the last round ended.
func (f *Folders) inTurn() []*folder {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.byChange()
	if len(all) == 0 {
		return nil
	}
	at := slices.IndexFunc(all, func(d *folder) bool { return d.path == f.next })
	f.next = ""
	if at <= 0 {
		return all
	}
	return slices.Concat(all[:1], all[at:], all[1:at])
}

// hasWaited says whether the others have waited long enough for one of them to have its turn now, in a round that has
// come to its i-th folder.
func (f *Folders) hasWaited(i int) bool {
	if f.waits++; i > 1 || f.waits < mostWait {
		return false
	}
	f.waits = 0
	return true
}

func (f *Folders) setNext(folder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = folder
}

// recentOf returns the files of a folder that changed last.
func (f *Folders) recentOf(d *folder) []recent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(d.recent)
}

func hashOf(name string) uint64 { return xxh3.HashString(name) }
