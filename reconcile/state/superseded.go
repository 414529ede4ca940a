package state

import (
	"context"
	"fmt"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Superseded is a row of the remote with an older version of a file.
type Superseded struct {
	Hash  string
	Newer string // the hash of the file's present version, which the remote has acknowledged
}

// superseded selects rows that this index has uploaded, if the remote has acknowledged a newer version of the file. It
// leaves out rows whose content is still in a file or in the queue.
const superseded = ` FROM remote_hashes r JOIN files f ON f.root = r.root AND f.order_key = r.order_key
	WHERE r.scope = ?1 AND r.own AND r.session_id IS NULL AND f.state = 'synced' AND f.file_hash <> r.file_hash
	AND NOT EXISTS (
		SELECT 1 FROM files p WHERE p.file_hash = r.file_hash AND p.state <> 'gone' AND (?1 = '' OR p.root = ?1))
	AND NOT EXISTS (SELECT 1 FROM pending_sync q WHERE q.file_hash = r.file_hash AND (?1 = '' OR q.root = ?1))`

// Superseded returns at most limit superseded rows, in the order of their hashes, beginning after the given hash.
func (v View) Superseded(ctx context.Context, after string, limit int) ([]Superseded, error) {
	scan := func(row sqlite.Row) (s Superseded, err error) {
		err = row.Scan(&s.Hash, &s.Newer)
		return s, err
	}
	list, err := sqlite.Select(ctx, v.q, scan, `SELECT r.file_hash, f.file_hash`+superseded+
		` AND r.file_hash > ?2 ORDER BY r.file_hash LIMIT ?3`, v.scope, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	return list, nil
}

// CountSuperseded returns the number of superseded rows.
func (v View) CountSuperseded(ctx context.Context) (n int, err error) {
	if err := v.q.QueryRowContext(ctx, `SELECT count(*)`+superseded, v.scope).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the index: %w", err)
	}
	return n, nil
}
