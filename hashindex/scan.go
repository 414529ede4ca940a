package hashindex

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// ErrRootUnavailable says that a root is missing or unreadable, or that it has no file while the index knows more than
// MaxMissing. A NAS may be down, or a share may not be mounted. This is an outage: nothing may be concluded about
// any file.
var ErrRootUnavailable = errors.New("root unavailable")

// ErrRootEmpty is an ErrRootUnavailable: the root can be read and has no file. Only in this case may an operator say
// that the files were removed (Scanner.AcceptEmpty).
var ErrRootEmpty = fmt.Errorf("%w: no file", ErrRootUnavailable)

// MaxMissing is the number of known files that may all be missing from a root at once. If more are missing, it is
// an outage (design, invariant 5).
const MaxMissing = 10

// Scanner compares a directory with the index. It holds one directory listing and a few pages of the index in memory.
type Scanner struct {
	Index Index
	Root  Root
	Match func(name string) bool // which files count
	// AcceptEmpty takes a root without a file for empty. Otherwise it is an outage.
	AcceptEmpty bool
}

// ScanResult is what a scan saw.
type ScanResult struct {
	Files    int     // files that match
	Bytes    int64   // their total size
	Unknown  int     // entries of the index that are not gone, in places that could not be read
	Unread   int     // folders and files that could not be read, without folders that lead back (ErrFolderLoop)
	Problems []error // why something was left out, at most maxProblems
}

const maxProblems = 100

// Visit is called once for each path. A file that matches has a stamp; its entry is nil if the index does not know the
// file or has it as gone. An entry that is not gone and whose file is missing has no stamp.
type Visit func(path string, stamp *Stamp, entry *ScanEntry) error

// Run walks the root and calls visit in the order of the walk. It makes no visit for what lies in a folder that cannot
// be read, and reports the folder in Problems. It does the same for a folder that leads back to one that contains it
// (ErrFolderLoop). It fails with ErrRootUnavailable, the context's error, or the error of visit.
func (s *Scanner) Run(ctx context.Context, visit Visit) (ScanResult, error) {
	if err := s.Root.Check(); err != nil {
		return ScanResult{}, err
	}
	identity, err := s.Root.Identity()
	if err != nil {
		return ScanResult{}, err
	}
	w := &walk{Scanner: s, ctx: ctx, visit: visit}
	stopReading := w.readAhead()
	defer stopReading()
	if err := w.folder(""); err != nil {
		return w.seen, fmt.Errorf("scan %s: %w", s.Root.Dir, err)
	}
	if !w.anyFile && !s.AcceptEmpty {
		if known, err := s.Index.present(ctx, s.Root.Label); err != nil {
			return w.seen, err
		} else if known > MaxMissing {
			return w.seen, fmt.Errorf("%w in %s, and the index knows %d", ErrRootEmpty, s.Root.Dir, known)
		}
	}
	// If the root vanished during the walk, its files seem to be gone too.
	if !s.Root.SameAs(identity) {
		return w.seen, fmt.Errorf("%w: %s went away or was replaced during the scan", ErrRootUnavailable, s.Root.Dir)
	}
	return w.seen, w.visitMissing("")
}

// StampOf returns the stamp of a listed file.
func StampOf(info fs.FileInfo) Stamp {
	return Stamp{Size: info.Size(), ModTime: info.ModTime().UnixNano()}
}
