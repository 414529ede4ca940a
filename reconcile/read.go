package reconcile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/gfxsync/gfxsync/hashindex"
)

// errChanging says that a file was written, or could not be opened for its writer, while it was read: look again.
var errChanging = errors.New("the file is being written")

// readStable returns the content of a regular file and the stamp that it had both before and after; named tells what its name leads
// to then. It fails with errChanging, with fs.ErrNotExist, or with what the file system says. It never waits for a writer and never
// locks anything.
func readStable(name string, limit int64, p *pulse, named func() (fs.FileInfo, error)) ([]byte, hashindex.Stamp, error) {
	f, err := openShared(name)
	if err != nil {
		if isBusy(err) {
			err = fmt.Errorf("%w: %w", errChanging, err)
		}
		return nil, hashindex.Stamp{}, err
	}
	content, stamp, err := readOpen(f, limit, p, named)
	return content, stamp, errors.Join(err, f.Close())
}

func readOpen(f *os.File, limit int64, p *pulse, named func() (fs.FileInfo, error)) ([]byte, hashindex.Stamp, error) {
	before, err := f.Stat()
	if err != nil {
		return nil, hashindex.Stamp{}, err
	}
	stamp := hashindex.StampOf(before)
	if !before.Mode().IsRegular() || stamp.Size > limit {
		return nil, stamp, errChanging // it was something else when it was chosen
	}
	content := make([]byte, stamp.Size+1)
	n, err := io.ReadFull(beating{f, p}, content)
	switch {
	case err == nil: // one byte more than it had
		return nil, stamp, errChanging
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
	case isBusy(err):
		return nil, stamp, fmt.Errorf("%w: %w", errChanging, err)
	default:
		return nil, stamp, err
	}
	if int64(n) != stamp.Size {
		return nil, stamp, errChanging
	}
	if err := unchanged(f, before, named); err != nil {
		return nil, stamp, err
	}
	return content[:n], stamp, nil
}

// unchanged looks at the open file and at what its name leads to now: it may have been replaced.
func unchanged(f *os.File, before fs.FileInfo, named func() (fs.FileInfo, error)) error {
	after, err := f.Stat()
	if err != nil {
		return err
	}
	now, err := named()
	if err != nil {
		return err
	}
	if hashindex.StampOf(after) != hashindex.StampOf(before) || !os.SameFile(now, before) {
		return errChanging
	}
	return nil
}

// pieces are buffers to hash with. To make one for each file, as io.Copy does, takes as long as the hashing.
var pieces = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// hashLarge hashes a file that is too large to be held, in pieces.
func hashLarge(name string, algorithm hashindex.Algorithm, p *pulse) (string, error) {
	f, err := openShared(name)
	if err != nil {
		return "", err
	}
	h := algorithm.New()
	piece := pieces.Get().(*[128 << 10]byte)
	// Of the file, io.CopyBuffer is to see Read alone: to WriteTo it would leave everything, the buffer too.
	_, err = io.CopyBuffer(h, beating{f, p}, piece[:])
	pieces.Put(piece)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	return hashindex.Hex(h), nil
}
