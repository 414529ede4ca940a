package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Queue is the table pending_sync: the records that wait for the remote, with their content, so that they arrive even if the
// file is gone by then. A record leaves it by success, by a success of the same hash, or by the operator's word (Drop).
type Queue struct {
	q      sqlite.Querier
	scope  string
	noSync bool // of a transaction that a power cut may undo
}

// NewQueue returns the queue seen through q: a database, or a transaction to take part in.
func NewQueue(q sqlite.Querier) Queue { return Queue{q: q} }

// In returns the queue for which a hash is of the records of one root alone; with the empty scope, of all.
func (q Queue) In(scope string) Queue {
	q.scope = scope
	return q
}

// WithoutSync returns the queue as a transaction sees it that a power cut may undo. Records may leave it, by Done: they
// are sent once more. None may be put into it or changed, for which its file may be gone: the calls for that fail.
func (q Queue) WithoutSync() Queue {
	q.noSync = true
	return q
}

// errNoSync is a mistake of this program.
var errNoSync = errors.New("a record is to be queued in a transaction that a power cut may undo")

// mustSync fails in a transaction that a power cut may undo.
func (q Queue) mustSync() error {
	if q.noSync {
		return errNoSync
	}
	return nil
}

// Queued is an entry of the queue.
type Queued struct {
	ID          int64
	Source      Source
	FileHash    string
	Retries     int // how often the remote has refused this very record
	Dead        bool
	LastError   string
	CreatedAt   time.Time
	LastAttempt time.Time // zero: never tried
	Bytes       int64     // of the file, less a byte order mark
}

// ErrNoSuchEntry says that the queue holds no entry with that id.
var ErrNoSuchEntry = errors.New("no such entry in the queue")

// UnreadableError says that an entry of the queue is not as it was written.
type UnreadableError struct {
	ID  int64
	err error
}

// NewUnreadableError is for a reader who sees more of an entry's content than the queue does.
func NewUnreadableError(id int64, err error) *UnreadableError {
	return &UnreadableError{ID: id, err: err}
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("entry %d of the queue is damaged: %v", e.ID, e.err)
}

// Bury makes an entry dead that can never be delivered, so that it does not stand in the way of the others, and returns its hash.
func (q Queue) Bury(ctx context.Context, id int64, reason error) (hash string, err error) {
	if err := q.mustSync(); err != nil {
		return "", err
	}
	err = q.q.QueryRowContext(ctx, `UPDATE pending_sync SET dead = 1, last_error = ? WHERE id = ? RETURNING file_hash`, message(reason), id).
		Scan(&hash)
	if err != nil {
		return "", fmt.Errorf("put aside entry %d of the queue: %w", id, err)
	}
	return hash, nil
}

// Put keeps the record in the queue, where it may already be. Its retries are not touched. Cause, if any, is why it waits.
func (q Queue) Put(ctx context.Context, src Source, r *Record, cause error, now time.Time) error {
	if err := q.mustSync(); err != nil {
		return err
	}
	_, err := q.q.ExecContext(ctx, `
		INSERT INTO pending_sync (root, file_path, file_hash, record_json, last_error, created_at, last_attempt, session_id, hands, mtime_ns)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (root, file_hash) DO UPDATE SET last_error = excluded.last_error, last_attempt = excluded.last_attempt
		WHERE excluded.last_attempt IS NOT NULL`,
		src.Root, src.Path, r.FileHash, string(r.AppendJSON(nil, nil)), message(cause), now.UnixMilli(), attempt(cause, now),
		r.SessionID, r.HandCount, r.ModTime)
	if err != nil {
		return fmt.Errorf("queue %s: %w", src.Path, err)
	}
	return nil
}

// PutBack notes why an entry still waits that was taken from the queue to be tried, and says whether it is there. It is
// not if it was dropped meanwhile, or its content has arrived: then it is not to come back.
func (q Queue) PutBack(ctx context.Context, id int64, cause error, now time.Time) (there bool, err error) {
	if err := q.mustSync(); err != nil {
		return false, err
	}
	res, err := q.q.ExecContext(ctx, `UPDATE pending_sync SET last_error = ?, last_attempt = ? WHERE id = ?`,
		message(cause), attempt(cause, now), id)
	if err != nil {
		return false, fmt.Errorf("put entry %d back into the queue: %w", id, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Refuse counts one more refusal of the record, which Put has stored, and returns the count. It is due again at next; from max
// refusals on it is dead and is not tried again by itself.
func (q Queue) Refuse(ctx context.Context, src Source, hash string, max int, next time.Time) (retries int, err error) {
	if err := q.mustSync(); err != nil {
		return 0, err
	}
	err = q.q.QueryRowContext(ctx, `
		UPDATE pending_sync SET retry_count = retry_count + 1, dead = retry_count + 1 >= ?, next_attempt = ?
		WHERE root = ? AND file_hash = ? RETURNING retry_count`,
		max, next.UnixMilli(), src.Root, hash).Scan(&retries)
	if err != nil {
		return 0, fmt.Errorf("count the refusal of %s: %w", src.Path, err)
	}
	return retries, nil
}

// Done removes every entry with that hash: the remote has it.
func (q Queue) Done(ctx context.Context, hash string) error {
	if _, err := q.q.ExecContext(ctx, `DELETE FROM pending_sync WHERE file_hash = ?2 AND (?1 = '' OR root = ?1)`, q.scope, hash); err != nil {
		return fmt.Errorf("take %s from the queue: %w", hash, err)
	}
	return nil
}

// Due returns, oldest first, the entries after id that are to be tried now, as items: at most limit of them, and no more than
// maxBytes unless the first alone is larger. It fails with an UnreadableError if the first is not as it was
// written. An entry whose last attempt lies in the future is due: the clock was set back.
func (q Queue) Due(ctx context.Context, after int64, limit int, maxBytes int64, now time.Time) (items []Item, err error) {
	rows, err := q.q.QueryContext(ctx, `
		SELECT id, root, file_path, record_json, created_at, mtime_ns, retry_count > 0 FROM pending_sync
		WHERE id > ? AND NOT dead AND (next_attempt <= ? OR last_attempt > ?) ORDER BY id LIMIT ?`,
		after, now.UnixMilli(), now.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var size int64
	for rows.Next() {
		item := Item{Lane: LaneQueue}
		var content []byte
		var created, modified int64
		if err := rows.Scan(&item.queueID, &item.Source.Root, &item.Source.Path, &content, &created, &modified, &item.refused); err != nil {
			return nil, fmt.Errorf("read the queue: %w", err)
		}
		if size += int64(len(content)); size > maxBytes && len(items) > 0 {
			break
		}
		if err := item.Record.UnmarshalJSON(content); err != nil { // json.Unmarshal would go through the content twice more
			if len(items) > 0 {
				break // those before it first
			}
			return nil, &UnreadableError{ID: item.queueID, err: err}
		}
		item.At, item.Record.ModTime = time.UnixMilli(created), modified
		items = append(items, item)
	}
	return items, rows.Err()
}

// MakeDue has every entry that is not dead tried at the next opportunity.
func (q Queue) MakeDue(ctx context.Context) error {
	if err := q.mustSync(); err != nil {
		return err
	}
	if _, err := q.q.ExecContext(ctx, `UPDATE pending_sync SET next_attempt = 0 WHERE NOT dead AND next_attempt > 0`); err != nil {
		return fmt.Errorf("change the queue: %w", err)
	}
	return nil
}

// Counts returns how many entries wait and how many are dead.
func (q Queue) Counts(ctx context.Context) (waiting, dead int, err error) {
	err = q.q.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE dead) FROM pending_sync`).
		Scan(&waiting, &dead)
	if err != nil {
		return 0, 0, fmt.Errorf("count the queue: %w", err)
	}
	return waiting, dead, nil
}

// contentBytes is the length of raw_json, which is the last of a record (Record.AppendJSON), before a brace.
const contentBytes = `octet_length(record_json)
	- instr(CAST(record_json AS BLOB), CAST('"raw_json":' AS BLOB)) - length('"raw_json":')`

// List returns at most limit entries after id, oldest first, without their records.
func (q Queue) List(ctx context.Context, after int64, limit int) (list []Queued, err error) {
	rows, err := q.q.QueryContext(ctx, `
		SELECT id, root, file_path, file_hash, retry_count, dead, last_error, created_at, last_attempt, `+contentBytes+`
		FROM pending_sync WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list the queue: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e Queued
		var created int64
		var last sql.NullInt64
		if err := rows.Scan(&e.ID, &e.Source.Root, &e.Source.Path, &e.FileHash, &e.Retries, &e.Dead, &e.LastError, &created, &last,
			&e.Bytes); err != nil {
			return nil, fmt.Errorf("list the queue: %w", err)
		}
		e.CreatedAt = time.UnixMilli(created)
		if last.Valid {
			e.LastAttempt = time.UnixMilli(last.Int64)
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// Retry makes an entry due at once with its whole retry budget; with id 0, all dead ones. It returns the hashes of those entries,
// and fails with ErrNoSuchEntry.
func (q Queue) Retry(ctx context.Context, id int64) (hashes []string, err error) {
	return q.change(ctx, id, `UPDATE pending_sync SET retry_count = 0, dead = 0, next_attempt = 0
		WHERE id = ?1 OR (?1 = 0 AND dead) RETURNING file_hash`)
}

// Drop removes an entry, with id 0 all dead ones, for good. It returns the hashes of those entries, and fails with ErrNoSuchEntry.
func (q Queue) Drop(ctx context.Context, id int64) (hashes []string, err error) {
	return q.change(ctx, id, `DELETE FROM pending_sync WHERE id = ?1 OR (?1 = 0 AND dead) RETURNING file_hash`)
}

func (q Queue) change(ctx context.Context, id int64, statement string) (hashes []string, err error) {
	if err := q.mustSync(); err != nil {
		return nil, err
	}
	rows, err := q.q.QueryContext(ctx, statement, id)
	if err != nil {
		return nil, fmt.Errorf("change the queue: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var hash string
		if err := rows.Scan(&hash); err != nil {
			return nil, fmt.Errorf("change the queue: %w", err)
		}
		hashes = append(hashes, hash)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("change the queue: %w", err)
	}
	if len(hashes) == 0 && id != 0 {
		return nil, fmt.Errorf("entry %d: %w", id, ErrNoSuchEntry)
	}
	return hashes, nil
}

func message(cause error) string {
	if cause == nil {
		return ""
	}
	return cause.Error()
}

// attempt tells a record that was tried from one that went straight to the queue because the link is down.
func attempt(cause error, now time.Time) any {
	if cause == nil {
		return nil
	}
	return now.UnixMilli()
}
