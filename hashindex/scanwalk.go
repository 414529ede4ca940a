package hashindex

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/gfxsync/gfxsync/store/fileid"
)

const pageSize = 1000

// walk walks the directory and pages through the index at the same time. Both are in the same order.
type walk struct {
	*Scanner
	ctx     context.Context
	visit   Visit
	seen    ScanResult
	anyFile bool

	pages  <-chan page // of the index, read in another goroutine
	page   []ScanEntry // what is left of the current page
	end    bool        // the index has no more pages
	unread [][]byte    // order keys of the folders and files that could not be read
}

// folder walks a folder below the root. The empty path is the root. A root that is a symbolic link is followed; links
// below the root are not.
func (w *walk) folder(path string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	listing, err := w.Root.List(path)
	if err != nil {
		if err := w.unreadable(path, err); err != nil {
			return err
		}
		// The first part of the listing may have been read. Its files are visited.
	}
	if w.Root.leadsBack(cmp.Or(path, "."), containsFolder(listing)) {
		w.leaveOut(path, ErrFolderLoop)
		return nil
	}
	for _, d := range listing {
		name := strings.TrimPrefix(path+"/"+d.Name(), "/")
		if d.IsDir() {
			err = w.folder(name)
		} else if err = w.entry(name, d); errors.Is(err, errNoEntry) {
			return w.unreadable(path, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errNoEntry says that a folder can be listed but not entered. Nothing but the names of its files is known.
var errNoEntry = fmt.Errorf("its files may not be looked at: %w", fs.ErrPermission)

// entry handles an entry of a listing that is not a folder.
func (w *walk) entry(path string, d fs.DirEntry) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.anyFile = true
	if !d.Type().IsRegular() || !w.Match(d.Name()) {
		return nil
	}
	info, err := call(w.Root.Live, d.Info)
	if errors.Is(err, fs.ErrPermission) && w.Root.noEntry(path) {
		return errNoEntry
	}
	if err != nil {
		return w.unreadable(path, err)
	}
	w.seen.Files++
	w.seen.Bytes += info.Size()
	return w.file(path, StampOf(info))
}

// unreadable handles an error of a folder or a file. It returns an error only if the root is unavailable.
func (w *walk) unreadable(path string, err error) error {
	switch {
	case path == "":
		return fmt.Errorf("%w: %w", ErrRootUnavailable, err)
	case errors.Is(err, fs.ErrNotExist): // removed since it was listed
		return nil
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: give the account that gfxsync runs under the right to read it", err)
	}
	w.leaveOut(path, err)
	return nil
}

// leaveOut reports a problem. No entry of the index at or below the path is visited.
func (w *walk) leaveOut(path string, err error) {
	if !errors.Is(err, ErrFolderLoop) {
		w.seen.Unread++
	}
	if len(w.seen.Problems) < maxProblems {
		w.seen.Problems = append(w.seen.Problems, fmt.Errorf("read %s: %w", path, err))
	}
	w.unread = append(w.unread, orderKey(path))
}

// file visits the entries of the index that come before a file, then the file.
func (w *walk) file(path string, stamp Stamp) error {
	if err := w.visitMissing(path); err != nil {
		return err
	}
	e, err := w.peek()
	if err != nil {
		return err
	}
	if e == nil || e.Path != path {
		return w.visit(path, &stamp, nil)
	}
	w.page = w.page[1:]
	return w.visit(path, &stamp, e)
}

// visitMissing visits the entries of the index that come before a path, as entries whose files are missing. If the path
// is empty, it visits all entries that are left.
func (w *walk) visitMissing(before string) error {
	for {
		e, err := w.peek()
		if err != nil || e == nil {
			return err
		}
		if before != "" && compareInWalk(e.Path, before) >= 0 {
			return nil
		}
		w.page = w.page[1:]
		if w.isUnread(orderKey(e.Path)) {
			w.seen.Unknown++
			continue
		}
		if err := w.visit(e.Path, nil, e); err != nil {
			return err
		}
	}
}

// isUnread reports whether a key is at or below a folder or file that could not be read.
func (w *walk) isUnread(key []byte) bool {
	for _, dir := range w.unread {
		if bytes.HasPrefix(key, dir) && (len(key) == len(dir) || key[len(dir)] == 0) {
			return true
		}
	}
	return false
}

// page is a part of the index. It is empty at the end of the index.
type page struct {
	entries []ScanEntry
	err     error
}

// readAhead begins to read the pages of the index in a goroutine, because that takes about as long as the walk. The
// caller must call stop, which waits for the goroutine.
func (w *walk) readAhead() (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	pages := make(chan page, 1)
	w.pages = pages
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pages)
		for after := (fileid.ID{Root: w.Root.Label}); ; {
			entries, err := w.Index.Present(ctx, after, pageSize)
			select {
			case pages <- page{entries, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || len(entries) == 0 {
				return
			}
			after = entries[len(entries)-1].ID
		}
	})
	return func() {
		cancel()
		reading.Wait()
	}
}

// peek returns the next entry of the index, or nil at its end.
func (w *walk) peek() (*ScanEntry, error) {
	if len(w.page) == 0 && !w.end {
		p, ok := <-w.pages
		if !ok {
			return nil, w.ctx.Err()
		}
		if p.err != nil {
			return nil, p.err
		}
		w.page, w.end = p.entries, len(p.entries) == 0
	}
	if len(w.page) == 0 {
		return nil, nil
	}
	return &w.page[0], nil
}
