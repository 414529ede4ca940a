package hashindex

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// ErrChanging says that a file was written, or could not be opened for its writer, while it was read: read it again.
var ErrChanging = errors.New("the file is being written")

// Read returns the content of a regular file of at most so many bytes, and the stamp that it had both before and after.
// It fails with ErrChanging, with fs.ErrNotExist, or with what the file system says. It never waits for a writer and
// never locks anything.
func (r Root) Read(path string, limit int64) ([]byte, Stamp, error) {
	f, err := r.open(path)
	if err != nil {
		if isBusy(err) {
			err = fmt.Errorf("%w: %w", ErrChanging, err)
		}
		return nil, Stamp{}, err
	}
	content, stamp, err := r.readOpen(f, path, limit)
	return content, stamp, errors.Join(err, r.close(f))
}

func (r Root) readOpen(f *os.File, path string, limit int64) ([]byte, Stamp, error) {
	before, err := call(r.Live, f.Stat)
	if err != nil {
		return nil, Stamp{}, err
	}
	stamp := StampOf(before)
	if !before.Mode().IsRegular() || stamp.Size > limit {
		return nil, stamp, ErrChanging // it was something else when it was chosen
	}
	content := make([]byte, stamp.Size+1)
	n, err := io.ReadFull(steps{f, r.Live}, content)
	switch {
	case err == nil: // one byte more than it had
		return nil, stamp, ErrChanging
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
	case isBusy(err):
		return nil, stamp, fmt.Errorf("%w: %w", ErrChanging, err)
	default:
		return nil, stamp, err
	}
	if int64(n) != stamp.Size {
		return nil, stamp, ErrChanging
	}
	if err := r.unchanged(f, path, before); err != nil {
		return nil, stamp, err
	}
	return content[:n], stamp, nil
}

// unchanged looks at the open file and at what its name leads to now: it may have been replaced.
func (r Root) unchanged(f *os.File, path string, before fs.FileInfo) error {
	after, err := call(r.Live, f.Stat)
	if err != nil {
		return err
	}
	now, err := r.Lstat(path)
	if err != nil {
		return err
	}
	if StampOf(after) != StampOf(before) || !os.SameFile(now, before) {
		return ErrChanging
	}
	return nil
}

func (r Root) open(path string) (*os.File, error) {
	return call(r.Live, func() (*os.File, error) { return openShared(r.Abs(path)) })
}

func (r Root) close(f *os.File) (err error) {
	r.Live.Do(func() { err = f.Close() })
	return err
}

// steps is a reader that takes so little at a time that even a slow share answers again and again.
type steps struct {
	io.Reader
	live *Liveness
}

func (s steps) Read(into []byte) (int, error) {
	s.live.begin()
	defer s.live.end()
	return s.Reader.Read(into[:min(len(into), 1<<20)])
}

// buffers are to hash with. To make one for each file, as io.Copy does, takes as long as the hashing.
var buffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// Hash returns the hash of a file of any size, of which it holds a small part at a time. It fails with what the file
// system says.
func (r Root) Hash(path string, algorithm Algorithm) (string, error) {
	f, err := r.open(path)
	if err != nil {
		return "", err
	}
	h := algorithm.New()
	buffer := buffers.Get().(*[128 << 10]byte)
	// Of the file, io.CopyBuffer is to see Read alone: to WriteTo it would leave everything, the buffer too.
	_, err = io.CopyBuffer(h, steps{f, r.Live}, buffer[:])
	buffers.Put(buffer)
	if err := errors.Join(err, r.close(f)); err != nil {
		return "", err
	}
	return Hex(h), nil
}
