package hashindex

import (
	"context"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// The table remote_hashes holds the hashes that the remote is known to have. The reconciler compares it with the
// remote and corrects it.

// RemoteDigest returns the digest of the hashes that the remote is known to have.
func (x Index) RemoteDigest(ctx context.Context) (d Digest, err error) {
	var hash string
	for row, err := range sqlite.Rows(ctx, x.q, `SELECT file_hash FROM remote_hashes WHERE scope = ?`, x.scope) {
		if err == nil {
			err = row.Scan(&hash)
		}
		if err != nil {
			return d, fmt.Errorf("sum up the index: %w", err)
		}
		d.Add(hash)
	}
	return d, nil
}

// RemoteMark returns a mark. Rows of remote_hashes that were written before it have at most this number, and rows that
// are written later have a higher one.
func (x Index) RemoteMark(ctx context.Context) (mark int64, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM remote_hashes`).Scan(&mark)
	if err != nil {
		return 0, fmt.Errorf("read the index: %w", err)
	}
	return mark, nil
}

// RemoteRange returns at most limit hashes h with after < h <= last, in ascending order. It leaves out hashes that were
// written after the mark (RemoteMark).
func (x Index) RemoteRange(ctx context.Context, after, last string, mark int64, limit int) ([]string, error) {
	// The SQL index of the hashes holds these columns. Any other column would cost one more page read for each row.
	return list(ctx, x, sqlite.Column[string], `SELECT file_hash FROM remote_hashes
		WHERE scope = ? AND file_hash > ? AND file_hash <= ? AND seq <= ? ORDER BY file_hash LIMIT ?`,
		x.scope, after, last, mark, limit)
}

// RemoteFound records that a diff found this hash on the remote. All files with this hash that are pending, queued or
// dead become synced.
func (x Index) RemoteFound(ctx context.Context, hash string, now time.Time) error {
	_, err := x.q.ExecContext(ctx, `INSERT OR IGNORE INTO remote_hashes (scope, file_hash, own) VALUES (?, ?, 0)`,
		x.scope, hash)
	if err != nil {
		return fmt.Errorf("write hash %s to the index: %w", hash, err)
	}
	return x.setSynced(ctx, hash, now)
}

// RemoteLost records that the remote does not have this hash. The synced files with this hash become pending.
func (x Index) RemoteLost(ctx context.Context, hash string) error {
	_, err := x.q.ExecContext(ctx, `DELETE FROM remote_hashes WHERE scope = ? AND file_hash = ?`, x.scope, hash)
	if err != nil {
		return fmt.Errorf("remove hash %s from the index: %w", hash, err)
	}
	return x.Move(ctx, hash, []State{Synced}, Pending, "")
}

// CountForeign returns how many hashes the remote has that this index has neither uploaded nor seen in a file.
func (x Index) CountForeign(ctx context.Context) (int, error) {
	return x.count(ctx, `SELECT count(*) FROM remote_hashes r WHERE NOT own
		AND NOT EXISTS (SELECT 1 FROM files f WHERE f.file_hash = r.file_hash AND (r.scope = '' OR f.root = r.scope))`)
}

// WithHash returns a file that has the hash and is not gone, and whether there is one.
func (x Index) WithHash(ctx context.Context, hash string) (Entry, bool, error) {
	return x.first(ctx, `SELECT `+entryColumns+` FROM files WHERE file_hash = ?2 AND state <> 'gone'`+inScope+
		` LIMIT 1`, x.scope, hash)
}
