// Package sqlite opens SQLite files as gfxsync needs them. They use write-ahead logging and have one writer at a time.
// A commit is durable unless the caller asks for less. Opening a file brings its schema up to date. The package does
// not know what the tables mean.
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

// busyTimeout is how long a user of a file waits for the lock of another.
const busyTimeout = 10 * time.Second

// DB is an open SQLite file. It is safe for concurrent use. Reads may run at any time and see the last commit. Writes
// wait for each other.
type DB struct {
	path   string
	file   fs.FileInfo // of the file that was opened
	write  *sql.DB     // has one connection, so that writers wait for each other
	synced bool        // whether that connection commits with synchronous=FULL; guarded by holding the connection
	read   *sql.DB
	// damaged holds the first ErrCorrupt.
	damaged chan error
}

// Open opens the file at path. It makes the file (mode 0600) and its directory (mode 0700) if they do not exist. It
// applies the migrations that the file has not had yet, each in its own transaction, and keeps their number in
// user_version. It fails with ErrNewer, ErrCorrupt, ErrFull, ErrUnusable or ErrBusy. The caller closes the DB.
func Open(ctx context.Context, path string, migrations []string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, ExplainFileError(path, err)
	}
	// SQLite would create the file with the umask's mode. The -wal and -shm files take the mode of the file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, ExplainFileError(path, err)
	}
	if err := f.Close(); err != nil {
		return nil, ExplainFileError(path, err)
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

// OpenExisting opens a file that Open has made, and changes nothing in it. It fails with ErrMissing if there is no file
// or if the file has not had all of these migrations. It fails with ErrNewer if the file has had more. Other errors are
// those of Open. The caller closes the DB.
func OpenExisting(ctx context.Context, path string, migrations []string) (*DB, error) {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrMissing)
	} else if err != nil {
		return nil, ExplainFileError(path, err)
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
		err = ErrMissing // a migration is missing: nothing was stored with this schema
	}
	if err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	return db, nil
}

// OpenCorrupt opens a corrupt file for reading. It checks, migrates and makes nothing. Any query may fail. The caller
// closes it.
func OpenCorrupt(path string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, ExplainFileError(path, err)
	}
	db := openPool(uri(path, url.Values{"mode": {"ro"}}), func(err error) error { return err })
	db.SetMaxOpenConns(1)
	return db, nil
}

func newer(version int, migrations []string) error {
	return fmt.Errorf("%w: its schema is number %d, this gfxsync knows up to %d; "+
		"start the newest gfxsync that has run here", ErrNewer, version, len(migrations))
}

func open(path string) (*DB, error) {
	file, err := os.Stat(path)
	if err != nil {
		return nil, ExplainFileError(path, err)
	}
	db := &DB{path: path, file: file, synced: true, damaged: make(chan error, 1)}
	db.write, db.read = openPool(dsn(path, "immediate"), db.explain), openPool(dsn(path, "deferred"), db.explain)
	db.write.SetMaxOpenConns(1)
	db.read.SetMaxOpenConns(4)
	return db, nil
}

// explain explains an error of SQLite. If the file is corrupt, it tells the reader of Damaged.
func (db *DB) explain(err error) error {
	if code(err) == 0 {
		return err // not an error of SQLite, but the end of the rows or a canceled context
	}
	err = explain(db.path, err)
	if errors.Is(err, ErrCorrupt) {
		select {
		case db.damaged <- err:
		default: // the first error is still there
		}
	}
	return err
}

// Corrupt returns a channel that receives an ErrCorrupt as soon as any operation finds the file corrupt.
func (db *DB) Corrupt() <-chan error { return db.damaged }

// Present fails with ErrGone if the file at the path is not the open file any more. What is written to the open file
// then is lost when the process ends.
func (db *DB) Present() error {
	now, err := os.Stat(db.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, db.file) {
		return explain(db.path, ErrGone)
	}
	return nil
}

// CopyTo writes the present content of the database into a new file.
func (db *DB) CopyTo(ctx context.Context, path string) error {
	_, err := db.write.ExecContext(ctx, `VACUUM INTO ?`, path)
	return err
}

// dsn sets synchronous=FULL, which Update promises.
func dsn(path, txlock string) string {
	return uri(path, url.Values{
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)",
			"synchronous(FULL)",
		},
		"_txlock": {txlock},
		"mode":    {"rw"}, // do not make an empty file in place of one that was deleted meanwhile
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

// Read returns a handle for queries. The caller must not write through it.
func (db *DB) Read() *sql.DB { return db.read }

// Update runs f in a transaction. It commits if f returns nil, else it rolls back. When Update returns nil, this commit
// and all earlier ones are synced to the disk, and a power cut does not undo them.
func (db *DB) Update(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.update(ctx, true, f)
}

// UpdateWithoutSync is Update without the sync to the disk, for data that can be found again. A crash of the process
// undoes nothing. A power cut or a crash of the operating system may undo the newest commits since the last Update or
// checkpoint. It never undoes a commit and keeps a later one, so the file stays consistent. (SQLite documentation,
// "PRAGMA synchronous": in WAL mode with synchronous=NORMAL a transaction "might roll back following a power loss or
// system crash"; "Write-Ahead Logging", "Performance Considerations".)
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

// setSync sets whether the next transaction of the connection is synced to the disk. SQLite does not allow this inside
// a transaction. If a new connection has replaced a broken one, it is FULL even where db.synced is false. This is safe.
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

// version returns the number of migrations that the file has had. It is the first query of a new DB, so it may have to
// switch the file to write-ahead logging, or may meet the last other user closing it. SQLite may then answer
// SQLITE_BUSY at once, whatever the busy timeout (its documentation, "Sometimes Queries Return SQLITE_BUSY In WAL
// Mode"). So version tries again until the busy timeout has passed.
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

// step applies one migration. It reads the version again inside its transaction, because another process may have
// applied the same migration meanwhile.
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
