package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// recovery reads what can be read of the queue of a file that goes into quarantine.
type recovery struct {
	to      *State
	from    *sql.DB
	columns string // of pending_sync in from
	batch   []entry
	bytes   int

	ids     map[int64]string // IDs of entries, each with the hash of its content if an index has it
	missing map[int64]string // those of ids whose entries could not be read
	have    map[string]bool  // hashes of the entries that were read

	recovered int
}

// entry is a row of pending_sync without its ID.
type entry struct {
	root, path, hash, record, lastError      string
	retries, dead, created, next, hands, mod int64
	lastAttempt, session                     sql.NullInt64
}

const (
	// A batch is written when it has this many entries or bytes.
	recoverBatch      = 100
	recoverBatchBytes = 8 << 20
	// maxGap bounds how many IDs are tried for which there is no sign of an entry.
	maxGap = 1 << 16

	columns001 = `root, file_path, file_hash, record_json, last_error, retry_count, dead, created_at, next_attempt,
		last_attempt`
	columns002 = columns001 + `, hands, mtime_ns, session_id`

	columnCount001 = 11
)

// recover copies the queue of the file at path into the queue of s, entry by entry. Records that are already there are
// skipped. It writes the result into a. It fails only if s cannot be written.
func (s *State) recover(ctx context.Context, path string, a *Quarantined) error {
	from, done, err := openCorrupt(ctx, path)
	if err != nil {
		return nil // SQLite cannot find the tables, so nothing is known of the queue
	}
	defer done()
	r := &recovery{to: s, from: from, columns: columns002, missing: map[int64]string{}, have: map[string]bool{}}
	if _, err := from.ExecContext(ctx, `SELECT session_id FROM pending_sync LIMIT 0`); err != nil {
		r.columns = columns001 + `, 0, 0, NULL`
	}
	err = errors.Join(r.readEntries(ctx), r.readLeaves(ctx, path))
	a.Rescued, a.Lost = r.recovered, r.lost()
	return err
}

// readEntries reads the entries by their IDs, the oldest first.
func (r *recovery) readEntries(ctx context.Context) error {
	last := r.findIDs(ctx)
	for _, id := range slices.Sorted(maps.Keys(r.ids)) {
		e, err := r.entry(ctx, id)
		switch {
		case err == nil:
			if err := r.add(ctx, e); err != nil {
				return err
			}
		case ctx.Err() != nil:
			return ctx.Err()
		case id >= 1 && id <= last && (r.ids[id] != "" || !errors.Is(err, sql.ErrNoRows)):
			r.missing[id] = r.ids[id]
		}
	}
	return r.write(ctx)
}

// readLeaves looks for the missing entries in all pages of the file. It can only recognise entries whose hash an index
// has.
func (r *recovery) readLeaves(ctx context.Context, path string) error {
	if len(r.missing) == 0 {
		return ctx.Err()
	}
	var failed error
	wanted := func(id int64) bool { hash := r.missing[id]; return failed == nil && hash != "" && !r.have[hash] }
	// If RecoverRows fails, the entries stay missing and count as lost.
	_ = sqlite.RecoverRows(path, wanted, func(id int64, columns []any) {
		if e, ok := entryOf(columns); ok && e.hash == r.missing[id] && e.check() == nil {
			failed = r.add(ctx, e)
		}
	})
	return errors.Join(failed, r.write(ctx))
}

// lost counts the entries that were not recovered. A missing ID may be garbage in an index: if the entry of its hash
// was read under another ID, nothing is lost.
func (r *recovery) lost() *int {
	n := 0
	for _, hash := range r.missing {
		if hash == "" || !r.have[hash] {
			n++
		}
	}
	return &n
}

// findIDs collects the IDs that entries may have, and returns the probable last one. The table and both of its indexes
// are read from both ends until an error. Corrupt pages may also hide IDs without an error, so all IDs up to the last
// one are tried.
func (r *recovery) findIDs(ctx context.Context) (last int64) {
	r.ids = map[int64]string{}
	for _, order := range []string{"", " DESC"} {
		r.readIDs(ctx, `SELECT id, '' FROM pending_sync NOT INDEXED ORDER BY id`+order)
		r.readIDs(ctx, `SELECT id, file_hash FROM pending_sync INDEXED BY pending_sync_hash ORDER BY file_hash`+order)
		r.readIDs(ctx, `SELECT id, file_hash FROM pending_sync INDEXED BY sqlite_autoindex_pending_sync_1
			ORDER BY root`+order+`, file_hash`+order)
	}
	var largest int64
	for id, hash := range r.ids {
		if hash != "" {
			last = max(last, id)
		}
	}
	_ = r.from.QueryRowContext(ctx, `SELECT seq FROM sqlite_sequence WHERE name = 'pending_sync'`).Scan(&largest)
	if largest-last <= maxGap {
		last = max(last, largest)
	}
	for id := max(1, last-maxGap); id <= last; id++ {
		r.addID(id, "")
	}
	return last
}

// readIDs collects the IDs that a query returns before it fails.
func (r *recovery) readIDs(ctx context.Context, query string) {
	for row, err := range sqlite.Rows(ctx, r.from, query) {
		var id int64
		var hash string
		if err != nil || row.Scan(&id, &hash) != nil {
			return
		}
		r.addID(id, hash)
	}
}

// addID adds an ID. It keeps the hash only if it has the form of one.
func (r *recovery) addID(id int64, hash string) {
	if hashindex.LooksLikeHash(hash) {
		r.ids[id] = hash
	} else if _, ok := r.ids[id]; !ok {
		r.ids[id] = ""
	}
}

// entry reads one entry. It fails if the entry is corrupt.
func (r *recovery) entry(ctx context.Context, id int64) (e entry, err error) {
	err = r.from.QueryRowContext(ctx, `SELECT `+r.columns+` FROM pending_sync NOT INDEXED WHERE id = ?`, id).Scan(
		&e.root, &e.path, &e.hash, &e.record, &e.lastError, &e.retries, &e.dead, &e.created, &e.next, &e.lastAttempt,
		&e.hands, &e.mod, &e.session)
	if err != nil {
		return e, err
	}
	return e, e.check()
}

// check fails if the content of the entry does not have the entry's hash.
func (e *entry) check() error {
	var record store.Record
	if err := json.Unmarshal([]byte(e.record), &record); err != nil {
		return err
	}
	if record.FileHash != e.hash || !hashindex.HashMatches(e.hash, record.RawJSON) {
		return errors.New("the content is not that of the hash")
	}
	return nil
}

// entryOf makes an entry from the columns of a row. An old file lacks the last three columns. Columns that were added
// later are ignored: they only affect the order in which entries are tried.
func entryOf(columns []any) (e entry, ok bool) {
	into := []any{
		nil, &e.root, &e.path, &e.hash, &e.record, &e.retries, &e.dead, &e.lastError, &e.created, &e.lastAttempt,
		&e.next, &e.session, &e.hands, &e.mod,
	}
	if len(columns) < columnCount001 {
		return e, false
	}
	for i, value := range columns[:min(len(columns), len(into))] {
		var fits bool
		switch to := into[i].(type) {
		case *string:
			*to, fits = value.(string)
		case *int64:
			*to, fits = value.(int64)
		case *sql.NullInt64:
			fits = to.Scan(value) == nil
		default:
			fits = value == nil // SQLite stores NULL for the ID, which is the rowid
		}
		if !fits {
			return e, false
		}
	}
	return e, true
}

// add adds an entry to the batch, and writes the batch if it is full.
func (r *recovery) add(ctx context.Context, e entry) error {
	r.batch, r.have[e.hash] = append(r.batch, e), true
	if r.bytes += len(e.record); len(r.batch) < recoverBatch && r.bytes < recoverBatchBytes {
		return nil
	}
	return r.write(ctx)
}

// write adds the batch to the queue. The entries get new IDs in the old order.
func (r *recovery) write(ctx context.Context) error {
	err := r.to.db.Update(ctx, func(tx *sql.Tx) error {
		for _, e := range r.batch {
			_, err := tx.ExecContext(ctx, `INSERT INTO pending_sync (`+columns002+`)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (root, file_hash) DO NOTHING`,
				e.root, e.path, e.hash, e.record, e.lastError, e.retries, e.dead, e.created, e.next, e.lastAttempt,
				e.hands, e.mod, e.session)
			if err != nil {
				return fmt.Errorf("write a rescued record: %w", err)
			}
		}
		return nil
	})
	if err == nil {
		r.recovered += len(r.batch)
	}
	r.batch, r.bytes = nil, 0
	return err
}
