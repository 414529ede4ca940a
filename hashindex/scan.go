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
)

// ErrRootUnavailable says that a root is missing, unreadable, or without a single file while the index knows more than ten: a
// NAS that is gone, or a share that is not mounted. It is an outage; nothing may be concluded from it.
var ErrRootUnavailable = errors.New("root unavailable")

// ErrRootEmpty is the ErrRootUnavailable of a root that is there and holds no file. Only here may an operator say that
// the files were removed (Scanner.AcceptEmpty).
var ErrRootEmpty = fmt.Errorf("%w: no file", ErrRootUnavailable)

// MostBelievedGone is how many files the index may know of a root that has none of them, without this counting as an
// outage (design, invariant 5).
const MostBelievedGone = 10

const pageSize = 1000

// Scanner compares a directory with the index. It holds one directory's listing and a few pages of the index in memory.
type Scanner struct {
	Index Index
	Root  Root
	Match func(name string) bool // which files count
	// AcceptEmpty lets a root without a single file pass for what it seems.
	AcceptEmpty bool
}

// Scanned is what a scan saw.
type Scanned struct {
	Files    int     // files that match
	Bytes    int64   // their sizes
	Unknown  int     // entries that are not gone, and lie where nothing could be seen
	Unread   int     // folders and files that could not be read; not those that lead back (ErrLeadsBack)
	Problems []error // why something was left out, at most maxProblems
}

const maxProblems = 100

// Visit is called for every file that matches (stamp set, entry nil if the index does not know it or has it as gone),
// and for every entry that is not gone yet and has no file (stamp nil).
type Visit func(path string, stamp *Stamp, entry *Known) error

// Run walks the root and calls visit in the order of the walk. What lies in a directory that cannot be read is neither there nor
// gone: it is left out and reported in Problems. So is a folder that leads back to one above it (ErrLeadsBack). It fails with
// ErrRootUnavailable, the context's error, or visit's.
func (s *Scanner) Run(ctx context.Context, visit Visit) (Scanned, error) {
	known, err := s.Index.present(ctx, s.Root.Label)
	if err != nil {
		return Scanned{}, err
	}
	if err := s.Root.Check(); err != nil {
		return Scanned{}, err
	}
	identity, err := s.Root.Identity()
	if err != nil {
		return Scanned{}, err
	}
	w := &walk{Scanner: s, ctx: ctx, visit: visit}
	stopReading := w.readAhead()
	defer stopReading()
	if err := w.folder(""); err != nil {
		return w.seen, fmt.Errorf("scan %s: %w", s.Root.Dir, err)
	}
	if !w.anyFile && known > MostBelievedGone && !s.AcceptEmpty {
		return w.seen, fmt.Errorf("%w in %s, and the index knows %d", ErrRootEmpty, s.Root.Dir, known)
	}
	// The root may have gone while it was walked, which looks as if its files had.
	if !s.Root.Is(identity) {
		return w.seen, fmt.Errorf("%w: %s went away, or was replaced, while it was scanned", ErrRootUnavailable, s.Root.Dir)
	}
	return w.seen, w.catchUp("")
}

// walk joins the walk of the directory with the pages of the index, both in the same order.
type walk struct {
	*Scanner
	ctx     context.Context
	visit   Visit
	seen    Scanned
	anyFile bool

	pages   <-chan page // of the index, read while the directory is walked
	page    []Known
	end     bool
	unknown [][]byte // keys of the directories that could not be read
}

// folder walks a folder below the root, the root itself if the path is empty. A root that is a symbolic link is followed; links below
// it are not.
func (w *walk) folder(path string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	// With the error, there may be the first part of the listing.
	listing, err := w.Root.list(path)
	if err != nil {
		err = w.unreadable(path, err)
	}
	if err == nil && w.Root.leadsBack(cmp.Or(path, "."), among(listing)) {
		w.leaveOut(path, ErrLeadsBack)
		return nil
	}
	for _, d := range listing {
		if err != nil {
			break
		}
		name := strings.TrimPrefix(path+"/"+d.Name(), "/")
		if d.IsDir() {
			err = w.folder(name)
		} else if err = w.entry(name, d); errors.Is(err, errNoEntry) {
			return w.unreadable(path, err)
		}
	}
	return err
}

// errNoEntry says that a folder may be listed, but not entered: of all its files there is nothing but the names.
var errNoEntry = fmt.Errorf("its files may not be looked at: %w", fs.ErrPermission)

// entry passes on what is no folder.
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

func (w *walk) unreadable(path string, err error) error {
	switch {
	case path == "":
		return fmt.Errorf("%w: %w", ErrRootUnavailable, err)
	case errors.Is(err, fs.ErrNotExist): // removed meanwhile
		return nil
	case errors.Is(err, fs.ErrPermission):
		err = fmt.Errorf("%w: give the account that gfxsync runs under the right to read it", err)
	}
	w.leaveOut(path, err)
	return nil
}

// leaveOut has nothing concluded of what the index knows at and below the path.
func (w *walk) leaveOut(path string, err error) {
	if !errors.Is(err, ErrLeadsBack) {
		w.seen.Unread++
	}
	if len(w.seen.Problems) < maxProblems {
		w.seen.Problems = append(w.seen.Problems, fmt.Errorf("read %s: %w", path, err))
	}
	w.unknown = append(w.unknown, orderKey(path))
}

// file passes what the index knows before the file, then the file.
func (w *walk) file(path string, stamp Stamp) error {
	if err := w.catchUp(path); err != nil {
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

// catchUp visits the entries before a path, all that are left if it is empty, as files that are not there.
func (w *walk) catchUp(path string) error {
	for {
		e, err := w.peek()
		if err != nil || e == nil {
			return err
		}
		if path != "" && compareInWalk(e.Path, path) >= 0 {
			return nil
		}
		w.page = w.page[1:]
		if w.isUnknown(orderKey(e.Path)) {
			w.seen.Unknown++
			continue
		}
		if err := w.visit(e.Path, nil, e); err != nil {
			return err
		}
	}
}

// page is a part of the index, empty at its end.
type page struct {
	entries []Known
	err     error
}

// readAhead begins to read the pages of the index; stop ends that, and waits for its end. To read them takes about as
// long as to walk the directory.
func (w *walk) readAhead() (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	pages := make(chan page, 1)
	w.pages = pages
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pages)
		for after := (Key{Root: w.Root.Label}); ; {
			entries, err := w.Index.Present(ctx, after, pageSize)
			select {
			case pages <- page{entries, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || len(entries) == 0 {
				return
			}
			after = entries[len(entries)-1].Key
		}
	})
	return func() {
		cancel()
		reading.Wait()
	}
}

// peek returns the next entry of the index, nil at its end.
func (w *walk) peek() (*Known, error) {
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

func (w *walk) isUnknown(key []byte) bool {
	for _, dir := range w.unknown {
		if bytes.HasPrefix(key, dir) && (len(key) == len(dir) || key[len(dir)] == 0) {
			return true
		}
	}
	return false
}

// StampOf returns the stamp of a listed file.
func StampOf(info fs.FileInfo) Stamp {
	return Stamp{Size: info.Size(), ModTime: info.ModTime().UnixNano()}
}
