package hashindex

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Root is a watched directory. Its methods record each call into the file system in Live. A path is relative to the
// root and '/'-separated; the empty path is the root itself.
type Root struct {
	Label string // tells the files of this root from those of others; may be empty if there is one root
	Dir   string
	Live  *Liveness // may be nil
}

// String returns the root in the form of GFX_SYNC_GFX_WATCH_PATH.
func (r Root) String() string {
	if r.Label == "" {
		return r.Dir
	}
	return r.Label + "=" + r.Dir
}

// Abs returns the operating system's name of a path below the root.
func (r Root) Abs(path string) string { return filepath.Join(r.Dir, filepath.FromSlash(path)) }

// Lstat returns the FileInfo of a path below the root. It follows no symbolic link below the root: a path through such
// a link fails with fs.ErrNotExist, as a path that does not exist. Other errors are those of the file system.
func (r Root) Lstat(path string) (fs.FileInfo, error) {
	for i, c := range path {
		if c != '/' {
			continue
		}
		folder := r.Abs(path[:i])
		info, err := r.lstat(folder)
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "lstat", Path: folder, Err: fs.ErrNotExist}
		}
		if err != nil {
			return nil, err
		}
	}
	return r.lstat(r.Abs(path))
}

// Stamp returns size and time of a regular file. It fails with fs.ErrNotExist if there is none. Unlike Lstat, it does
// not see whether a folder on the way is a link, which costs a call for each.
func (r Root) Stamp(path string) (Stamp, error) {
	name := r.Abs(path)
	info, err := r.lstat(name)
	if err != nil {
		return Stamp{}, err
	}
	if !info.Mode().IsRegular() {
		return Stamp{}, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return StampOf(info), nil
}

// FolderTime returns when something was last added to a folder or removed from it. It fails with fs.ErrNotExist if
// there is no such folder.
func (r Root) FolderTime(path string) (time.Time, error) {
	name := r.Abs(path)
	info, err := r.lstat(name)
	if err != nil {
		return time.Time{}, err
	}
	if !info.IsDir() {
		return time.Time{}, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return info.ModTime(), nil
}

// lstat is os.Lstat. The name is the operating system's, not relative to the root.
func (r Root) lstat(name string) (fs.FileInfo, error) {
	return call(r.Live, func() (fs.FileInfo, error) { return os.Lstat(name) })
}

// List is os.ReadDir. If it fails, it may still return the first part of the listing.
func (r Root) List(path string) ([]fs.DirEntry, error) {
	return call(r.Live, func() ([]fs.DirEntry, error) { return os.ReadDir(r.Abs(path)) })
}

// Lists reports whether the folders list every part of a path by exactly this name. Lstat is not enough for that: on a
// file system that ignores case, it finds a file by other names too.
func (r Root) ListsExactly(path string) (bool, error) {
	folder := ""
	for name := range strings.SplitSeq(path, "/") {
		entries, err := r.List(folder)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(entries, func(d fs.DirEntry) bool { return d.Name() == name }) {
			return false, nil
		}
		folder += "/" + name
	}
	return true, nil
}

// noEntry reports whether the folder of a file may not be entered. It may still be possible to list it.
func (r Root) noEntry(path string) bool {
	_, err := r.lstat(filepath.Dir(r.Abs(path)) + string(filepath.Separator) + ".")
	return errors.Is(err, fs.ErrPermission)
}

// Check fails with ErrRootUnavailable unless the root is a directory that can be listed.
func (r Root) Check() error {
	var err error
	r.Live.Do(func() {
		var d *os.File
		if d, err = os.Open(r.Dir); err == nil {
			_, err = d.Readdirnames(1)
			err = errors.Join(ignoreEOF(err), d.Close())
		}
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRootUnavailable, err)
	}
	return nil
}

// Identity returns the identity of the directory, for Is. It tells the directory from another one that takes its name
// later, such as the empty mount point of a lost share. It fails with ErrRootUnavailable.
func (r Root) Identity() (fs.FileInfo, error) {
	info, err := call(r.Live, func() (fs.FileInfo, error) { return os.Stat(r.Dir) })
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRootUnavailable, err)
	}
	// On Windows, os.Stat does not read the identity. The first comparison reads it, from whatever has the name then.
	// So the first comparison is made here.
	if !os.SameFile(info, info) {
		return nil, fmt.Errorf("%w: %s vanished while it was looked at", ErrRootUnavailable, r.Dir)
	}
	return info, nil
}

// SameAs reports whether the root can be listed and is still the directory of this identity.
func (r Root) SameAs(identity fs.FileInfo) bool {
	now, err := r.Identity()
	return err == nil && identity != nil && os.SameFile(now, identity) && r.Check() == nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
