package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gfxsync/gfxsync/hashindex"
)

// VersionStatus says how a version of a session compares with all other known versions of it.
type VersionStatus uint8

const (
	Winner    VersionStatus = iota // the winner: no better version is known
	Outranked                      // a better version waits to be sent; the remote may still refuse it
	Obsolete                       // the row of the session has this version or a better one
)

const (
	// eligible is the condition for a file that may be the winner of its session.
	eligible = `state NOT IN ('gone', 'invalid', 'dead')`

	// modTime is the newest modification time of version ?2, ?3, ?4 (hands, time, hash). Several files, and records in
	// the queue, may have its content.
	modTime = `max(?3, coalesce((SELECT max(mtime_ns) FROM files WHERE file_hash = ?4 AND ` + eligible + `), 0),
		coalesce((SELECT max(mtime_ns) FROM pending_sync WHERE file_hash = ?4 AND NOT dead), 0))`

	// theRow is the version in the row of session ?1. Its time is that of the newest file with its content.
	theRow = `SELECT file_hash, hands, max(mtime_ns, coalesce((SELECT max(f.mtime_ns) FROM files f
			WHERE f.file_hash = r.file_hash AND ` + eligible + `), 0)) AS mtime_ns
		FROM remote_hashes r WHERE session_id = ?1`
)

// CompareVersion compares a version with the others of its session. Versions that are dead do not count.
func (v View) CompareVersion(ctx context.Context, ver hashindex.Version) (s VersionStatus, err error) {
	err = v.q.QueryRowContext(ctx, `WITH this AS (SELECT `+modTime+` AS mtime_ns), the_row AS (`+theRow+`)
	SELECT CASE
		WHEN EXISTS (SELECT 1 FROM the_row r WHERE file_hash = ?4
			OR (hands, r.mtime_ns / 1000, file_hash) > (?2, this.mtime_ns / 1000, ?4)) THEN ?7
		WHEN EXISTS (SELECT 1 FROM files f WHERE session_id = ?1 AND file_hash <> ?4 AND `+eligible+`
			AND (hands, f.mtime_ns / 1000, file_hash) > (?2, this.mtime_ns / 1000, ?4)) THEN ?6
		WHEN EXISTS (SELECT 1 FROM pending_sync q WHERE session_id = ?1 AND file_hash <> ?4 AND NOT dead
			AND (hands, q.mtime_ns / 1000, file_hash) > (?2, this.mtime_ns / 1000, ?4)) THEN ?6
		ELSE ?5 END FROM this`, ver.Session, ver.Hands, ver.ModTime, ver.Hash, Winner, Outranked, Obsolete).Scan(&s)
	if err != nil {
		return 0, fmt.Errorf("compare the versions of session %d: %w", ver.Session, err)
	}
	return s, nil
}

// VersionOf returns the number of hands in a content, and the newest modification time of a file that has it. It knows
// the contents of files, even of files that are gone, and of records in the queue.
func (v View) VersionOf(ctx context.Context, hash string) (hands int, modTime int64, known bool, err error) {
	err = v.q.QueryRowContext(ctx, `SELECT hands, mtime_ns FROM (
		SELECT hands, mtime_ns FROM files WHERE file_hash = ?1 AND session_id IS NOT NULL
		UNION ALL SELECT hands, mtime_ns FROM pending_sync WHERE file_hash = ?1 AND session_id IS NOT NULL)
		ORDER BY mtime_ns DESC LIMIT 1`, hash).
		Scan(&hands, &modTime)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("look for content %s in the index: %w", hash, err)
	}
	return hands, modTime, true, nil
}

// DropObsolete removes from the queue the versions of a session that are not better than its row. The remote has
// acknowledged a better one, so they need not be sent.
func (v View) DropObsolete(ctx context.Context, session int64) error {
	_, err := v.q.ExecContext(ctx, `WITH the_row AS (`+theRow+`)
		DELETE FROM pending_sync AS q WHERE session_id = ?1 AND EXISTS (
			SELECT 1 FROM the_row r WHERE r.file_hash = q.file_hash
			OR (r.hands, r.mtime_ns / 1000, r.file_hash) > (q.hands, q.mtime_ns / 1000, q.file_hash) AND NOT EXISTS (
				SELECT 1 FROM files f WHERE f.file_hash = q.file_hash AND f.`+eligible+`
				AND (f.hands, f.mtime_ns / 1000, f.file_hash) > (r.hands, r.mtime_ns / 1000, r.file_hash)))`, session)
	if err != nil {
		return fmt.Errorf("take the older versions of session %d from the queue: %w", session, err)
	}
	return nil
}
