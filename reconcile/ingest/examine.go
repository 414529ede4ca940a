package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// examine finds out what is at a path, and decides what it means. An error is of the queue database or the context;
// what is wrong with the file is in the result.
func (in *Ingest) examine(ctx context.Context, r *root, t Task) (result, error) {
	began := time.Now()
	// The read is short and waits for nobody. To watch ctx meanwhile costs more than the read.
	entry, known, err := in.cfg.State.Index.Get(context.WithoutCancel(ctx), t.Key)
	if err != nil {
		return result{task: t}, err
	}
	before := indexed{Entry: entry, known: known}
	before.held = entry.State == hashindex.Pending && in.cfg.Delivery.Holds(t.Key, entry.Hash)
	seen := r.stat(&t, &before)
	release := func() {}
	if seen.err == nil {
		if seen.stamp.Size > in.cfg.MaxFileSize {
			seen.err = errTooLarge
		} else if release, err = in.read(ctx, r, t.Key, &seen); err != nil {
			return result{task: t}, err
		}
	}
	seen.cost, seen.now = time.Since(began)-seen.waited, time.Now()
	res := in.decide(r, t, &before, &seen)
	if res.item == nil {
		release()
	} else {
		res.item.Done = release
	}
	if res.concludes() && !r.isSame() {
		return result{task: t}, nil // the next scan finds it again
	}
	return res, nil
}

// decide hashes a file that is not read into memory only once it is settled that the file is invalid.
func (in *Ingest) decide(r *root, t Task, before *indexed, seen *observation) result {
	d := rules{settleLimit: in.cfg.SettleLimit, sessionRequired: in.cfg.SessionRequired}
	res := d.decide(t, before, seen)
	if res.entry == nil || !errors.Is(seen.err, errTooLarge) {
		return res
	}
	seen.readAt = time.Now()
	hash, err := r.Hash(t.Key.Path, in.cfg.Hash)
	if err != nil {
		return res
	}
	seen.hash = hash
	return d.decide(t, before, seen)
}

// stat looks at the directory entry of a file.
func (r *root) stat(t *Task, before *indexed) (seen observation) {
	info, err := r.Lstat(t.Key.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		seen.err = errGone
		return seen
	case err != nil:
		seen.err = unreadable(err)
		return seen
	case !info.Mode().IsRegular():
		seen.err = errNothingNew
		return seen
	}
	if t.Missing && before.known {
		// After a renaming that has changed only case, Windows finds the file by its old name as well.
		if listed, err := r.ListsExactly(t.Key.Path); err == nil && !listed {
			seen.err = errGone
			return seen
		}
	}
	if seen.stamp = hashindex.StampOf(info); before.isCurrent(t, seen.stamp) {
		seen.err = errNothingNew
	}
	return seen
}

// read reads a file and makes its record. The content counts as memory until release is called.
func (in *Ingest) read(ctx context.Context, r *root, key fileid.ID, seen *observation) (release func(), err error) {
	weight, waiting := min(seen.stamp.Size+recordBytes, r.most), time.Now()
	if err := r.memory.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	release = sync.OnceFunc(func() { r.memory.Release(weight) })
	seen.readAt = time.Now()
	seen.waited = seen.readAt.Sub(waiting)
	content, stamp, err := r.Read(key.Path, seen.stamp.Size)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		seen.err = errGone
	case errors.Is(err, hashindex.ErrChanging):
		seen.err = err
	case err != nil:
		seen.err = unreadable(err)
	default:
		seen.stamp, seen.hash = stamp, in.cfg.Hash.Sum(content)
		seen.record, seen.invalid = store.MakeRecord(store.Origin{
			Source: key, FileHash: seen.hash, GFXPCID: in.cfg.PCID(key.Root),
			SyncSource: in.cfg.SyncSource, ModTime: stamp.ModTime,
		}, content)
	}
	return release, nil
}

// unreadable says that a file is there and cannot be had.
func unreadable(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) && at.Op == "open" && errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: give the account that gfxsync runs under the right to read it", err)
	}
	return fmt.Errorf("unreadable: %w", err)
}
