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

// rescue reads what can be read of the queue of a file that is to be set aside.
type rescue struct {
	to      *State
	from    *sql.DB
	columns string
	batch   []entry
	bytes   int

	ids     map[int64]string // with the hash of the entry, where one is known
	missing map[int64]string // of them, those that could not be read
	have    map[string]bool  // hashes of the entries that could

	rescued int
}

// entry is a row of pending_sync, but for its id.
type entry struct {
	root, path, hash, record, lastError      string
	retries, dead, created, next, hands, mod int64
	lastAttempt, session                     sql.NullInt64
}

const (
	rescueStep      = 100
	rescueStepBytes = 8 << 20
	// mostGaps bounds how many ids are tried of which nothing says that there was an entry.
	mostGaps = 1 << 16

	columns001 = `root, file_path, file_hash, record_json, last_error, retry_count, dead, created_at, next_attempt, last_attempt`
	columns002 = columns001 + `, hands, mtime_ns, session_id`

	columnCount001 = 11
)

// rescue copies the queue of a file, entry by entry, into the queue of this one, where the same record may already be, and writes
// down what came of it. It fails only if this one cannot be written.
func (s *State) rescue(ctx context.Context, path string, a *SetAside) error {
	from, done, err := openRuin(ctx, path)
	if err != nil {
		return nil // not even its tables can be found: nothing is known of its queue
	}
	defer done()
	r := &rescue{to: s, from: from, columns: columns002, missing: map[int64]string{}, have: map[string]bool{}}
	if _, err := from.ExecContext(ctx, `SELECT session_id FROM pending_sync LIMIT 0`); err != nil {
		r.columns = columns001 + `, 0, 0, NULL`
	}
	err = errors.Join(r.all(ctx), r.astray(ctx, path))
	a.Rescued, a.Lost = r.rescued, r.lost()
	return err
}

// all goes through the ids, oldest first.
func (r *rescue) all(ctx context.Context) error {
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

// astray looks for the entries to which no way leads any more, but of which an index tells.
func (r *rescue) astray(ctx context.Context, path string) error {
	if len(r.missing) == 0 {
		return ctx.Err()
	}
	var failed error
	wanted := func(id int64) bool { hash := r.missing[id]; return failed == nil && hash != "" && !r.have[hash] }
	// Should it fail, they are lost, and counted.
	_ = sqlite.Leaves(path, wanted, func(id int64, columns []any) {
		if e, ok := entryOf(columns); ok && e.hash == r.missing[id] && e.sound() == nil {
			failed = r.add(ctx, e)
		}
	})
	return errors.Join(failed, r.write(ctx))
}

// lost counts the entries that were there and are not rescued. An index may have an entry under an id that is garbage.
func (r *rescue) lost() *int {
	n := 0
	for _, hash := range r.missing {
		if hash == "" || !r.have[hash] {
			n++
		}
	}
	return &n
}

// findIDs finds what may be the ids of entries, and which is likely to be the last. The table and its indexes each tell as much as they
// can, from both ends, and may leave out some without an error: of the ids between, each is to be tried.
func (r *rescue) findIDs(ctx context.Context) (last int64) {
	r.ids = map[int64]string{}
	for _, order := range []string{"", " DESC"} {
		r.read(ctx, `SELECT id, '' FROM pending_sync NOT INDEXED ORDER BY id`+order)
		r.read(ctx, `SELECT id, file_hash FROM pending_sync INDEXED BY pending_sync_hash ORDER BY file_hash`+order)
		r.read(ctx, `SELECT id, file_hash FROM pending_sync INDEXED BY sqlite_autoindex_pending_sync_1 ORDER BY root`+order+`, file_hash`+order)
	}
	var largest int64
	for id, hash := range r.ids {
		if hash != "" {
			last = max(last, id)
		}
	}
	_ = r.from.QueryRowContext(ctx, `SELECT seq FROM sqlite_sequence WHERE name = 'pending_sync'`).Scan(&largest)
	if largest-last <= mostGaps {
		last = max(last, largest)
	}
	for id := max(1, last-mostGaps); id <= last; id++ {
		r.note(id, "")
	}
	return last
}

// read takes down the ids that a query gives before it fails.
func (r *rescue) read(ctx context.Context, query string) {
	rows, err := r.from.QueryContext(ctx, query)
	if err != nil {
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var hash string
		if rows.Scan(&id, &hash) != nil {
			return
		}
		r.note(id, hash)
	}
	_ = rows.Err() // it is that of the damage
}

// note takes down an id, and a hash only if it is none that is garbage.
func (r *rescue) note(id int64, hash string) {
	if hashindex.MayBeHash(hash) {
		r.ids[id] = hash
	} else if _, ok := r.ids[id]; !ok {
		r.ids[id] = ""
	}
}

// entry reads one entry. It fails if the entry is not what was once written.
func (r *rescue) entry(ctx context.Context, id int64) (e entry, err error) {
	err = r.from.QueryRowContext(ctx, `SELECT `+r.columns+` FROM pending_sync NOT INDEXED WHERE id = ?`, id).Scan(
		&e.root, &e.path, &e.hash, &e.record, &e.lastError, &e.retries, &e.dead, &e.created, &e.next, &e.lastAttempt, &e.hands, &e.mod, &e.session)
	if err != nil {
		return e, err
	}
	return e, e.sound()
}

// sound fails if the entry is not what was once written.
func (e *entry) sound() error {
	var record store.Record
	if err := json.Unmarshal([]byte(e.record), &record); err != nil {
		return err
	}
	if record.FileHash != e.hash || !hashindex.IsOf(e.hash, record.RawJSON) {
		return errors.New("the content is not that of the hash")
	}
	return nil
}

// entryOf makes an entry of a row of the table, which may be from before there were the last three columns. What
// later columns hold is not rescued: it only tells in which order entries are tried.
func entryOf(columns []any) (e entry, ok bool) {
	into := []any{
		nil, &e.root, &e.path, &e.hash, &e.record, &e.retries, &e.dead, &e.lastError, &e.created, &e.lastAttempt, &e.next, &e.session, &e.hands, &e.mod,
	}
	if len(columns) < columnCount001 {
		return e, false
	}
	for i, value := range columns[:min(len(columns), len(into))] {
		var is bool
		switch to := into[i].(type) {
		case *string:
			*to, is = value.(string)
		case *int64:
			*to, is = value.(int64)
		case *sql.NullInt64:
			is = to.Scan(value) == nil
		default:
			is = value == nil // the id is kept as the row's number
		}
		if !is {
			return e, false
		}
	}
	return e, true
}

// add takes an entry up.
func (r *rescue) add(ctx context.Context, e entry) error {
	r.batch, r.have[e.hash] = append(r.batch, e), true
	if r.bytes += len(e.record); len(r.batch) < rescueStep && r.bytes < rescueStepBytes {
		return nil
	}
	return r.write(ctx)
}

// write adds what was read to the queue. The ids are new ones, in the old order.
func (r *rescue) write(ctx context.Context) error {
	err := r.to.db.Update(ctx, func(tx *sql.Tx) error {
		for _, e := range r.batch {
			_, err := tx.ExecContext(ctx, `INSERT INTO pending_sync (`+columns002+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (root, file_hash) DO NOTHING`,
				e.root, e.path, e.hash, e.record, e.lastError, e.retries, e.dead, e.created, e.next, e.lastAttempt, e.hands, e.mod, e.session)
			if err != nil {
				return fmt.Errorf("write a rescued record: %w", err)
			}
		}
		return nil
	})
	if err == nil {
		r.rescued += len(r.batch)
	}
	r.batch, r.bytes = nil, 0
	return err
}
