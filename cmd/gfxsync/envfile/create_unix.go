//go:build unix

package envfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const systemLineEnd = "\n"

// createLike makes a file beside a path, with the mode and the owner of the file at the path. If there is none, the new
// file is for its owner alone.
func createLike(path string) (*os.File, error) {
	file, err := os.CreateTemp(filepath.Dir(path), temporaryName)
	if err != nil {
		return nil, err
	}
	if err := makeLike(file, path); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return file, nil
}

func makeLike(file *os.File, path string) error {
	old, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // os.CreateTemp has given it the mode 0600
	}
	if err != nil {
		return err
	}
	is, err := file.Stat()
	if err != nil {
		return err
	}
	wanted, has := old.Sys().(*syscall.Stat_t), is.Sys().(*syscall.Stat_t)
	if wanted.Uid != has.Uid || wanted.Gid != has.Gid {
		if err := file.Chown(int(wanted.Uid), int(wanted.Gid)); err != nil {
			return fmt.Errorf("keep the owner of %s: %w", path, err)
		}
	}
	return file.Chmod(old.Mode().Perm())
}

// syncFolder has the name of a new file on the disk.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// OpenTo says who but its owner is let in by a file's rights. It returns nothing if nobody is.
func OpenTo(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Sprintf("other accounts (its mode is %04o)", mode), nil
	}
	return "", nil
}
