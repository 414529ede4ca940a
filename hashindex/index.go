package hashindex

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Key identifies a file: the label of its root and its path below that root, '/'-separated, in the file system's own bytes.
type Key struct {
	Root string
	Path string
}

// State is what became of a file's present content (design, "State of a file in the index").
type State string

const (
	Pending State = "pending" // an intent: it is to be uploaded
	Queued  State = "queued"  // its record is in pending_sync
	Synced  State = "synced"  // the remote has acknowledged its hash
	Dead    State = "dead"    // the remote has refused it too often
	Invalid State = "invalid" // it cannot be made into a record; Entry.Error says why
	Gone    State = "gone"    // it was here and is not any more

	// Superseded is a file whose session's one row belongs to a better version of that session.
	Superseded State = "superseded"
)

// Stamp is what a directory listing tells of a file.
type Stamp struct {
	Size    int64
	ModTime int64 // nanoseconds since 1970
}

// Entry is what the index knows of a file.
type Entry struct {
	Key
	Stamp
	Hash    string // of the bytes at that size and time; empty for a file that could not be read
	Session *int64 // which session it is of; nil: it does not tell
	Hands   int    // how far that session has come in it
	State   State
	Error   string
	// StampSeen is when this Stamp was first seen, by the local clock. While Racy, a further change of the file may have left no
	// trace in it: the file is to be hashed again.
	StampSeen time.Time
	Racy      bool
	SeenAt    time.Time
	SyncedAt  time.Time // zero: never
}

// Known is what a walk needs to know of an entry, which is read for every file that is there.
type Known struct {
	Key
	Stamp
	Hash   string
	State  State
	Racy   bool
	SeenAt time.Time
}

// Index is the table of files, and of the hashes that the remote has acknowledged.
type Index struct {
	q     Querier
	scope string
}

// Querier is what *sql.DB and *sql.Tx have in common.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// New returns the index seen through q: a database, or a transaction to take part in.
func New(q Querier) Index { return Index{q: q} }

// In returns the index for which hashes are those of one root, and the remote's those of that root's rows; with the empty scope, of
// all roots and rows.
func (x Index) In(scope string) Index { return Index{q: x.q, scope: scope} }

// inScope, with the scope as the first argument of a statement, picks the files of the scope.
const inScope = ` AND (?1 = '' OR root = ?1)`

const entryColumns = `root, path, size, mtime_ns, file_hash, session_id, hands, state, error, stamp_seen_ms, racy, seen_ms, synced_ms`

func scanEntry(row interface{ Scan(...any) error }) (Entry, error) {
	var e Entry
	var stampSeen, seen int64
	var synced sql.NullInt64
	err := row.Scan(&e.Root, &e.Path, &e.Size, &e.ModTime, &e.Hash, &e.Session, &e.Hands, &e.State, &e.Error, &stampSeen, &e.Racy, &seen, &synced)
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
func (x Index) Get(ctx context.Context, k Key) (Entry, bool, error) {
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

// Put writes the entry, whatever the index knew of the file before.
func (x Index) Put(ctx context.Context, e *Entry) error {
	var synced any
	if !e.SyncedAt.IsZero() {
		synced = e.SyncedAt.UnixMilli()
	}
	_, err := x.q.ExecContext(ctx, `INSERT OR REPLACE INTO files (order_key, `+entryColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, orderKey(e.Path), e.Root, e.Path, e.Size, e.ModTime, e.Hash, e.Session, e.Hands, e.State, e.Error,
		e.StampSeen.UnixMilli(), e.Racy, e.SeenAt.UnixMilli(), synced)
	if err != nil {
		return fmt.Errorf("write %s to the index: %w", e.Path, err)
	}
	return nil
}

// Acknowledge writes down that the remote has the hash that was uploaded for this file: every file that has it and waited for that
// is synced.
func (x Index) Acknowledge(ctx context.Context, k Key, hash string, now time.Time) error {
	_, err := x.q.ExecContext(ctx, `INSERT INTO remote_hashes (scope, file_hash, own, root, order_key) VALUES (?, ?, 1, ?, ?)
		ON CONFLICT (scope, file_hash) DO UPDATE SET own = 1, root = excluded.root, order_key = excluded.order_key`,
		x.scope, hash, k.Root, orderKey(k.Path))
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", hash, err)
	}
	return x.synced(ctx, hash, now)
}

func (x Index) synced(ctx context.Context, hash string, now time.Time) error {
	_, err := x.q.ExecContext(ctx, `UPDATE files SET state = 'synced', error = '', synced_ms = ?3
		WHERE file_hash = ?2 AND state IN ('pending', 'queued', 'dead')`+inScope, x.scope, hash, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("mark %s as synced: %w", hash, err)
	}
	return nil
}

// Acknowledged says whether the remote is known to have this hash.
func (x Index) Acknowledged(ctx context.Context, hash string) (bool, error) {
	var known bool
	err := x.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM remote_hashes WHERE scope = ? AND file_hash = ?)`, x.scope, hash).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("look up hash %s in the index: %w", hash, err)
	}
	return known, nil
}

// Move takes every file with that hash from one of some states to another, with the reason, if there is one.
func (x Index) Move(ctx context.Context, hash string, from []State, to State, reason string) error {
	args := []any{x.scope, to, reason, hash}
	for _, s := range from {
		args = append(args, s)
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(from)), ", ")
	_, err := x.q.ExecContext(ctx, `UPDATE files SET state = ?2, error = ?3 WHERE file_hash = ?4`+inScope+` AND state IN (`+marks+`)`, args...)
	if err != nil {
		return fmt.Errorf("move hash %s to %s: %w", hash, to, err)
	}
	return nil
}

// Counts returns how many files are in each state.
func (x Index) Counts(ctx context.Context) (counts map[State]int, err error) {
	rows, err := x.q.QueryContext(ctx, `SELECT state, count(*) FROM files GROUP BY state`)
	if err != nil {
		return nil, fmt.Errorf("count the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	counts = map[State]int{}
	for rows.Next() {
		var s State
		var n int
		if err := rows.Scan(&s, &n); err != nil {
			return nil, fmt.Errorf("count the index: %w", err)
		}
		counts[s] = n
	}
	return counts, rows.Err()
}

// Unreadable returns how many files are there whose content could not be had: their entries are invalid, without a
// hash.
func (x Index) Unreadable(ctx context.Context) (n int, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT count(*) FROM files WHERE state = 'invalid' AND file_hash = ''`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the index: %w", err)
	}
	return n, nil
}

// present returns how many files of a root the index believes to be there.
func (x Index) present(ctx context.Context, root string) (n int, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT count(*) FROM files WHERE root = ? AND state <> 'gone'`, root).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the index: %w", err)
	}
	return n, nil
}

// List returns at most limit files in a state that come after the key, in the index's order. The zero Key begins at the first.
func (x Index) List(ctx context.Context, s State, after Key, limit int) ([]Entry, error) {
	return x.page(ctx, `SELECT `+entryColumns+` FROM files WHERE state = ? AND (root, order_key) > (?, ?)
		ORDER BY root, order_key LIMIT ?`, s, after.Root, orderKey(after.Path), limit)
}

// Present returns at most limit files of the key's root that come after it and are not gone, in the order of a walk. A
// key without a path begins at the first.
func (x Index) Present(ctx context.Context, after Key, limit int) (page []Known, err error) {
	rows, err := x.q.QueryContext(ctx, `SELECT path, size, mtime_ns, file_hash, state, racy, seen_ms FROM files
		WHERE root = ? AND order_key > ? AND state <> 'gone' ORDER BY order_key LIMIT ?`,
		after.Root, orderKey(after.Path), limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		k := Known{Key: Key{Root: after.Root}}
		var seen int64
		if err := rows.Scan(&k.Path, &k.Size, &k.ModTime, &k.Hash, (*string)(&k.State), &k.Racy, &seen); err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		k.SeenAt = time.UnixMilli(seen)
		page = append(page, k)
	}
	return page, rows.Err()
}

// ForgetGone removes the entries of files that are gone since before a moment, and returns how many these were.
func (x Index) ForgetGone(ctx context.Context, before time.Time) (int64, error) {
	res, err := x.q.ExecContext(ctx, `DELETE FROM files WHERE state = 'gone' AND seen_ms < ?`, before.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("forget files that are gone: %w", err)
	}
	return res.RowsAffected()
}

func (x Index) page(ctx context.Context, query string, args ...any) (page []Entry, err error) {
	rows, err := x.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		page = append(page, e)
	}
	return page, rows.Err()
}

// orderKey makes the index's order that of a directory walk, in which "a/x" comes before "a-b": the separator sorts first.
func orderKey(path string) []byte { return []byte(strings.ReplaceAll(path, "/", "\x00")) }

// compareInWalk compares two paths by their order keys.
func compareInWalk(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		switch {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		default:
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}
