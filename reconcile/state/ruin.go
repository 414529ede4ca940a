package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// openRuin opens a damaged file for reading. Its first page tells where its tables are: if that page is lost, it is taken from a new
// file, in a copy, since a file that this gfxsync has made has its tables where every such file has them. What is read by it may be
// anything, and is to be looked at closely. Done closes the file and removes the copy.
func openRuin(ctx context.Context, path string) (db *sql.DB, done func(), err error) {
	db, err = openQueue(ctx, path)
	if err == nil {
		return db, func() { _ = db.Close() }, nil // it was only read
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".gfxsync-rescue-*")
	if err != nil {
		return nil, nil, fmt.Errorf("copy %s: %w", path, err)
	}
	// What is left of it is in nobody's way.
	remove := func() { _ = os.RemoveAll(dir) }
	mended := filepath.Join(dir, "mended.db")
	if err = mend(ctx, path, mended); err == nil {
		db, err = openQueue(ctx, mended)
	}
	if err != nil {
		remove()
		return nil, nil, err
	}
	return db, func() { _ = db.Close(); remove() }, nil
}

// openQueue fails if the file's tables cannot be found.
func openQueue(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sqlite.OpenRuin(path)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, `SELECT id FROM pending_sync LIMIT 0`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func mend(ctx context.Context, path, into string) error {
	s, err := Open(ctx, into)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil { // and so its write-ahead log is empty
		return err
	}
	return errors.Join(copyFrom(path, into, sqlite.PageSize), forgetSize(into), copyFrom(path+"-wal", into+"-wal", 0))
}

// forgetSize takes the number of pages from a file's header, so that it is as large as it is ("Database File Format", 1.3.7).
func forgetSize(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, 4), 28)
	return errors.Join(err, f.Close())
}

// copyFrom copies what stands behind the offset to the same place of another file.
func copyFrom(path, into string, offset int64) error {
	from, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(into, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.NewOffsetWriter(to, offset), io.NewSectionReader(from, offset, 1<<62))
	return errors.Join(err, to.Close())
}
