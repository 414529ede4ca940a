package state

import (
	"context"
	"fmt"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Renamed is a row of the remote that names a file that is gone. Another file has its content.
type Renamed struct {
	Hash string
	Now  fileid.ID // the file that has the content now
}

// Renamed returns at most limit such rows, in the order of their hashes, beginning after the given hash. The more files
// are gone, the longer it takes.
func (v View) Renamed(ctx context.Context, after string, limit int) ([]Renamed, error) {
	scan := func(row sqlite.Row) (r Renamed, err error) {
		// With min(), SQLite takes the other columns from the row that has the minimum.
		var orderKey []byte
		err = row.Scan(&r.Hash, &r.Now.Root, &r.Now.Path, &orderKey)
		return r, err
	}
	list, err := sqlite.Select(ctx, v.q, scan, `SELECT r.file_hash, f.root, f.path, min(f.order_key)
		FROM files gone
		JOIN remote_hashes r ON r.file_hash = gone.file_hash AND r.scope = ?1 AND r.root = gone.root
			AND r.order_key = gone.order_key
		JOIN files f ON f.file_hash = r.file_hash AND f.state = 'synced' AND (?1 = '' OR f.root = ?1)
		WHERE gone.state = 'gone' AND r.own AND r.file_hash > ?2
		GROUP BY r.file_hash ORDER BY r.file_hash LIMIT ?3`, v.scope, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	return list, nil
}

// SetRowFile records that the row of r.Hash names the file r.Now.
func (v View) SetRowFile(ctx context.Context, r Renamed) error {
	_, err := v.q.ExecContext(ctx, `UPDATE remote_hashes SET root = f.root, order_key = f.order_key FROM files f
		WHERE remote_hashes.scope = ?1 AND remote_hashes.file_hash = ?2 AND f.root = ?3 AND f.path = ?4
			AND f.file_hash = ?2`, v.scope, r.Hash, r.Now.Root, r.Now.Path)
	if err != nil {
		return fmt.Errorf("note the file of %s: %w", r.Hash, err)
	}
	return nil
}
