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

// openCorrupt opens a corrupt file for reading. The first page of a file says where its tables are. If that page is
// corrupt too, openCorrupt makes a copy of the file with the first page of a new file: gfxsync creates the tables in
// the same order every time, so they are in the same place in every file. The caller must check what it reads, and call
// done, which closes the file and removes the copy.
func openCorrupt(ctx context.Context, path string) (db *sql.DB, done func(), err error) {
	db, err = openQueue(ctx, path)
	if err == nil {
		return db, func() { _ = db.Close() }, nil // it was only read
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".gfxsync-rescue-*")
	if err != nil {
		return nil, nil, fmt.Errorf("copy %s: %w", path, err)
	}
	remove := func() { _ = os.RemoveAll(dir) } // what cannot be removed does no harm
	copied := filepath.Join(dir, "copy.db")
	if err = copyWithNewFirstPage(ctx, path, copied); err == nil {
		db, err = openQueue(ctx, copied)
	}
	if err != nil {
		remove()
		return nil, nil, err
	}
	return db, func() { _ = db.Close(); remove() }, nil
}

// openQueue fails if SQLite cannot find the table of the queue.
func openQueue(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sqlite.OpenCorrupt(path)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, `SELECT id FROM pending_sync LIMIT 0`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func copyWithNewFirstPage(ctx context.Context, path, into string) error {
	s, err := Open(ctx, into)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil { // moves the write-ahead log into the file
		return err
	}
	return errors.Join(copyFrom(path, into, sqlite.PageSize), forgetSize(into), copyFrom(path+"-wal", into+"-wal", 0))
}

// forgetSize clears the number of pages in a file's header. SQLite then takes the size of the file instead ("Database
// File Format", 1.3.7).
func forgetSize(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, 4), 28)
	return errors.Join(err, f.Close())
}

// copyFrom copies a file from an offset on to the same offset of another file. It does nothing if the first file does
// not exist.
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
