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
)

// Root is a watched directory, and the label by which its files are told from those of other roots. Its methods tell
// Live of each call into the file system. A path is relative to the root and '/'-separated; the empty one is the root
// itself.
type Root struct {
	Label string
	Dir   string
	Live  *Liveness // may be nil
}

// String names the root as GFX_SYNC_GFX_WATCH_PATH does.
func (r Root) String() string {
	if r.Label == "" {
		return r.Dir
	}
	return r.Label + "=" + r.Dir
}

// Abs returns a path below the root as the operating system writes it.
func (r Root) Abs(path string) string { return filepath.Join(r.Dir, filepath.FromSlash(path)) }

// Lstat looks at a file below the root. Behind a link below the root there is nothing for it: it fails with
// fs.ErrNotExist, as for a file that is not there, or with what the file system says.
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

// lstat is os.Lstat, whose name is not relative to the root.
func (r Root) lstat(name string) (fs.FileInfo, error) {
	return call(r.Live, func() (fs.FileInfo, error) { return os.Lstat(name) })
}

// list is os.ReadDir. With an error, there may be the first part of the listing.
func (r Root) list(path string) ([]fs.DirEntry, error) {
	return call(r.Live, func() ([]fs.DirEntry, error) { return os.ReadDir(r.Abs(path)) })
}

// Lists says whether each folder on the way to a path lists the next part by this very name. Where upper and lower case
// are the same to the file system, Lstat finds a file by other names too.
func (r Root) Lists(path string) (bool, error) {
	folder := ""
	for name := range strings.SplitSeq(path, "/") {
		entries, err := r.list(folder)
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

// noEntry says whether the folder of a file may not be entered, whether or not it may be listed.
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

// Identity returns what tells this directory from another one that takes its name, such as the empty mount point that
// a lost share leaves. It fails with ErrRootUnavailable.
func (r Root) Identity() (fs.FileInfo, error) {
	info, err := call(r.Live, func() (fs.FileInfo, error) { return os.Stat(r.Dir) })
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRootUnavailable, err)
	}
	// On Windows a FileInfo of os.Stat learns its identity when it is first compared, from whatever has the name then.
	if !os.SameFile(info, info) {
		return nil, fmt.Errorf("%w: %s went away while it was looked at", ErrRootUnavailable, r.Dir)
	}
	return info, nil
}

// Is says whether the root can be listed and is still the directory of this identity.
func (r Root) Is(identity fs.FileInfo) bool {
	now, err := r.Identity()
	return err == nil && identity != nil && os.SameFile(now, identity) && r.Check() == nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
