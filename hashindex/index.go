package hashindex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// State is the state of a file's present content (design, "State of a file in the index").
type State string

const (
	Pending State = "pending" // an intent: the content is to be uploaded
	Queued  State = "queued"  // its record is in pending_sync
	Synced  State = "synced"  // the remote has acknowledged its hash
	Dead    State = "dead"    // the remote has refused it too often
	Invalid State = "invalid" // it cannot be made into a record; Entry.Error says why
	Gone    State = "gone"    // the file was here and is not here any more

	// Superseded is the state of a file whose session has one row, and the row belongs to a better version.
	Superseded State = "superseded"
)

// Stamp is what a directory listing says of a file.
type Stamp struct {
	Size    int64
	ModTime int64 // nanoseconds since 1970
}

// Entry is what the index knows of a file.
type Entry struct {
	fileid.ID
	Stamp
	Hash    string // of the bytes at that stamp; empty if the file could not be read
	Session *int64 // the session in the file; nil if the file does not say
	Hands   int    // the number of hands in the file
	State   State
	Error   string
	// StampSeen is when this Stamp was first seen, by the local clock.
	StampSeen time.Time
	// Racy says that the file may have changed after it was hashed without a change of its Stamp. It is to be hashed
	// again.
	Racy     bool
	SeenAt   time.Time
	SyncedAt time.Time // zero: never
}

// ScanEntry is the part of an Entry that a scan needs. A scan reads it for every file that is present.
type ScanEntry struct {
	fileid.ID
	Stamp
	Hash   string
	State  State
	Racy   bool
	SeenAt time.Time
}

// Index is the table of files, and of the hashes that the remote is known to have.
type Index struct {
	q     sqlite.Querier
	scope string
}

// New returns the index in q, a database or a transaction.
func New(q sqlite.Querier) Index { return Index{q: q} }

// In returns the index limited to one scope. The scope is the label of a root: hashes are then those of its files and
// of its rows on the remote. The empty scope stands for all roots and rows.
func (x Index) In(scope string) Index { return Index{q: x.q, scope: scope} }

// inScope is a condition for the files of the scope. The scope must be the first argument of the statement.
const inScope = ` AND (?1 = '' OR root = ?1)`

const entryColumns = `root, path, size, mtime_ns, file_hash, session_id, hands, state, error, stamp_seen_ms, racy,
	seen_ms, synced_ms`

func scanEntry(row sqlite.Row) (e Entry, err error) {
	var stampSeen, seen int64
	var synced sql.NullInt64
	err = row.Scan(&e.Root, &e.Path, &e.Size, &e.ModTime, &e.Hash, &e.Session, &e.Hands, &e.State, &e.Error,
		&stampSeen, &e.Racy, &seen, &synced)
	if err != nil {
		return Entry{}, err
	}
	e.StampSeen, e.SeenAt = time.UnixMilli(stampSeen), time.UnixMilli(seen)
	if synced.Valid {
		e.SyncedAt = time.UnixMilli(synced.Int64)
	}
	return e, nil
}

// Get returns the entry of a file, and whether there is one.
func (x Index) Get(ctx context.Context, k fileid.ID) (Entry, bool, error) {
	e, err := scanEntry(x.q.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM files WHERE root = ? AND order_key = ?`,
		k.Root, orderKey(k.Path)))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Entry{}, false, nil
	case err != nil:
		return Entry{}, false, fmt.Errorf("look up %s in the index: %w", k.Path, err)
	}
	return e, true, nil
}

// Put writes an entry. It replaces the entry of the same file.
func (x Index) Put(ctx context.Context, e *Entry) error {
	var synced any
	if !e.SyncedAt.IsZero() {
		synced = e.SyncedAt.UnixMilli()
	}
	_, err := x.q.ExecContext(ctx, `INSERT OR REPLACE INTO files (order_key, `+entryColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, orderKey(e.Path), e.Root, e.Path, e.Size, e.ModTime, e.Hash,
		e.Session, e.Hands, e.State, e.Error, e.StampSeen.UnixMilli(), e.Racy, e.SeenAt.UnixMilli(), synced)
	if err != nil {
		return fmt.Errorf("write %s to the index: %w", e.Path, err)
	}
	return nil
}

// Acknowledge records that the remote has acknowledged the hash that was uploaded for this file. All files with this
// hash that are pending, queued or dead become synced.
func (x Index) Acknowledge(ctx context.Context, k fileid.ID, hash string, now time.Time) error {
	_, err := x.q.ExecContext(ctx, `INSERT INTO remote_hashes (scope, file_hash, own, root, order_key)
		VALUES (?, ?, 1, ?, ?)
		ON CONFLICT (scope, file_hash) DO UPDATE SET own = 1, root = excluded.root, order_key = excluded.order_key`,
		x.scope, hash, k.Root, orderKey(k.Path))
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", hash, err)
	}
	return x.setSynced(ctx, hash, now)
}

func (x Index) setSynced(ctx context.Context, hash string, now time.Time) error {
	_, err := x.q.ExecContext(ctx, `UPDATE files SET state = 'synced', error = '', synced_ms = ?3
		WHERE file_hash = ?2 AND state IN ('pending', 'queued', 'dead')`+inScope, x.scope, hash, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("mark %s as synced: %w", hash, err)
	}
	return nil
}

// Acknowledged reports whether the remote is known to have this hash.
func (x Index) Acknowledged(ctx context.Context, hash string) (known bool, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM remote_hashes WHERE scope = ? AND file_hash = ?)`,
		x.scope, hash).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("look up hash %s in the index: %w", hash, err)
	}
	return known, nil
}

// Move gives a new state to every file with that hash whose state is one of from. The reason becomes Entry.Error; it
// may be empty.
func (x Index) Move(ctx context.Context, hash string, from []State, to State, reason string) error {
	in, states := sqlite.In(from)
	_, err := x.q.ExecContext(ctx, `UPDATE files SET state = ?2, error = ?3 WHERE file_hash = ?4`+inScope+
		` AND state IN `+in, append([]any{x.scope, to, reason, hash}, states...)...)
	if err != nil {
		return fmt.Errorf("move hash %s to %s: %w", hash, to, err)
	}
	return nil
}

// Counts returns how many files are in each state.
func (x Index) Counts(ctx context.Context) (map[State]int, error) {
	counts := map[State]int{}
	for row, err := range sqlite.Rows(ctx, x.q, `SELECT state, count(*) FROM files GROUP BY state`) {
		var s State
		var n int
		if err == nil {
			err = row.Scan(&s, &n)
		}
		if err != nil {
			return nil, fmt.Errorf("count the index: %w", err)
		}
		counts[s] = n
	}
	return counts, nil
}

// Unreadable returns how many present files could not be read. Their entries are invalid and have no hash.
func (x Index) CountUnreadable(ctx context.Context) (int, error) {
	return x.count(ctx, `SELECT count(*) FROM files WHERE state = 'invalid' AND file_hash = ''`)
}

// present returns how many files of a root are not gone, as far as the index knows.
func (x Index) present(ctx context.Context, root string) (int, error) {
	return x.count(ctx, `SELECT count(*) FROM files WHERE root = ? AND state <> 'gone'`, root)
}

func (x Index) count(ctx context.Context, query string, args ...any) (n int, err error) {
	if err := x.q.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the index: %w", err)
	}
	return n, nil
}

// List returns at most limit files in a state, in the order of the index, beginning after the key. The zero Key begins
// at the first file.
func (x Index) List(ctx context.Context, s State, after fileid.ID, limit int) ([]Entry, error) {
	return list(ctx, x, scanEntry, `SELECT `+entryColumns+` FROM files WHERE state = ? AND (root, order_key) > (?, ?)
		ORDER BY root, order_key LIMIT ?`, s, after.Root, orderKey(after.Path), limit)
}

// Present returns at most limit files of the key's root that are not gone, in the order of a walk, beginning after the
// key. A Key without a path begins at the first file.
func (x Index) Present(ctx context.Context, after fileid.ID, limit int) ([]ScanEntry, error) {
	scan := func(row sqlite.Row) (ScanEntry, error) {
		k := ScanEntry{ID: fileid.ID{Root: after.Root}}
		var seen int64
		// The index may hold a million files. A pointer to a string is scanned without reflection.
		err := row.Scan(&k.Path, &k.Size, &k.ModTime, &k.Hash, (*string)(&k.State), &k.Racy, &seen)
		k.SeenAt = time.UnixMilli(seen)
		return k, err
	}
	return list(ctx, x, scan, `SELECT path, size, mtime_ns, file_hash, state, racy, seen_ms FROM files
		WHERE root = ? AND order_key > ? AND state <> 'gone' ORDER BY order_key LIMIT ?`,
		after.Root, orderKey(after.Path), limit)
}

// ForgetGone removes the entries of files that were last seen before a moment and are gone. It returns their number.
func (x Index) ForgetGone(ctx context.Context, before time.Time) (int64, error) {
	res, err := x.q.ExecContext(ctx, `DELETE FROM files WHERE state = 'gone' AND seen_ms < ?`, before.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("forget files that are gone: %w", err)
	}
	return res.RowsAffected()
}

// list reads the rows of a query.
func list[T any](ctx context.Context, x Index, scan func(sqlite.Row) (T, error), query string, args ...any) (
	[]T, error,
) {
	l, err := sqlite.Select(ctx, x.q, scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	return l, nil
}

// first returns the first entry of a query, and whether there is one.
func (x Index) first(ctx context.Context, query string, args ...any) (Entry, bool, error) {
	entries, err := list(ctx, x, scanEntry, query, args...)
	if err != nil || len(entries) == 0 {
		return Entry{}, false, err
	}
	return entries[0], true, nil
}
