package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// rescue reads what can be read of the queue of a file that is to be set aside.
type rescue struct {
	to      *State
	from    *sql.DB
	columns string
	batch   []entry
	bytes   int

	rescued, lost int
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
)

// rescue copies the queue of a file, entry by entry, into the queue of this one, where the same record may already be, and writes
// down what came of it. It fails only if this one cannot be written.
func (s *State) rescue(ctx context.Context, path string, a *SetAside) error {
	from, done, err := openRuin(ctx, path)
	if err != nil {
		return nil // not even its tables can be found: nothing is known of its queue
	}
	defer done()
	r := &rescue{to: s, from: from, columns: columns002}
	if _, err := from.ExecContext(ctx, `SELECT session_id FROM pending_sync LIMIT 0`); err != nil {
		r.columns = columns001 + `, 0, 0, NULL`
	}
	err = r.all(ctx)
	a.Rescued, a.Lost = r.rescued, &r.lost
	return err
}

// all goes through the ids, oldest first.
func (r *rescue) all(ctx context.Context) error {
	ids, last := r.ids(ctx)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		e, err := r.entry(ctx, id)
		switch {
		case err == nil:
			r.batch = append(r.batch, e)
			r.bytes += len(e.record)
		case ctx.Err() != nil:
			return ctx.Err()
		case id >= 1 && id <= last && (ids[id].certain() || !errors.Is(err, sql.ErrNoRows)):
			r.lost++
		}
		if len(r.batch) < rescueStep && r.bytes < rescueStepBytes {
			continue
		}
		if err := r.write(ctx); err != nil {
			return err
		}
	}
	return r.write(ctx)
}

// witnesses are those that tell of an entry: the table and its indexes, a bit for each. A single one may be garbage.
type witnesses uint8

func (w witnesses) certain() bool { return bits.OnesCount8(uint8(w)) > 1 }

// ids returns what may be the ids of entries, who says so, and which is likely to be the last. Each witness tells as much as it can,
// from both ends, and may leave out some without an error: of the ids between, each is to be tried.
func (r *rescue) ids(ctx context.Context) (ids map[int64]witnesses, last int64) {
	ids = map[int64]witnesses{}
	for _, order := range []string{"", " DESC"} {
		r.read(ctx, ids, 1, `SELECT id FROM pending_sync NOT INDEXED ORDER BY id`+order)
		r.read(ctx, ids, 2, `SELECT id FROM pending_sync INDEXED BY pending_sync_hash ORDER BY file_hash`+order)
		r.read(ctx, ids, 4, `SELECT id FROM pending_sync INDEXED BY sqlite_autoindex_pending_sync_1 ORDER BY root`+order+`, file_hash`+order)
	}
	var largest int64
	for id, by := range ids {
		if by.certain() {
			last = max(last, id)
		}
	}
	_ = r.from.QueryRowContext(ctx, `SELECT seq FROM sqlite_sequence WHERE name = 'pending_sync'`).Scan(&largest)
	if largest-last <= mostGaps {
		last = max(last, largest)
	}
	for id := max(1, last-mostGaps); id <= last; id++ {
		ids[id] |= 0
	}
	return ids, last
}

// read takes down the ids that a query gives before it fails.
func (r *rescue) read(ctx context.Context, into map[int64]witnesses, by witnesses, query string) {
	rows, err := r.from.QueryContext(ctx, query)
	if err != nil {
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if rows.Scan(&id) != nil {
			return
		}
		into[id] |= by
	}
	_ = rows.Err() // it is that of the damage
}

// entry reads one entry. It fails if the entry is not what was once written.
func (r *rescue) entry(ctx context.Context, id int64) (e entry, err error) {
	err = r.from.QueryRowContext(ctx, `SELECT `+r.columns+` FROM pending_sync NOT INDEXED WHERE id = ?`, id).Scan(
		&e.root, &e.path, &e.hash, &e.record, &e.lastError, &e.retries, &e.dead, &e.created, &e.next, &e.lastAttempt, &e.hands, &e.mod, &e.session)
	if err != nil {
		return e, err
	}
	var record store.Record
	if err := json.Unmarshal([]byte(e.record), &record); err != nil {
		return e, err
	}
	if record.FileHash != e.hash || !hashindex.IsOf(e.hash, record.RawJSON) {
		return e, errors.New("the content is not that of the hash")
	}
	return e, nil
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
