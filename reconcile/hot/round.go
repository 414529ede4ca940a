package hot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// round is one Round.
type round struct {
	*Folders
	// recentUntil is when a round turns from the files that changed last to the listings.
	recentUntil, end time.Time
	found            func(file string)
	vanished         bool
	errs             []error
}

// look compares a folder with what was seen of it before; the first time, with the index.
func (r *round) look(ctx context.Context, d *folder) error {
	if d.known == nil {
		if err := r.begin(ctx, d); err != nil {
			return err
		}
	}
	r.lookAtRecent(d)
	entries, err := r.opts.Files.List(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.path != "":
		return nil // the listing of the folder above tells, unless that is not there either
	case err != nil:
		return fmt.Errorf("list %s: %w", d.path, err)
	}
	r.compare(d, entries)
	return nil
}

// begin takes what the index has of a folder for what is known of it.
func (r *round) begin(ctx context.Context, d *folder) error {
	var newest []recent
	known := map[uint64]hashindex.Stamp{}
	err := r.opts.Indexed(ctx, d.path, func(name string, stamp hashindex.Stamp) {
		known[hashOf(name)] = stamp
		at, _ := slices.BinarySearchFunc(newest, stamp.ModTime, func(f recent, at int64) int {
			return cmp.Compare(at, f.stamp.ModTime) // newest first
		})
		newest = slices.Insert(newest, at, recent{name, stamp})
		newest = newest[:min(len(newest), maxRecent)]
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d.known = known
	r.names += len(known)
	for _, f := range newest {
		if !slices.ContainsFunc(d.recent, func(other recent) bool { return other.name == f.name }) {
			d.recent = append(d.recent, f)
		}
	}
	d.recent = d.recent[:min(len(d.recent), maxRecent)]
	return nil
}

// lookAtRecent looks at the files that changed last: at the first of them in any case, at the others if there is time.
func (r *round) lookAtRecent(d *folder) {
	if listsStamps {
		return
	}
	for i, file := range r.recentOf(d) {
		if i > 0 && !time.Now().Before(r.recentUntil) {
			return
		}
		stamp, err := r.opts.Files.Stamp(path.Join(d.path, file.name))
		if err == nil && stamp != file.stamp {
			r.seen(d, recent{file.name, stamp})
			r.found(path.Join(d.path, file.name))
		} // else the listing tells
	}
}

// seen notes size and time of a file, so that it is not found again.
func (r *round) seen(d *folder, now recent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range d.recent {
		if d.recent[i].name == now.name {
			d.recent[i] = now
		}
	}
}

// compare compares a listing with what is known of a folder.
func (r *round) compare(d *folder, entries []fs.DirEntry) {
	now, dirs := make(map[uint64]hashindex.Stamp, len(d.known)), map[uint64]struct{}{}
	room, kept := r.room(d), 0
	for _, e := range entries {
		hash := hashOf(e.Name())
		switch {
		case e.IsDir():
			dirs[hash] = struct{}{}
			if d.dirs == nil {
				r.heatIfRecent(path.Join(d.path, e.Name()))
			} else if _, ok := d.dirs[hash]; !ok {
				r.heatNew(path.Join(d.path, e.Name()))
			}
		case e.Type().IsRegular() && r.opts.Match(e.Name()) && len(now) < room:
			before, ok := d.known[hash]
			if ok {
				kept++
			}
			stamp := stampOf(e)
			if now[hash] = stamp; !ok || listsStamps && stamp != before {
				r.found(path.Join(d.path, e.Name()))
			}
		}
	}
	r.vanished = r.vanished || kept < len(d.known) && len(now) < room
	r.replace(d, now, dirs)
}

// stampOf returns the stamp of a listed file, where a listing has it.
func stampOf(e fs.DirEntry) (stamp hashindex.Stamp) {
	if listsStamps {
		if info, err := e.Info(); err == nil {
			stamp = hashindex.StampOf(info)
		}
	}
	return stamp
}

// room returns how many names of a folder may be remembered.
func (r *round) room(d *folder) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maxNames - r.names + len(d.known)
}

// replace takes a listing for what is known of a folder from now on. Folders in it that are gone, or are links now, are
// not hot any more.
func (r *round) replace(d *folder, known map[uint64]hashindex.Stamp, dirs map[uint64]struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names += len(known) - len(d.known)
	d.known, d.dirs = known, dirs
	maps.DeleteFunc(r.hot, func(p string, sub *folder) bool {
		above, name := split(p)
		if p == "" || above != d.path {
			return false
		}
		if _, there := dirs[hashOf(name)]; there {
			return false
		}
		r.names -= len(sub.known)
		r.vanished = true
		return true
	})
}

// heatIfRecent makes a folder hot if something was added to it lately. It is asked of the folders in a folder that is
// listed for the first time, as far as there is time: one may have appeared after the last scan had passed by.
func (r *round) heatIfRecent(dir string) {
	if !time.Now().Before(r.end) || r.opts.Skip(dir) {
		return
	}
	at, err := r.opts.Files.FolderTime(dir)
	if err != nil || time.Since(at) >= r.opts.For {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heat(dir, at)
}

// heatNew makes a folder hot that has just appeared, and finds all that is in it. If there is no time left, its turn
// comes.
func (r *round) heatNew(dir string) {
	if r.opts.Skip(dir) {
		return
	}
	r.mu.Lock()
	d := r.heat(dir, time.Now())
	isNew := d.known == nil
	r.mu.Unlock()
	if !isNew || !time.Now().Before(r.end) {
		return
	}
	if err := r.lookAtNew(context.Background(), d); err != nil {
		r.errs = append(r.errs, err)
	}
}

// lookAtNew looks at a folder that has just appeared, and finds every file in it. If the folder has come back, the
// index has files of it. Those that changed last are looked at for their next save, even if they are unchanged now.
func (r *round) lookAtNew(ctx context.Context, d *folder) error {
	if err := r.begin(ctx, d); err != nil {
		return err
	}
	r.mu.Lock()
	r.names -= len(d.known)
	d.known, d.dirs = map[uint64]hashindex.Stamp{}, map[uint64]struct{}{}
	r.mu.Unlock()
	return r.look(ctx, d)
}
