package diff

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
)

// sampled is how many of the known files are looked for in a directory that has taken the place of another.
const sampled = 100

// RootChangedError says that a root is another directory than before, and has none of the files that are known from
// there. It is a hashindex.ErrRootUnavailable: nothing may be concluded from such a root.
type RootChangedError struct{ Before, Now string }

func (e *RootChangedError) Error() string {
	return fmt.Sprintf("the watch path was %s, and none of the files that are known from there is in %s",
		e.Before, e.Now)
}

// Is implements errors.Is.
func (e *RootChangedError) Is(target error) bool { return target == hashindex.ErrRootUnavailable }

// checkRoot fails with a RootChangedError. A directory that was moved, or is called by another name, has the files.
func (f Files) checkRoot(ctx context.Context) error {
	now := Folder(f.Root)
	if f.Before == "" || f.Before == now {
		return nil
	}
	entries, err := f.Index.Present(ctx, fileid.ID{Root: f.Root.Label}, sampled)
	if err != nil || len(entries) <= hashindex.MaxMissing {
		return err
	}
	for _, e := range entries {
		if _, err := f.Root.Lstat(e.Path); err == nil {
			return nil
		}
	}
	return &RootChangedError{Before: f.Before, Now: now}
}

// Folder returns the absolute path of the directory of a root.
func Folder(root hashindex.Root) string {
	if abs, err := filepath.Abs(root.Dir); err == nil {
		return abs
	}
	return filepath.Clean(root.Dir)
}
