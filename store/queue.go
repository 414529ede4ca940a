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

// Put keeps the record in the queue, where it may already be. Its retries are not touched; but if it was dead, it is
// due again, since a file has this content now. Cause, if any, is why it waits.
func (q Queue) Put(ctx context.Context, src Source, r *Record, cause error, now time.Time) error {
	if err := q.mustSync(); err != nil {
		return err
	}
	_, err := q.q.ExecContext(ctx, `
		INSERT INTO pending_sync (root, file_path, file_hash, record_json, last_error, created_at, last_attempt, session_id, hands, mtime_ns)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (root, file_hash) DO UPDATE SET dead = 0,
			next_attempt = CASE WHEN dead THEN 0 ELSE next_attempt END,
			last_error = CASE WHEN excluded.last_attempt IS NULL THEN last_error ELSE excluded.last_error END,
			last_attempt = coalesce(excluded.last_attempt, last_attempt)
		WHERE excluded.last_attempt IS NOT NULL OR dead`,
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

// Refuse counts a refusal of the record, which Put has stored, and returns the count. At most one refusal counts in
// an interval, however many attempts are made in it. The record is due again after the interval; from max refusals on
// it is dead, and is not tried again by itself.
func (q Queue) Refuse(ctx context.Context, src Source, hash string, max int, now time.Time,
	interval time.Duration,
) (retries int, err error) {
	if err := q.mustSync(); err != nil {
		return 0, err
	}
	err = q.q.QueryRowContext(ctx, `
		UPDATE pending_sync SET retry_count = retry_count + counts, dead = retry_count + counts >= ?3,
			next_attempt = ?4 + ?5,
			counted_at = CASE WHEN counts THEN ?4 ELSE counted_at END, suspect = ?6
		FROM (SELECT id AS counted,
				counted_at IS NULL OR ?4 NOT BETWEEN counted_at - ?7 AND counted_at + ?5 - 1 AS counts
			FROM pending_sync WHERE root = ?1 AND file_hash = ?2)
		WHERE id = counted RETURNING retry_count`,
		src.Root, hash, max, now.UnixMilli(), interval.Milliseconds(), NotSuspect, clockSetBack.Milliseconds()).
		Scan(&retries)
	if err != nil {
		return 0, fmt.Errorf("count the refusal of %s: %w", src, err)
	}
	return retries, nil
}

// Suspect notes that the record, which Put has stored, failed in a request of its own, and returns what was known of
// it before. It belongs into a transaction.
func (q Queue) Suspect(ctx context.Context, src Source, hash string) (before Suspicion, err error) {
	err = q.q.QueryRowContext(ctx, `SELECT suspect FROM pending_sync WHERE root = ? AND file_hash = ?`, src.Root, hash).
		Scan(&before)
	if err == nil {
		_, err = q.q.ExecContext(ctx, `UPDATE pending_sync SET suspect = ? WHERE root = ? AND file_hash = ?`,
			Unproven, src.Root, hash)
	}
	if err != nil {
		return NotSuspect, fmt.Errorf("note the failure of %s: %w", src, err)
	}
	return before, nil
}

// OthersServed notes that the remote has taken another record than the suspects.
func (q Queue) OthersServed(ctx context.Context) error {
	_, err := q.q.ExecContext(ctx, `UPDATE pending_sync SET suspect = ? WHERE suspect > 0 AND suspect = ?`,
		Proven, Unproven)
	if err != nil {
		return fmt.Errorf("change the queue: %w", err)
	}
	return nil
}

// Done removes every entry with that hash: the remote has it.
func (q Queue) Done(ctx context.Context, hash string) error {
	if _, err := q.q.ExecContext(ctx, `DELETE FROM pending_sync WHERE file_hash = ?2 AND (?1 = '' OR root = ?1)`, q.scope, hash); err != nil {
		return fmt.Errorf("take %s from the queue: %w", hash, err)
	}
	return nil
}

// clockSetBack is how far in the future a last attempt lies if the clock was set back since. Less than that says
// nothing: the caller took the time before it came to the database, and an attempt may have ended meanwhile.
const clockSetBack = time.Minute

// Due returns the entries behind a place that are to be tried now, as items in the order of QueuePlace: at most limit
// of them, and no more than maxBytes unless the first alone is larger. It fails with an UnreadableError if the first
// is not as it was written. An entry whose last attempt lies further in the future than clockSetBack is due.
func (q Queue) Due(ctx context.Context, after QueuePlace, limit int, maxBytes int64,
	now time.Time,
) (items []Item, err error) {
	if after.Suspicion == NotSuspect {
		items, err = q.due(ctx, `suspect = 0 AND id > ?4 ORDER BY id`, limit, maxBytes, now, after.ID)
		if err != nil || len(items) > 0 {
			return items, err
		}
		after = QueuePlace{}
	}
	return q.due(ctx, `suspect > 0 AND (last_attempt, id) > (?5, ?4) ORDER BY last_attempt, id`,
		limit, maxBytes, now, after.ID, after.Tried)
}

func (q Queue) due(ctx context.Context, which string, limit int, maxBytes int64, now time.Time,
	after ...any,
) (items []Item, err error) {
	rows, err := q.q.QueryContext(ctx, `
		SELECT id, suspect, coalesce(last_attempt, 0), retry_count > 0, root, file_path, record_json,
			created_at, mtime_ns
		FROM pending_sync
		WHERE NOT dead AND (next_attempt <= ?1 OR last_attempt > ?2) AND `+which+` LIMIT ?3`,
		append([]any{now.UnixMilli(), now.Add(clockSetBack).UnixMilli(), limit}, after...)...)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var size int64
	for rows.Next() {
		item, content, err := scanItem(rows)
		if err != nil {
			return nil, fmt.Errorf("read the queue: %w", err)
		}
		if size += int64(len(content)); size > maxBytes && len(items) > 0 {
			break
		}
		modified := item.Record.ModTime
		if err := item.Record.UnmarshalJSON(content); err != nil { // json.Unmarshal would go through the content twice more
			if len(items) > 0 {
				break // those before it first
			}
			return nil, &UnreadableError{ID: item.Place.ID, err: err}
		}
		item.Record.ModTime = modified
		items = append(items, item)
	}
	return items, rows.Err()
}

func scanItem(rows *sql.Rows) (item Item, content []byte, err error) {
	item.Lane = LaneQueue
	var created int64
	p := &item.Place
	err = rows.Scan(&p.ID, &p.Suspicion, &p.Tried, &p.Refused, &item.Source.Root, &item.Source.Path,
		&content, &created, &item.Record.ModTime)
	item.At = time.UnixMilli(created)
	return item, content, err
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
	return q.change(ctx, id, `UPDATE pending_sync SET retry_count = 0, dead = 0, next_attempt = 0,
			suspect = 0, counted_at = NULL
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
