package state

import (
	"context"
	"fmt"

	"github.com/gfxsync/gfxsync/hashindex"
)

// Standing is where a version of a session stands among all that are known of it.
type Standing uint8

const (
	Best    Standing = iota // nothing better is known: it is to be the row
	Waiting                 // a better one is on its way, and may yet be refused
	History                 // the row is of this version, or of a better one
)

// Standing returns where a version stands. Versions that the remote has refused for good do not count.
func (v View) Standing(ctx context.Context, ver hashindex.Version) (s Standing, err error) {
	err = v.q.QueryRowContext(ctx, `SELECT CASE
		WHEN EXISTS (SELECT 1 FROM remote_hashes WHERE session_id = ?1
			AND (file_hash = ?4 OR (hands, mtime_ns, file_hash) > (?2, ?3, ?4))) THEN ?7
		WHEN EXISTS (SELECT 1 FROM files WHERE session_id = ?1 AND file_hash <> ?4 AND state NOT IN ('gone', 'invalid', 'dead')
			AND (hands, mtime_ns, file_hash) > (?2, ?3, ?4)) THEN ?6
		WHEN EXISTS (SELECT 1 FROM pending_sync WHERE session_id = ?1 AND file_hash <> ?4 AND NOT dead
			AND (hands, mtime_ns, file_hash) > (?2, ?3, ?4)) THEN ?6
		ELSE ?5 END`, ver.Session, ver.Hands, ver.ModTime, ver.Hash, Best, Waiting, History).Scan(&s)
	if err != nil {
		return 0, fmt.Errorf("compare the versions of session %d: %w", ver.Session, err)
	}
	return s, nil
}

// WriteOff takes from the queue what is not better than the session's row: a success of a better version is a success of theirs.
func (v View) WriteOff(ctx context.Context, session int64) error {
	_, err := v.q.ExecContext(ctx, `DELETE FROM pending_sync AS q WHERE session_id = ?1 AND EXISTS (
		SELECT 1 FROM remote_hashes r WHERE r.session_id = ?1
		AND (r.file_hash = q.file_hash OR (r.hands, r.mtime_ns, r.file_hash) > (q.hands, q.mtime_ns, q.file_hash)))`, session)
	if err != nil {
		return fmt.Errorf("take the older versions of session %d from the queue: %w", session, err)
	}
	return nil
}
