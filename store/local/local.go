// Package local is a remote in a SQLite file. It holds the table gfx_sessions for a venue without internet, and for the
// demo.
package local

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

var (
	//go:embed gfx_sessions.sql
	schema001 string
	//go:embed 002.sql
	schema002 string

	migrations = []string{schema001, schema002, schema003}
)

// Remote implements store.Table. It is safe for concurrent use. Other processes may read the file at any time.
type Remote struct {
	db       *sqlite.DB
	upsert   string
	requests atomic.Int64
	temp     string // a temporary folder that Close removes; may be empty
}

var _ store.Table = (*Remote)(nil)

// Open opens the SQLite file at path. It makes the file and the table gfx_sessions if they do not exist. Errors are
// those of sqlite.Open. The caller closes the Remote.
func Open(ctx context.Context, path string) (*Remote, error) {
	db, err := sqlite.Open(ctx, path, migrations)
	if err != nil {
		return nil, fmt.Errorf("open the local table: %w", err)
	}
	return &Remote{db: db, upsert: upsertStatement()}, nil
}

// OpenExisting is Open for a table that is only read. It makes and changes nothing, and fails with sqlite.ErrMissing if
// there is no file. It also opens a file of an older gfxsync.
func OpenExisting(ctx context.Context, path string) (*Remote, error) {
	db, err := openAny(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open the local table: %w", err)
	}
	return &Remote{db: db, upsert: upsertStatement()}, nil
}

// OpenEmpty returns a table without rows. It stands for a table that does not exist yet. It is in a temporary file,
// which Close removes.
func OpenEmpty(ctx context.Context) (*Remote, error) {
	dir, err := os.MkdirTemp("", "gfxsync-empty-*")
	if err != nil {
		return nil, fmt.Errorf("make an empty table: %w", err)
	}
	r, err := Open(ctx, filepath.Join(dir, "empty.db"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.temp = dir
	return r, nil
}

func upsertStatement() string {
	names := store.Columns()
	var set []string
	for _, n := range names {
		if n != store.ColumnFileHash {
			set = append(set, n+" = excluded."+n)
		}
	}
	return fmt.Sprintf(`INSERT INTO gfx_sessions (%s) VALUES (?%s)
		ON CONFLICT (file_hash) DO UPDATE SET %s, updated_at = strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ')`,
		strings.Join(names, ", "), strings.Repeat(", ?", len(names)-1), strings.Join(set, ", "))
}

// Close closes the file.
func (r *Remote) Close() error {
	err := r.db.Close()
	if r.temp != "" {
		err = errors.Join(err, os.RemoveAll(r.temp))
	}
	return err
}

// Upsert implements store.Remote. It is one transaction.
func (r *Remote) Upsert(ctx context.Context, records []store.Record) error {
	r.requests.Add(1)
	err := r.db.Update(ctx, func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, r.upsert)
		if err != nil {
			return err
		}
		for i := range records {
			if _, err = stmt.ExecContext(ctx, records[i].Values()...); err != nil {
				break
			}
		}
		return errors.Join(err, stmt.Close())
	})
	return classify(err)
}

// Ping implements store.Remote.
func (r *Remote) Ping(ctx context.Context) error {
	r.requests.Add(1)
	var n int
	return classify(r.db.Read().QueryRowContext(ctx,
		`SELECT count(*) FROM (SELECT 1 FROM gfx_sessions LIMIT 1)`).Scan(&n))
}

// Digest implements store.Table.
func (r *Remote) Digest(ctx context.Context) (store.Digest, error) {
	hashes, err := r.hashes(ctx, `SELECT file_hash FROM gfx_sessions`)
	var d hashindex.Digest
	for _, h := range hashes {
		d.Add(h)
	}
	return store.Digest(d), err
}

// Hashes implements store.Table.
func (r *Remote) Hashes(ctx context.Context, after string, limit int) ([]string, error) {
	return r.hashes(ctx, `SELECT file_hash FROM gfx_sessions WHERE file_hash > ? ORDER BY file_hash LIMIT ?`,
		after, limit)
}

// Has implements store.Table.
func (r *Remote) Has(ctx context.Context, hashes []string) ([]string, error) {
	in, args := sqlite.In(hashes)
	return r.hashes(ctx, `SELECT file_hash FROM gfx_sessions WHERE file_hash IN `+in, args...)
}

// Delete implements store.Table.
func (r *Remote) Delete(ctx context.Context, hashes []string) error {
	r.requests.Add(1)
	in, args := sqlite.In(hashes)
	return classify(r.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM gfx_sessions WHERE file_hash IN `+in, args...)
		return err
	}))
}

// Rename implements store.Table.
func (r *Remote) Rename(ctx context.Context, hash, path string) error {
	r.requests.Add(1)
	nasPath, fileName := store.Names(path)
	return classify(r.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE gfx_sessions SET nas_path = ?, file_name = ? WHERE file_hash = ?`,
			nasPath, fileName, hash)
		return err
	}))
}

// OfPC implements store.Table. The conflict key of the file is file_hash, which has no PC in it.
func (r *Remote) OfPC(string) store.Table { return r }

// Requests implements store.Table. It counts what would be requests to a server.
func (r *Remote) Requests() int64 { return r.requests.Load() }

func (r *Remote) hashes(ctx context.Context, query string, args ...any) ([]string, error) {
	r.requests.Add(1)
	list, err := sqlite.Select(ctx, r.db.Read(), sqlite.Column[string], query, args...)
	return list, classify(err)
}

// classify makes a *store.RemoteError. It is of class Rejected if the table refuses a row, and an Outage if the file
// cannot be used.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	re := &store.RemoteError{Class: store.Outage, Message: err.Error(), Err: err}
	var se *sqlite3.Error
	if errors.As(err, &se) {
		switch se.Code() & 0xff {
		case lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH, lib.SQLITE_TOOBIG:
			re.Class = store.Rejected
		case lib.SQLITE_FULL:
			re.Hint = "free some disk space"
		}
	}
	return re
}
