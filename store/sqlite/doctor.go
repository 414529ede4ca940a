package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// errUndo rolls back a transaction that only tries something.
var errUndo = errors.New("only tried")

// Check reads the whole file, and tries to write to it. It changes nothing. It returns ErrCorrupt or an error of the
// file system.
func (db *DB) Check(ctx context.Context) error {
	if err := db.look(ctx, "PRAGMA quick_check(1)"); err != nil {
		return err
	}
	err := db.Update(ctx, func(tx *sql.Tx) error {
		// An empty transaction writes nothing, and would succeed.
		if _, err := tx.ExecContext(ctx, "CREATE TABLE gfxsync_check (x)"); err != nil {
			return err
		}
		return errUndo
	})
	if errors.Is(err, errUndo) {
		return nil
	}
	return err
}

// CheckAll reads the whole file, and compares its indexes with its tables. It returns ErrCorrupt or an error of the
// file system. A file of 550 MiB with 100,000 files took 1.3 seconds.
func (db *DB) CheckAll(ctx context.Context) error { return db.look(ctx, "PRAGMA integrity_check(1)") }

func (db *DB) look(ctx context.Context, pragma string) error {
	var result string
	if err := db.read.QueryRowContext(ctx, pragma).Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return &explained{path: db.path, class: ErrCorrupt, err: errors.New(result)}
	}
	return nil
}

// CheckPlace says whether Open could make a file at path. It makes neither the file nor its directory. For a moment it
// makes a temporary file in the directory that exists already.
func CheckPlace(path string) error {
	dir, err := ExistingParent(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".gfxsync-check-*")
	if err != nil {
		return fmt.Errorf("nothing can be written in %s: %w", dir, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// ExistingParent returns the nearest directory above path that exists. It fails if a file is in its place.
func ExistingParent(path string) (string, error) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case err == nil && info.IsDir():
			return dir, nil
		case err == nil:
			return "", fmt.Errorf("%s is no directory", dir)
		case !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir):
			return "", err
		}
	}
}
