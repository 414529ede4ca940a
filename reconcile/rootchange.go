package reconcile

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// A watch path may be set to another folder, by mistake or on purpose. To the index all files that it knows are gone
// then.

// sampled is how many of the known files are looked for in a folder that has taken the place of another.
const sampled = 100

// rootChangedError says that a root is now another folder, which has none of the files that are known of the one
// before.
type rootChangedError struct{ before, now string }

func (e *rootChangedError) Error() string {
	return fmt.Sprintf("the watch path was %s, and none of the files that are known from there is in %s",
		e.before, e.now)
}

// Is says that such a root is an outage: nothing may be concluded from it.
func (e *rootChangedError) Is(target error) bool { return target == hashindex.ErrRootUnavailable }

// checkRootIsTheSame fails with a rootChangedError. A folder that was moved, or is called by another name, has the
// files.
func checkRootIsTheSame(ctx context.Context, v state.View, root hashindex.Root) error {
	var before string
	known, err := v.Notes.Get(ctx, noteDir+root.Label, &before)
	if err != nil || !known || before == folderOf(root) {
		return err
	}
	entries, err := v.Index.Present(ctx, hashindex.Key{Root: root.Label}, sampled)
	if err != nil || len(entries) <= hashindex.MostBelievedGone {
		return err
	}
	for _, e := range entries {
		if _, err := root.Lstat(e.Path); err == nil {
			return nil
		}
	}
	return &rootChangedError{before: before, now: folderOf(root)}
}

// noteRoot remembers which folder a root is.
func (a *Agent) noteRoot(ctx context.Context, root hashindex.Root) error {
	var before string
	if _, err := a.state.Notes.Get(ctx, noteDir+root.Label, &before); err != nil || before == folderOf(root) {
		return err
	}
	return a.state.Update(ctx, func(v state.View) error { return v.Notes.Set(ctx, noteDir+root.Label, folderOf(root)) })
}

func folderOf(root hashindex.Root) string {
	if abs, err := filepath.Abs(root.Dir); err == nil {
		return abs
	}
	return filepath.Clean(root.Dir)
}
