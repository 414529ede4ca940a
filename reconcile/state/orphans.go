package state

import (
	"context"
	"fmt"
)

// Heal requeues orphans. An orphan is a synced file whose hash the remote is not known to have, or a queued file
// without a record in the queue. Heal makes them pending and returns their number.
func (v View) RequeueOrphans(ctx context.Context) (int64, error) {
	res, err := v.q.ExecContext(ctx, `UPDATE files SET state = 'pending'
		WHERE (?1 = '' OR root = ?1) AND (
			(state = 'synced' AND NOT EXISTS (
				SELECT 1 FROM remote_hashes r WHERE r.scope = ?1 AND r.file_hash = files.file_hash))
			OR (state = 'queued' AND NOT EXISTS (
				SELECT 1 FROM pending_sync q WHERE q.file_hash = files.file_hash AND (?1 = '' OR q.root = ?1))))`,
		v.scope)
	if err != nil {
		return 0, fmt.Errorf("check the index: %w", err)
	}
	return res.RowsAffected()
}
