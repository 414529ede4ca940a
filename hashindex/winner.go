package hashindex

import (
	"context"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// This file is for remotes with one row for each session. The winner is the best version of a session among all
// versions that the files and the remote have. The row of a session is to hold its winner.

// Version is one version of a session. The version with the most hands is the best one, then the newest, then the one
// with the highest hash. So there is always one winner. Times are compared in microseconds, because a remote keeps no
// more: otherwise the row of a file would always be older than the file.
type Version struct {
	Session int64
	Hash    string
	Hands   int
	ModTime int64 // of the file, in nanoseconds since 1970
}

// Better reports whether v is a better version of the session than w.
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

const (
	// eligible is the condition for a file that may be the winner of its session.
	eligible = `state NOT IN ('gone', 'invalid', 'dead')`
	// bestFirst sorts versions as Version.Better does.
	bestFirst = `ORDER BY hands DESC, mtime_ns / 1000 DESC, file_hash DESC`
)

// AcknowledgeVersion records that the remote has acknowledged this version, which was uploaded for this file. It is now
// the row of the session.
func (x Index) AcknowledgeVersion(ctx context.Context, k fileid.ID, v Version) error {
	return x.putVersion(ctx, v, 1, k.Root, orderKey(k.Path))
}

// RemoteVersion records that a diff found this version in the row of the session.
func (x Index) RemoteVersion(ctx context.Context, v Version) error {
	return x.putVersion(ctx, v, 0, "", []byte{})
}

func (x Index) putVersion(ctx context.Context, v Version, own int, root string, key []byte) error {
	_, err := x.q.ExecContext(ctx, `INSERT OR REPLACE INTO remote_hashes
			(scope, file_hash, own, root, order_key, session_id, hands, mtime_ns)
		VALUES ('', ?, ?, ?, ?, ?, ?, ?)`, v.Hash, own, root, key, v.Session, v.Hands, v.ModTime)
	if err != nil {
		return fmt.Errorf("write the row of session %d to the index: %w", v.Session, err)
	}
	return nil
}

// RemoteVersions returns the rows of at most limit sessions s with after < s <= last, in ascending order. It leaves out
// rows that were written after the mark (RemoteMark).
func (x Index) RemoteVersions(ctx context.Context, after, last, mark int64, limit int) ([]Version, error) {
	scan := func(row sqlite.Row) (v Version, err error) {
		err = row.Scan(&v.Session, &v.Hash, &v.Hands, &v.ModTime)
		return v, err
	}
	return list(ctx, x, scan, `SELECT session_id, file_hash, hands, mtime_ns FROM remote_hashes
		WHERE session_id > ? AND session_id <= ? AND seq <= ? ORDER BY session_id LIMIT ?`, after, last, mark, limit)
}

// ChangedSince reports whether the row of a session was written after the mark (RemoteMark).
func (x Index) ChangedSince(ctx context.Context, session, mark int64) (changed bool, err error) {
	err = x.q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM remote_hashes WHERE session_id = ? AND seq > ?)`,
		session, mark).Scan(&changed)
	if err != nil {
		return false, fmt.Errorf("read the index: %w", err)
	}
	return changed, nil
}

// ForgetVersion records that the remote has no row of the session.
func (x Index) ForgetVersion(ctx context.Context, session int64) error {
	if _, err := x.q.ExecContext(ctx, `DELETE FROM remote_hashes WHERE session_id = ?`, session); err != nil {
		return fmt.Errorf("remove the row of session %d from the index: %w", session, err)
	}
	return nil
}

// decided selects the eligible files of session ?1, or of all sessions if there is none. It says which state each was
// in and which it is to be in. A file with the winner's content is synced if the row holds that content; else it stays
// queued or becomes pending. All other files are superseded.
//
// Each save decides the winner of its session, so it must not read the files of all. SQLite uses the index on
// session_id only if the text says that there is one session. The + keeps it from using the index on state (SQLite,
// "The Query Optimizer Overview", disqualifying terms with a unary +).
func decided(session *int64) string {
	if session == nil {
		return fmt.Sprintf(decidedOf, `?1 IS NULL`)
	}
	return fmt.Sprintf(decidedOf, `session_id = ?1`)
}

const decidedOf = `WITH best AS (
	SELECT session_id, file_hash, hands, mtime_ns,
		row_number() OVER (PARTITION BY session_id ` + bestFirst + `) AS place
	FROM files WHERE session_id IS NOT NULL AND %s AND ` + eligible + `
), winner AS (
	SELECT b.session_id, r.file_hash AS remote,
		CASE WHEN (r.hands, r.mtime_ns / 1000, r.file_hash) > (b.hands, b.mtime_ns / 1000, b.file_hash)
			THEN r.file_hash ELSE b.file_hash END AS file_hash
	FROM best b LEFT JOIN remote_hashes r ON r.session_id = b.session_id WHERE b.place = 1
), decided AS (
	SELECT f.root, f.order_key, +f.state AS was, CASE
		WHEN f.file_hash <> w.file_hash THEN 'superseded'
		WHEN w.file_hash = w.remote THEN 'synced'
		WHEN f.state = 'queued' THEN 'queued'
		ELSE 'pending' END AS state
	FROM files f JOIN winner w ON w.session_id = f.session_id WHERE ` + eligible + `
) `

const (
	countLost = `SELECT count(*) FROM decided WHERE was = 'synced' AND state = 'pending'`

	applyDecided = `UPDATE files SET state = decided.state, error = '',
			synced_ms = CASE decided.state WHEN 'synced' THEN ?2 ELSE synced_ms END
		FROM decided WHERE files.root = decided.root AND files.order_key = decided.order_key
			AND decided.was <> decided.state`
)

// DecideWinner finds the winner of a session, or of every session if it is nil, and sets the states of the files
// accordingly. It returns how many files were synced and are pending now, because the remote has lost their row.
func (x Index) DecideWinner(ctx context.Context, session *int64, now time.Time) (lost int64, err error) {
	err = x.q.QueryRowContext(ctx, decided(session)+countLost, session).Scan(&lost)
	if err == nil {
		_, err = x.q.ExecContext(ctx, decided(session)+applyDecided, session, now.UnixMilli())
	}
	if err != nil {
		return 0, fmt.Errorf("find the winner of a session: %w", err)
	}
	return lost, nil
}

// BestVersion returns the best version of a session among the files, the file that has it, and whether there is one.
func (x Index) BestVersion(ctx context.Context, session int64) (v Version, e Entry, ok bool, err error) {
	e, ok, err = x.first(ctx, `SELECT `+entryColumns+` FROM files WHERE session_id = ? AND `+eligible+` `+bestFirst+
		` LIMIT 1`, session)
	if !ok {
		return Version{}, Entry{}, false, err
	}
	return Version{Session: session, Hash: e.Hash, Hands: e.Hands, ModTime: e.ModTime}, e, true, nil
}

// Sessions returns at most limit sessions s with after < s <= last that have an eligible file, in ascending order.
func (x Index) Sessions(ctx context.Context, after, last int64, limit int) ([]int64, error) {
	return list(ctx, x, sqlite.Column[int64], `SELECT DISTINCT session_id FROM files
		WHERE session_id > ? AND session_id <= ? AND `+eligible+` ORDER BY session_id LIMIT ?`, after, last, limit)
}
