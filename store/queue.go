package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Queue is the table pending_sync. It holds the records that wait for the remote, with their content, so that they
// arrive even if their files are gone. A record leaves the queue when the remote has acknowledged its hash, or when the
// operator drops it.
type Queue struct {
	q      sqlite.Querier
	scope  string
	noSync bool // a power cut may undo the transaction
}

// NewQueue returns the queue in q, a database or a transaction.
func NewQueue(q sqlite.Querier) Queue { return Queue{q: q} }

// In returns the queue limited to one scope, the label of a root: Done then removes records of that root only. The
// empty scope stands for all roots.
func (q Queue) In(scope string) Queue {
	q.scope = scope
	return q
}

// WithoutSync returns the queue for a transaction that a power cut may undo. Done works in it: if it is undone, records
// are sent once more. Calls that add or change records fail, because a record may be all that is left of a file.
func (q Queue) WithoutSync() Queue {
	q.noSync = true
	return q
}

// errNoSync is a programming error.
var errNoSync = errors.New("a record is to be queued in a transaction that a power cut may undo")

// mustSync fails in a transaction that a power cut may undo.
func (q Queue) mustSync() error {
	if q.noSync {
		return errNoSync
	}
	return nil
}

// Put adds a record to the queue, if it is not there yet. The retries of a record that is there stay as they are. But
// if it is dead, it becomes due again, because a file has this content now. The cause is why the record waits; it is
// nil if it was not tried.
func (q Queue) Put(ctx context.Context, src fileid.ID, r *Record, cause error, now time.Time) error {
	if err := q.mustSync(); err != nil {
		return err
	}
	_, err := q.q.ExecContext(ctx, `
		INSERT INTO pending_sync (root, file_path, file_hash, record_json, last_error, created_at, last_attempt,
			session_id, hands, mtime_ns)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (root, file_hash) DO UPDATE SET dead = 0,
			next_attempt = CASE WHEN dead THEN 0 ELSE next_attempt END,
			last_error = CASE WHEN excluded.last_attempt IS NULL THEN last_error ELSE excluded.last_error END,
			last_attempt = coalesce(excluded.last_attempt, last_attempt)
		WHERE excluded.last_attempt IS NOT NULL OR dead`,
		src.Root, src.Path, r.FileHash, string(r.AppendJSON(nil, nil)), message(cause), now.UnixMilli(),
		attempt(cause, now), r.SessionID, r.HandCount, r.ModTime)
	if err != nil {
		return fmt.Errorf("queue %s: %w", src.Path, err)
	}
	return nil
}

// PutBack records why an entry still waits that was tried. It reports whether the entry is still in the queue. If the
// operator has dropped the entry or its content has arrived meanwhile, it is not.
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

// Refuse counts a refusal of a record that Put has stored, and returns the count. At most one refusal counts in an
// interval, however many attempts there are. The record is due again after the interval. With max refusals it is dead,
// and is not tried again by itself.
func (q Queue) Refuse(ctx context.Context, src fileid.ID, hash string, max int, now time.Time,
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

// MarkSuspect records that a record that Put has stored failed in a request of its own. It returns the suspicion from
// before. Call it in a transaction.
func (q Queue) MarkSuspect(ctx context.Context, src fileid.ID, hash string) (before Suspicion, err error) {
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

// MarkSuspectsProven records that the remote has taken another record than the suspects.
func (q Queue) MarkSuspectsProven(ctx context.Context) error {
	_, err := q.q.ExecContext(ctx, `UPDATE pending_sync SET suspect = ? WHERE suspect > 0 AND suspect = ?`,
		Proven, Unproven)
	if err != nil {
		return fmt.Errorf("change the queue: %w", err)
	}
	return nil
}

// MarkDead makes an entry a dead letter because it can never be delivered. It returns the hash of the entry.
func (q Queue) MarkDead(ctx context.Context, id int64, reason error) (hash string, err error) {
	if err := q.mustSync(); err != nil {
		return "", err
	}
	err = q.q.QueryRowContext(ctx,
		`UPDATE pending_sync SET dead = 1, last_error = ? WHERE id = ? RETURNING file_hash`, message(reason), id).
		Scan(&hash)
	if err != nil {
		return "", fmt.Errorf("make entry %d of the queue dead: %w", id, err)
	}
	return hash, nil
}

// Done removes all entries with a hash that the remote has acknowledged.
func (q Queue) Done(ctx context.Context, hash string) error {
	_, err := q.q.ExecContext(ctx, `DELETE FROM pending_sync WHERE file_hash = ?2 AND (?1 = '' OR root = ?1)`,
		q.scope, hash)
	if err != nil {
		return fmt.Errorf("take %s from the queue: %w", hash, err)
	}
	return nil
}

func message(cause error) string {
	if cause == nil {
		return ""
	}
	return cause.Error()
}

// attempt returns the column last_attempt. It is NULL for a record that was not tried because the circuit is open.
func attempt(cause error, now time.Time) any {
	if cause == nil {
		return nil
	}
	return now.UnixMilli()
}
