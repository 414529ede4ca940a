// Package local is a remote in a SQLite file: the table gfx_sessions for a venue without internet, and for the demo.
package local

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

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

// Remote implements store.Table. It is safe for concurrent use, and other processes may read the file at any time.
type Remote struct {
	db       *sqlite.DB
	upsert   string
	requests atomic.Int64
	temp     string // the folder of the file, if it is to go with it
}

var _ store.Table = (*Remote)(nil)

// Open opens the SQLite file at path, making it and the table gfx_sessions where they are absent.
func Open(ctx context.Context, path string) (*Remote, error) {
	db, err := sqlite.Open(ctx, path, migrations)
	if err != nil {
		return nil, fmt.Errorf("open the local table: %w", err)
	}
	return &Remote{db: db, upsert: upsertStatement()}, nil
}

// OpenExisting is Open for a table that is only to be read: it fails with sqlite.ErrMissing, and makes nothing, if
// there is no file. A table that an older gfxsync has made can be read as it is.
func OpenExisting(ctx context.Context, path string) (r *Remote, err error) {
	for steps := len(migrations); steps > 0; steps-- {
		var db *sqlite.DB
		if db, err = sqlite.OpenExisting(ctx, path, migrations[:steps]); err == nil {
			return &Remote{db: db, upsert: upsertStatement()}, nil
		}
		if !errors.Is(err, sqlite.ErrMissing) {
			break
		}
	}
	return nil, fmt.Errorf("open the local table: %w", err)
}

// OpenEmpty returns a table without rows, which stands for one that is yet to be made. Its file is a temporary one, and
// goes with Close.
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

// Upsert implements store.Remote, in one transaction.
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
	return classify(r.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM gfx_sessions LIMIT 1)`).Scan(&n))
}

// Digest implements store.Table.
func (r *Remote) Digest(ctx context.Context) (d store.Digest, err error) {
	hashes, err := r.strings(ctx, `SELECT file_hash FROM gfx_sessions`)
	for _, h := range hashes {
		if len(h) < 16 || strings.Trim(h, "0123456789abcdef") != "" {
			continue // of another agent, with other habits
		}
		if v, err := strconv.ParseUint(h[:16], 16, 64); err == nil {
			d[v>>56].Rows++
			d[v>>56].XOR ^= v
		}
	}
	return d, err
}

// Hashes implements store.Table.
func (r *Remote) Hashes(ctx context.Context, after string, limit int) ([]string, error) {
	return r.strings(ctx, `SELECT file_hash FROM gfx_sessions WHERE file_hash > ? ORDER BY file_hash LIMIT ?`, after, limit)
}

// Has implements store.Table.
func (r *Remote) Has(ctx context.Context, hashes []string) ([]string, error) {
	in, args := list(hashes)
	return r.strings(ctx, `SELECT file_hash FROM gfx_sessions WHERE file_hash IN `+in, args...)
}

// Delete implements store.Table.
func (r *Remote) Delete(ctx context.Context, hashes []string) error {
	r.requests.Add(1)
	in, args := list(hashes)
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

// Of implements store.Table: the file's conflict key is file_hash.
func (r *Remote) Of(string) store.Table { return r }

// Requests implements store.Table: what would be requests to a server.
func (r *Remote) Requests() int64 { return r.requests.Load() }

func list(values []string) (marks string, args []any) {
	for _, v := range values {
		args = append(args, v)
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ") + ")", args
}

func (r *Remote) strings(ctx context.Context, query string, args ...any) (found []string, err error) {
	r.requests.Add(1)
	rows, err := r.db.Read().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, classify(err)
	}
	defer func() { err = classify(errors.Join(err, rows.Close())) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	return found, rows.Err()
}

// classify tells a row that the table will not have from a file that cannot be written.
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
