package hashindex

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Remotes with one row for each session: that row is the session's best version, of all that the files and the remote have.

// Version is one version of a session. The one with the most hands is the best, of those with equally many the newest;
// the hash decides where even the times are equal, so that there is always one best. Times are compared in
// microseconds, which is what a remote keeps of them: else the row of a file would be older than the file for ever.
type Version struct {
	Session int64
	Hash    string
	Hands   int
	ModTime int64 // of the file, in nanoseconds since 1970
}

// present says of which states a file counts for its session's row.
const present = `state NOT IN ('gone', 'invalid', 'dead')`

// AcknowledgeVersion writes down that the remote's row of the session is this version, uploaded for this file.
func (x Index) AcknowledgeVersion(ctx context.Context, k Key, v Version) error {
	return x.putVersion(ctx, v, 1, k.Root, orderKey(k.Path))
}

// RemoteVersion writes down that the remote's row of the session was found to be this version.
func (x Index) RemoteVersion(ctx context.Context, v Version) error {
	return x.putVersion(ctx, v, 0, "", []byte{})
}

func (x Index) putVersion(ctx context.Context, v Version, own int, root string, key []byte) error {
	_, err := x.q.ExecContext(ctx, `INSERT OR REPLACE INTO remote_hashes (scope, file_hash, own, root, order_key, session_id, hands, mtime_ns)
		VALUES ('', ?, ?, ?, ?, ?, ?, ?)`, v.Hash, own, root, key, v.Session, v.Hands, v.ModTime)
	if err != nil {
		return fmt.Errorf("write the row of session %d to the index: %w", v.Session, err)
	}
	return nil
}

// RemoteVersions returns, in order, the rows of the sessions above after and not above last that were known at the mark (RemoteMark),
// at most limit of them.
func (x Index) RemoteVersions(ctx context.Context, after, last, mark int64, limit int) (list []Version, err error) {
	rows, err := x.q.QueryContext(ctx, `SELECT session_id, file_hash, hands, mtime_ns FROM remote_hashes
		WHERE session_id > ? AND session_id <= ? AND seq <= ? ORDER BY session_id LIMIT ?`, after, last, mark, limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var v Version
		if err := rows.Scan(&v.Session, &v.Hash, &v.Hands, &v.ModTime); err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// ChangedSince says whether the row of a session was written down after the mark.
func (x Index) ChangedSince(ctx context.Context, session, mark int64) (changed bool, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM remote_hashes WHERE session_id = ? AND seq > ?)`, session, mark).Scan(&changed)
	if err != nil {
		return false, fmt.Errorf("read the index: %w", err)
	}
	return changed, nil
}

// ForgetVersion writes down that the remote has no row of the session.
func (x Index) ForgetVersion(ctx context.Context, session int64) error {
	if _, err := x.q.ExecContext(ctx, `DELETE FROM remote_hashes WHERE session_id = ?`, session); err != nil {
		return fmt.Errorf("remove the row of session %d from the index: %w", session, err)
	}
	return nil
}

// led are the files that count for a session's row, each with the state that it is to have: synced if the row is of its content,
// superseded if the row is or is to be of a better version, and else an intent. ?1 is the session, NULL for all.
const led = `WITH best AS (
	SELECT session_id, file_hash, hands, mtime_ns,
		row_number() OVER (PARTITION BY session_id ORDER BY hands DESC, mtime_ns / 1000 DESC, file_hash DESC) AS place
	FROM files WHERE session_id IS NOT NULL AND (?1 IS NULL OR session_id = ?1) AND ` + present + `
), leader AS (
	SELECT b.session_id, r.file_hash AS remote,
		CASE WHEN (r.hands, r.mtime_ns / 1000, r.file_hash) > (b.hands, b.mtime_ns / 1000, b.file_hash)
			THEN r.file_hash ELSE b.file_hash END AS file_hash
	FROM best b LEFT JOIN remote_hashes r ON r.session_id = b.session_id WHERE b.place = 1
), led AS (
	SELECT f.root, f.order_key, f.state AS was, CASE
		WHEN f.file_hash <> l.file_hash THEN 'superseded'
		WHEN l.file_hash = l.remote THEN 'synced'
		WHEN f.state = 'queued' THEN 'queued'
		ELSE 'pending' END AS state
	FROM files f JOIN leader l ON l.session_id = f.session_id WHERE ` + present + `
) `

// Lead gives the files of a session, of all sessions if it is nil, the states that follow from which version of it is the best. It
// returns how many of them were synced and are not any more, because the remote has lost their row.
func (x Index) Lead(ctx context.Context, session *int64, now time.Time) (lost int64, err error) {
	err = x.q.QueryRowContext(ctx, led+`SELECT count(*) FROM led WHERE was = 'synced' AND state = 'pending'`, session).Scan(&lost)
	if err == nil {
		_, err = x.q.ExecContext(ctx, led+`UPDATE files SET state = led.state, error = '',
			synced_ms = CASE led.state WHEN 'synced' THEN ?2 ELSE synced_ms END
			FROM led WHERE files.root = led.root AND files.order_key = led.order_key AND led.was <> led.state`, session, now.UnixMilli())
	}
	if err != nil {
		return 0, fmt.Errorf("find the best version of a session: %w", err)
	}
	return lost, nil
}

// Best returns the best version of a session that a file has, and whether a file has any.
func (x Index) Best(ctx context.Context, session int64) (v Version, e Entry, ok bool, err error) {
	page, err := x.page(ctx, `SELECT `+entryColumns+` FROM files WHERE session_id = ? AND `+present+`
		ORDER BY hands DESC, mtime_ns / 1000 DESC, file_hash DESC LIMIT 1`, session)
	if err != nil || len(page) == 0 {
		return Version{}, Entry{}, false, err
	}
	e = page[0]
	return Version{Session: session, Hash: e.Hash, Hands: e.Hands, ModTime: e.ModTime}, e, true, nil
}

// Better says whether v is a better version of the session than w.
func (v Version) Better(w Version) bool {
	switch {
	case v.Hands != w.Hands:
		return v.Hands > w.Hands
	case v.ModTime/1000 != w.ModTime/1000:
		return v.ModTime/1000 > w.ModTime/1000
	default:
		return v.Hash > w.Hash
	}
}

// Sessions returns, in order, the sessions above after and not above last of which files are present, at most limit of them.
func (x Index) Sessions(ctx context.Context, after, last int64, limit int) (list []int64, err error) {
	rows, err := x.q.QueryContext(ctx, `SELECT DISTINCT session_id FROM files WHERE session_id > ? AND session_id <= ? AND `+present+`
		ORDER BY session_id LIMIT ?`, after, last, limit)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read the index: %w", err)
		}
		list = append(list, id)
	}
	return list, rows.Err()
}
