package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/gfxsync/gfxsync/hashindex"
)

// What can be said only of index, queue and remote hashes together.

// Heal makes intents of the files whose state nothing stands behind: synced without the remote having the hash, or queued without
// a record in the queue. It returns how many there were.
func (v View) Heal(ctx context.Context) (int64, error) {
	res, err := v.q.ExecContext(ctx, `UPDATE files SET state = 'pending'
		WHERE (?1 = '' OR root = ?1) AND (
			(state = 'synced' AND NOT EXISTS (SELECT 1 FROM remote_hashes r WHERE r.scope = ?1 AND r.file_hash = files.file_hash))
			OR (state = 'queued' AND NOT EXISTS (SELECT 1 FROM pending_sync q WHERE q.file_hash = files.file_hash AND (?1 = '' OR q.root = ?1))))`,
		v.scope)
	if err != nil {
		return 0, fmt.Errorf("check the index: %w", err)
	}
	return res.RowsAffected()
}

// Renamed is a row that names a file which is gone, while another one has its content.
type Renamed struct {
	Hash string
	Now  hashindex.Key // that other one
}

// Renamed returns at most limit such rows whose hashes come after the given one. It takes the longer, the more files
// are gone.
func (v View) Renamed(ctx context.Context, after string, limit int) (list []Renamed, err error) {
	rows, err := v.q.QueryContext(ctx, `SELECT r.file_hash, f.root, f.path, min(f.order_key)
		FROM files gone
		JOIN remote_hashes r ON r.file_hash = gone.file_hash AND r.scope = ?1 AND r.root = gone.root
			AND r.order_key = gone.order_key
		JOIN files f ON f.file_hash = r.file_hash AND f.state = 'synced' AND (?1 = '' OR f.root = ?1)
		WHERE gone.state = 'gone' AND r.own AND r.file_hash > ?2
		GROUP BY r.file_hash ORDER BY r.file_hash LIMIT ?3`, v.scope, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r Renamed
		var first []byte // which has SQLite take the other columns from its row
		if err := rows.Scan(&r.Hash, &r.Now.Root, &r.Now.Path, &first); err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// RowIsOf notes which file the row of a hash names.
func (v View) RowIsOf(ctx context.Context, r Renamed) error {
	_, err := v.q.ExecContext(ctx, `UPDATE remote_hashes SET root = f.root, order_key = f.order_key FROM files f
		WHERE remote_hashes.scope = ?1 AND remote_hashes.file_hash = ?2 AND f.root = ?3 AND f.path = ?4
			AND f.file_hash = ?2`, v.scope, r.Hash, r.Now.Root, r.Now.Path)
	if err != nil {
		return fmt.Errorf("note the file of %s: %w", r.Hash, err)
	}
	return nil
}

// Superseded is a row of an older version of a file.
type Superseded struct {
	Hash  string
	Newer string // the hash of the file's present version, which the remote has acknowledged
}

// superseded selects what is uploaded by this index for a file that has a newer version on the remote, of no present file, and not
// waiting in the queue.
const superseded = ` FROM remote_hashes r JOIN files f ON f.root = r.root AND f.order_key = r.order_key
	WHERE r.scope = ?1 AND r.own AND r.session_id IS NULL AND f.state = 'synced' AND f.file_hash <> r.file_hash
	AND NOT EXISTS (SELECT 1 FROM files p WHERE p.file_hash = r.file_hash AND p.state <> 'gone' AND (?1 = '' OR p.root = ?1))
	AND NOT EXISTS (SELECT 1 FROM pending_sync q WHERE q.file_hash = r.file_hash AND (?1 = '' OR q.root = ?1))`

// Superseded returns at most limit superseded rows whose hashes come after the given one.
func (v View) Superseded(ctx context.Context, after string, limit int) (list []Superseded, err error) {
	rows, err := v.q.QueryContext(ctx, `SELECT r.file_hash, f.file_hash`+superseded+` AND r.file_hash > ?2 ORDER BY r.file_hash LIMIT ?3`,
		v.scope, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s Superseded
		if err := rows.Scan(&s.Hash, &s.Newer); err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// CountSuperseded returns how many superseded rows there are.
func (v View) CountSuperseded(ctx context.Context) (n int, err error) {
	if err := v.q.QueryRowContext(ctx, `SELECT count(*)`+superseded, v.scope).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the index: %w", err)
	}
	return n, nil
}
