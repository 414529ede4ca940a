package hashindex

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What the remote is known to have. The reconciler compares it with what the remote says it has, and mends the difference.

// Digest sums up a set of hashes: for each value of their first two hex digits, how many there are and the XOR of their first 16
// digits. Sets with equal digests are taken to be equal.
type Digest [256]struct {
	Rows int64
	XOR  uint64
}

// Add adds a hash of at least 16 lower-case hex digits; anything else it leaves out, as the digest view does, and says so.
func (d *Digest) Add(hash string) bool {
	if len(hash) < 16 || strings.Trim(hash, "0123456789abcdef") != "" {
		return false
	}
	v, err := strconv.ParseUint(hash[:16], 16, 64)
	if err != nil {
		return false
	}
	d[v>>56].Rows++
	d[v>>56].XOR ^= v
	return true
}

// RemoteDigest returns the digest of the hashes that the remote is known to have.
func (x Index) RemoteDigest(ctx context.Context) (d Digest, err error) {
	rows, err := x.q.QueryContext(ctx, `SELECT file_hash FROM remote_hashes WHERE scope = ?`, x.scope)
	if err != nil {
		return d, fmt.Errorf("sum up the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var hash string
	for rows.Next() {
		if err := rows.Scan(&hash); err != nil {
			return d, fmt.Errorf("sum up the index: %w", err)
		}
		d.Add(hash)
	}
	return d, rows.Err()
}

// RemoteMark returns a mark between what has been acknowledged so far and what will be.
func (x Index) RemoteMark(ctx context.Context) (mark int64, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM remote_hashes`).Scan(&mark)
	if err != nil {
		return 0, fmt.Errorf("read the index: %w", err)
	}
	return mark, nil
}

// RemoteRange returns, in order, the hashes above after and not above last that were known at the mark, at most limit of them.
func (x Index) RemoteRange(ctx context.Context, after, last string, mark int64, limit int) (list []string, err error) {
	// What is asked for stands in the index of the hashes. Another column would cost a page of the table for each.
	rows, err := x.q.QueryContext(ctx, `SELECT file_hash FROM remote_hashes
		WHERE scope = ? AND file_hash > ? AND file_hash <= ? AND seq <= ? ORDER BY file_hash LIMIT ?`, x.scope, after, last, mark, limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h string
		if err := rows.Scan(&h); err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		list = append(list, h)
	}
	return list, rows.Err()
}

// RemoteFound writes down that the remote was found to have this hash. Files that waited for that are synced.
func (x Index) RemoteFound(ctx context.Context, hash string, now time.Time) error {
	_, err := x.q.ExecContext(ctx, `INSERT OR IGNORE INTO remote_hashes (scope, file_hash, own) VALUES (?, ?, 0)`, x.scope, hash)
	if err != nil {
		return fmt.Errorf("write hash %s to the index: %w", hash, err)
	}
	return x.synced(ctx, hash, now)
}

// RemoteLost writes down that the remote does not have this hash: files that have it are to be sent again.
func (x Index) RemoteLost(ctx context.Context, hash string) error {
	if _, err := x.q.ExecContext(ctx, `DELETE FROM remote_hashes WHERE scope = ? AND file_hash = ?`, x.scope, hash); err != nil {
		return fmt.Errorf("remove hash %s from the index: %w", hash, err)
	}
	return x.Move(ctx, hash, []State{Synced}, Pending, "")
}

// RemoteForeign returns how many hashes the remote has that are of no file this index has ever uploaded or seen.
func (x Index) RemoteForeign(ctx context.Context) (n int, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT count(*) FROM remote_hashes r WHERE NOT own
		AND NOT EXISTS (SELECT 1 FROM files f WHERE f.file_hash = r.file_hash AND (r.scope = '' OR f.root = r.scope))`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the index: %w", err)
	}
	return n, nil
}

// WithHash returns a present file that has the hash, and whether there is one.
func (x Index) WithHash(ctx context.Context, hash string) (Entry, bool, error) {
	page, err := x.page(ctx, `SELECT `+entryColumns+` FROM files WHERE file_hash = ?2 AND state <> 'gone'`+inScope+` LIMIT 1`,
		x.scope, hash)
	if err != nil || len(page) == 0 {
		return Entry{}, false, err
	}
	return page[0], true, nil
}
