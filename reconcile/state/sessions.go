package state

import (
	"context"
	"database/sql"
	"errors"
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

const (
	counts = `state NOT IN ('gone', 'invalid', 'dead')`

	// newest is when the newest file was written that has the content of the version ?2 to ?4, of which there may be copies.
	newest = `max(?3, coalesce((SELECT max(mtime_ns) FROM files WHERE file_hash = ?4 AND ` + counts + `), 0),
		coalesce((SELECT max(mtime_ns) FROM pending_sync WHERE file_hash = ?4 AND NOT dead), 0))`

	// theRow is the row of session ?1, as new as the newest file that has its content.
	theRow = `SELECT file_hash, hands, max(mtime_ns, coalesce((SELECT max(f.mtime_ns) FROM files f WHERE f.file_hash = r.file_hash AND ` + counts + `), 0))
		AS mtime_ns FROM remote_hashes r WHERE session_id = ?1`
)

// Standing returns where a version stands. Versions that the remote has refused for good do not count.
func (v View) Standing(ctx context.Context, ver hashindex.Version) (s Standing, err error) {
	err = v.q.QueryRowContext(ctx, `WITH this AS (SELECT `+newest+` AS mtime_ns), the_row AS (`+theRow+`)
	SELECT CASE
		WHEN EXISTS (SELECT 1 FROM the_row r WHERE file_hash = ?4
			OR (hands, r.mtime_ns / 1000, file_hash) > (?2, this.mtime_ns / 1000, ?4)) THEN ?7
		WHEN EXISTS (SELECT 1 FROM files f WHERE session_id = ?1 AND file_hash <> ?4 AND `+counts+`
			AND (hands, f.mtime_ns / 1000, file_hash) > (?2, this.mtime_ns / 1000, ?4)) THEN ?6
		WHEN EXISTS (SELECT 1 FROM pending_sync q WHERE session_id = ?1 AND file_hash <> ?4 AND NOT dead
			AND (hands, q.mtime_ns / 1000, file_hash) > (?2, this.mtime_ns / 1000, ?4)) THEN ?6
		ELSE ?5 END FROM this`, ver.Session, ver.Hands, ver.ModTime, ver.Hash, Best, Waiting, History).Scan(&s)
	if err != nil {
		return 0, fmt.Errorf("compare the versions of session %d: %w", ver.Session, err)
	}
	return s, nil
}

// Content returns what a content that a file or the queue has had tells of the version that it is: the hands, and when
// the newest such file was written.
func (v View) Content(ctx context.Context, hash string) (hands int, modTime int64, known bool, err error) {
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

// handsFromContent is the note that no version in the index has its hands from the column hand_count any more.
const handsFromContent = "hands from content"

// forgetColumnHands forgets, once, the versions of rows that an older gfxsync has found at the remote: it took their
// hands from the column hand_count, which others rewrite. The next diff finds them again.
func (v View) forgetColumnHands(ctx context.Context) error {
	var done bool
	if _, err := v.Notes.Get(ctx, handsFromContent, &done); err != nil || done {
		return err
	}
	_, err := v.q.ExecContext(ctx, `DELETE FROM remote_hashes WHERE session_id IS NOT NULL AND NOT own`)
	if err != nil {
		return fmt.Errorf("adopt the queue database: %w", err)
	}
	return v.Notes.Set(ctx, handsFromContent, true)
}

// WriteOff takes from the queue what is not better than the session's row: a success of a better version is a success of theirs.
func (v View) WriteOff(ctx context.Context, session int64) error {
	_, err := v.q.ExecContext(ctx, `WITH the_row AS (`+theRow+`)
		DELETE FROM pending_sync AS q WHERE session_id = ?1 AND EXISTS (SELECT 1 FROM the_row r WHERE r.file_hash = q.file_hash
			OR (r.hands, r.mtime_ns / 1000, r.file_hash) > (q.hands, q.mtime_ns / 1000, q.file_hash) AND NOT EXISTS (
				SELECT 1 FROM files f WHERE f.file_hash = q.file_hash AND f.`+counts+`
				AND (f.hands, f.mtime_ns / 1000, f.file_hash) > (r.hands, r.mtime_ns / 1000, r.file_hash)))`, session)
	if err != nil {
		return fmt.Errorf("take the older versions of session %d from the queue: %w", session, err)
	}
	return nil
}
