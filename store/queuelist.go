package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// ErrNoSuchEntry says that the queue has no entry with that ID.
var ErrNoSuchEntry = errors.New("no such entry in the queue")

// Queued is an entry of the queue without its record.
type Queued struct {
	ID          int64
	Source      fileid.ID
	FileHash    string
	Retries     int // how often the remote has refused this record
	Dead        bool
	LastError   string
	CreatedAt   time.Time
	LastAttempt time.Time // zero: never tried
	Bytes       int64     // size of the file without a byte order mark
}

// Counts returns how many entries wait and how many are dead.
func (q Queue) Counts(ctx context.Context) (waiting, dead int, err error) {
	err = q.q.QueryRowContext(ctx,
		`SELECT count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead) FROM pending_sync`).
		Scan(&waiting, &dead)
	if err != nil {
		return 0, 0, fmt.Errorf("count the queue: %w", err)
	}
	return waiting, dead, nil
}

// contentBytes is the length of the value of raw_json. It is the last value of a record, before the closing brace
// (Record.AppendJSON).
const contentBytes = `octet_length(record_json)
	- instr(CAST(record_json AS BLOB), CAST('"raw_json":' AS BLOB)) - length('"raw_json":')`

// List returns at most limit entries in ascending order of their IDs, beginning after an ID.
func (q Queue) List(ctx context.Context, after int64, limit int) ([]Queued, error) {
	list, err := sqlite.Select(ctx, q.q, scanQueued, `
		SELECT id, root, file_path, file_hash, retry_count, dead, last_error, created_at, last_attempt, `+contentBytes+`
		FROM pending_sync WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list the queue: %w", err)
	}
	return list, nil
}

func scanQueued(row sqlite.Row) (e Queued, err error) {
	var created int64
	var last sql.NullInt64
	err = row.Scan(&e.ID, &e.Source.Root, &e.Source.Path, &e.FileHash, &e.Retries, &e.Dead, &e.LastError, &created,
		&last, &e.Bytes)
	e.CreatedAt = time.UnixMilli(created)
	if last.Valid {
		e.LastAttempt = time.UnixMilli(last.Int64)
	}
	return e, err
}

// Retry makes an entry due at once and sets its refusals to zero. With id 0 it does so with all dead entries. It
// returns the hashes of those entries. It fails with ErrNoSuchEntry.
func (q Queue) Retry(ctx context.Context, id int64) (hashes []string, err error) {
	return q.change(ctx, id, `UPDATE pending_sync SET retry_count = 0, dead = 0, next_attempt = 0,
			suspect = 0, counted_at = NULL
		WHERE id = ?1 OR (?1 = 0 AND dead) RETURNING file_hash`)
}

// Drop removes an entry for good. With id 0 it removes all dead entries. It returns the hashes of those entries. It
// fails with ErrNoSuchEntry.
func (q Queue) Drop(ctx context.Context, id int64) (hashes []string, err error) {
	return q.change(ctx, id, `DELETE FROM pending_sync WHERE id = ?1 OR (?1 = 0 AND dead) RETURNING file_hash`)
}

func (q Queue) change(ctx context.Context, id int64, statement string) (hashes []string, err error) {
	if err := q.mustSync(); err != nil {
		return nil, err
	}
	hashes, err = sqlite.Select(ctx, q.q, sqlite.Column[string], statement, id)
	if err != nil {
		return nil, fmt.Errorf("change the queue: %w", err)
	}
	if len(hashes) == 0 && id != 0 {
		return nil, fmt.Errorf("entry %d: %w", id, ErrNoSuchEntry)
	}
	return hashes, nil
}
