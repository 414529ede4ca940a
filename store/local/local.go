// Package local is a remote in a SQLite file: the table gfx_sessions for a venue without internet, and for the demo.
package local

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

//go:embed gfx_sessions.sql
var schema string

// Remote implements store.Remote. It is safe for concurrent use, and other processes may read the file at any time.
type Remote struct {
	db     *sqlite.DB
	upsert string
}

var _ store.Remote = (*Remote)(nil)

// Open opens the SQLite file at path, making it and the table gfx_sessions where they are absent.
func Open(ctx context.Context, path string) (*Remote, error) {
	db, err := sqlite.Open(ctx, path, []string{schema})
	if err != nil {
		return nil, fmt.Errorf("open the local table: %w", err)
	}
	return &Remote{db: db, upsert: upsertStatement()}, nil
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
func (r *Remote) Close() error { return r.db.Close() }

// Upsert implements store.Remote, in one transaction.
func (r *Remote) Upsert(ctx context.Context, records []store.Record) error {
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
	var n int
	return classify(r.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM gfx_sessions LIMIT 1)`).Scan(&n))
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
