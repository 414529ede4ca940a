// Package sqlite opens SQLite files the one way gfxsync wants them: write-ahead logging, commits that are durable
// unless the caller can do without, one writer, and a schema that is brought up to date in the same step. It knows
// nothing of what the tables mean.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	lib "modernc.org/sqlite/lib"
)

// busyTimeout is how long one user of a file waits for another.
const busyTimeout = 10 * time.Second

// DB is an open SQLite file. Reads may run at any time and see the last commit; writes take turns.
type DB struct {
	path    string
	file    fs.FileInfo // of the file that was opened
	write   *sql.DB     // one connection, for which those who write wait
	synced  bool        // whether that connection commits with synchronous=FULL; for whoever has the connection
	read    *sql.DB
	damaged chan error
}

// Open opens the file at path, making it and its directory (mode 0600 and 0700) where they are absent, and applies those of the
// migrations that it has not had yet, each in a transaction of its own. The number applied is kept in user_version.
// It fails with ErrNewer, ErrDamaged, ErrFull or ErrUnusable. The caller closes the DB.
func Open(ctx context.Context, path string, migrations []string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, Place(path, err)
	}
	// SQLite would create it with the umask's mode; its -wal and -shm files take the mode of this one.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, Place(path, err)
	}
	if err := f.Close(); err != nil {
		return nil, Place(path, err)
	}
	db, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx, migrations); err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	return db, nil
}

// OpenExisting opens a file that Open made before, and changes nothing in it: it fails with ErrMissing if there is no file, and
// with ErrNewer if its schema is not the one of these migrations. The caller closes the DB.
func OpenExisting(ctx context.Context, path string, migrations []string) (*DB, error) {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrMissing)
	} else if err != nil {
		return nil, Place(path, err)
	}
	db, err := open(path)
	if err != nil {
		return nil, err
	}
	version, err := db.version(ctx)
	switch {
	case err != nil:
	case version > len(migrations):
		err = newer(version, migrations)
	case version < len(migrations):
		err = ErrMissing // made, but never brought up to date: nothing has been stored in it
	}
	if err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	return db, nil
}

// OpenRuin opens a file as it is, for reading alone: nothing is checked, migrated or made. It may fail at anything.
func OpenRuin(path string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, Place(path, err)
	}
	db := openPool(uri(path, url.Values{"mode": {"ro"}}), func(err error) error { return err })
	db.SetMaxOpenConns(1)
	return db, nil
}

func newer(version int, migrations []string) error {
	return fmt.Errorf("%w: its schema is number %d, this gfxsync knows up to %d; start the newest gfxsync that has run here",
		ErrNewer, version, len(migrations))
}

func open(path string) (*DB, error) {
	file, err := os.Stat(path)
	if err != nil {
		return nil, Place(path, err)
	}
	db := &DB{path: path, file: file, synced: true, damaged: make(chan error, 1)}
	db.write, db.read = openPool(dsn(path, "immediate"), db.explain), openPool(dsn(path, "deferred"), db.explain)
	db.write.SetMaxOpenConns(1)
	db.read.SetMaxOpenConns(4)
	return db, nil
}

// explain explains what SQLite says, and remembers that the file is damaged.
func (db *DB) explain(err error) error {
	if code(err) == 0 {
		return err // not SQLite's: the end of the rows, or a canceled context
	}
	err = explain(db.path, err)
	if errors.Is(err, ErrDamaged) {
		select {
		case db.damaged <- err:
		default: // it is known
		}
	}
	return err
}

// Damaged receives the first error that was ErrDamaged, whichever operation met it.
func (db *DB) Damaged() <-chan error { return db.damaged }

// Present fails with ErrGone if the path does not lead to the open file any more. What is written then is lost with the process.
func (db *DB) Present() error {
	now, err := os.Stat(db.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, db.file) {
		return explain(db.path, ErrGone)
	}
	return nil
}

// CopyTo writes the present content into a new file.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	_, err := db.write.ExecContext(ctx, `VACUUM INTO ?`, path)
	return err
}

// dsn asks for synchronous=FULL, which is what Update promises.
func dsn(path, txlock string) string {
	return uri(path, url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {txlock},
		"mode":    {"rw"}, // a file that has been deleted meanwhile is not to be made again, with nothing in it
	})
}

func uri(path string, options url.Values) string {
	p := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" && !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: p, RawQuery: options.Encode()}).String()
}

// Path returns the path that the DB was opened with.
func (db *DB) Path() string { return db.path }

// Read returns a handle for queries. Nothing may be written through it.
func (db *DB) Read() *sql.DB { return db.read }

// Update runs f in a transaction that is committed if f returns nil, and leaves nothing behind if not. When Update
// returns nil, the commit and all before it have been synced to the disk: a power cut does not undo them.
func (db *DB) Update(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.update(ctx, true, f)
}

// UpdateWithoutSync is Update for what can be found again. A crash of the process undoes none of its commits, but a
// power cut, or a crash of the operating system, may undo the last of them: all since the last Update or checkpoint, or
// any number of the latest of those, never one without those after it. The file stays consistent (SQLite documentation,
// "PRAGMA synchronous": in WAL mode with synchronous=NORMAL a transaction "might roll back following a power loss or
// system crash"; "Write-Ahead Logging", "Performance Considerations").
func (db *DB) UpdateWithoutSync(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.update(ctx, false, f)
}

func (db *DB) update(ctx context.Context, sync bool, f func(tx *sql.Tx) error) (err error) {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return explain(db.path, fmt.Errorf("begin: %w", err))
	}
	defer func() { err = errors.Join(err, explain(db.path, conn.Close())) }()
	if err := db.setSync(ctx, conn, sync); err != nil {
		return explain(db.path, fmt.Errorf("begin: %w", err))
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return explain(db.path, fmt.Errorf("begin: %w", err))
	}
	if err := f(tx); err != nil {
		return explain(db.path, errors.Join(err, tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return explain(db.path, fmt.Errorf("commit: %w", err))
	}
	return nil
}

// setSync sets how the next transaction of the connection is committed. It cannot be set inside a transaction, which is
// why it is not left to f. A connection that has taken the place of a broken one is FULL whatever is remembered, which
// errs on the safe side.
func (db *DB) setSync(ctx context.Context, conn *sql.Conn, sync bool) error {
	if db.synced == sync {
		return nil
	}
	level := map[bool]string{true: "FULL", false: "NORMAL"}[sync]
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = "+level); err != nil {
		return err
	}
	db.synced = sync
	return nil
}

// Close closes the file.
func (db *DB) Close() error {
	return errors.Join(db.read.Close(), db.write.Close())
}

// version returns the number of schema steps that the file has had. It is the first that a new DB asks, and asks again while the
// file is locked: to whoever turns it to write-ahead logging, or opens it while the last other user closes it, SQLite may answer
// SQLITE_BUSY at once, whatever the busy timeout (its documentation, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
func (db *DB) version(ctx context.Context) (v int, err error) {
	for since := time.Now(); ; {
		err = db.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
		if code(err) != lib.SQLITE_BUSY || time.Since(since) > busyTimeout {
			return v, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (db *DB) migrate(ctx context.Context, migrations []string) error {
	for {
		version, err := db.version(ctx)
		if err != nil {
			return err
		}
		if version > len(migrations) {
			return newer(version, migrations)
		}
		if version == len(migrations) {
			return nil
		}
		if err := db.Update(ctx, func(tx *sql.Tx) error { return step(ctx, tx, migrations) }); err != nil {
			return err
		}
	}
}

// step looks at the version again inside its transaction: another process may have taken the same step meanwhile.
func step(ctx context.Context, tx *sql.Tx, migrations []string) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version >= len(migrations) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
		return fmt.Errorf("schema step %d: %w", version+1, err)
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1))
	return err
}
