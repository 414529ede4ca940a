package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/hot"
)

// listings looks for saves as the hot scans of an agent do. What an agent has in its index is here what is in a folder
// when it is listed for the first time.
type listings struct {
	root    hashindex.Root
	s       Setup
	hot     reconcile.HotScans
	folders *hot.Folders
	newest  map[string]newestFile // by folder, as of the beginning
}

// newestFile is the file of a folder that was written last. In a folder without files, it has no name.
type newestFile struct {
	name  string
	stamp hashindex.Stamp
}

func newListings(root hashindex.Root, s Setup) *listings {
	l := &listings{root: root, s: s, hot: s.HotScans.WithDefaults()}
	l.folders = hot.New(hot.Options{
		Files: root, Match: s.Pattern.Match, Skip: root.IsFolderLoop, For: l.hot.For, Indexed: l.present,
	})
	return l
}

// present calls each for the files that are in a folder now.
func (l *listings) present(_ context.Context, folder string, each func(string, hashindex.Stamp)) error {
	entries, err := l.root.List(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !l.s.Pattern.Match(e.Name()) {
			continue
		}
		if stamp, err := l.root.Stamp(path.Join(folder, e.Name())); err == nil {
			each(e.Name(), stamp)
		}
	}
	return nil
}

// begin makes those folders hot in which something changed lately, the one in which something changed last, and the
// root. Then it lists them, so that from now on only what is new is found.
func (l *listings) begin(ctx context.Context) error {
	newest, err := l.walk(ctx)
	if err != nil {
		return fmt.Errorf("list %s: %w", l.root.Dir, err)
	}
	l.newest = newest
	last := ""
	for folder, file := range newest {
		if file.stamp.ModTime > newest[last].stamp.ModTime {
			last = folder
		}
	}
	now := time.Now()
	for folder, file := range newest {
		at := time.Unix(0, file.stamp.ModTime)
		switch {
		case folder == last || folder == "":
			at = now
		case now.Sub(at) >= l.hot.For:
			continue
		}
		l.folders.Touch(folder+"/"+file.name, at, file.stamp)
	}
	for range 2 { // the first makes hot those of their folders that are new and empty
		if err := l.list(ctx, func(string) {}); err != nil && ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// list lists the hot folders once.
func (l *listings) list(ctx context.Context, found func(string)) error {
	l.folders.Len(time.Now()) // which forgets the folders that are too many
	_, err := l.folders.Round(ctx, found)
	return err
}

// follow lists the hot folders again and again, and sends what it finds, until ctx ends.
func (l *listings) follow(ctx context.Context, reports chan<- report) {
	tick := time.NewTicker(l.hot.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// A listing that fails finds nothing. The walk at the end tells whether there was something to find.
		_ = l.list(ctx, func(file string) {
			select {
			case reports <- report{file, byListing, time.Now()}:
			case <-ctx.Done():
			}
		})
	}
}

// unnoticed returns a file that was written since the beginning; empty: there is none.
func (l *listings) unnoticed(ctx context.Context) string {
	now, err := l.walk(ctx)
	if err != nil {
		return ""
	}
	for folder, file := range now {
		before, known := l.newest[folder]
		if file.name != "" && (!known || file.stamp.ModTime > before.stamp.ModTime) {
			return path.Join(folder, file.name)
		}
	}
	return ""
}

// walk returns the newest file of each folder. What cannot be read is left out, but for the root.
func (l *listings) walk(ctx context.Context) (map[string]newestFile, error) {
	newest := map[string]newestFile{}
	folders := []string{""}
	for len(folders) > 0 {
		folder := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		entries, err := l.root.List(folder)
		if err != nil && folder == "" {
			return nil, err
		}
		newest[folder] = l.newestOf(folder, entries)
		for _, e := range entries {
			if sub := path.Join(folder, e.Name()); e.IsDir() && !l.root.IsFolderLoop(sub) {
				folders = append(folders, sub)
			}
		}
	}
	return newest, nil
}

func (l *listings) newestOf(folder string, entries []fs.DirEntry) (newest newestFile) {
	for _, e := range entries {
		if !e.Type().IsRegular() || !l.s.Pattern.Match(e.Name()) {
			continue
		}
		stamp, err := l.root.Stamp(path.Join(folder, e.Name()))
		if err == nil && (newest.name == "" || stamp.ModTime > newest.stamp.ModTime) {
			newest = newestFile{e.Name(), stamp}
		}
	}
	return newest
}
