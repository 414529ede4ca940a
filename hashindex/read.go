package hashindex

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// ErrChanging says that a file changed while it was read, or that its writer keeps readers out. The caller should read
// it again later.
var ErrChanging = errors.New("the file is being written")

// Read returns the content of a regular file of at most limit bytes. It also returns the stamp of the file, which was
// the same before and after reading. It fails with ErrChanging, fs.ErrNotExist, or another error of the file system. It
// never waits for a writer and never locks anything.
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
		return nil, stamp, ErrChanging // it was a smaller or a regular file when the caller chose to read it
	}
	content := make([]byte, stamp.Size+1)
	n, err := io.ReadFull(chunkReader{f, r.Live}, content)
	switch {
	case err == nil: // the file has grown
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

// unchanged fails with ErrChanging if the open file has changed, or if another file has taken its name.
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

// chunkReader reads at most 1 MiB at a time. So each call is short even on a slow share, and live sees it return.
type chunkReader struct {
	io.Reader
	live *Liveness
}

func (r chunkReader) Read(into []byte) (int, error) {
	r.live.begin()
	defer r.live.end()
	return r.Reader.Read(into[:min(len(into), 1<<20)])
}

// buffers are reused by Hash. Allocating one for each file, as io.Copy does, takes as long as the hashing.
var buffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// Hash returns the hash of a file. It holds only a small part of the file in memory. It fails with an error of the file
// system.
func (r Root) Hash(path string, algorithm Algorithm) (string, error) {
	f, err := r.open(path)
	if err != nil {
		return "", err
	}
	h := algorithm.New()
	buffer := buffers.Get().(*[128 << 10]byte)
	// chunkReader hides the file's method WriteTo. io.CopyBuffer would call it and not use the buffer.
	_, err = io.CopyBuffer(h, chunkReader{f, r.Live}, buffer[:])
	buffers.Put(buffer)
	if err := errors.Join(err, r.close(f)); err != nil {
		return "", err
	}
	return Hex(h), nil
}
