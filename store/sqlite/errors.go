package sqlite

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

var (
	// ErrNewer says that the file was last written by a newer gfxsync, whose schema this one does not know.
	ErrNewer = errors.New("the database was written by a newer gfxsync")
	// ErrDamaged says that SQLite does not recognise the file, or found it inconsistent.
	ErrDamaged = errors.New("the database is damaged")
	// ErrMissing says that there is no such file, where the caller asked for none to be made.
	ErrMissing = errors.New("the database does not exist")
	// ErrFull says that there is no room for what was to be written. It passes when there is.
	ErrFull = errors.New("the disk of the database is full: free some space on it")
	// ErrUnusable says that the place does not allow a database, or not any more: it is read-only, fails, or cannot lock or map a file.
	ErrUnusable = errors.New("the database cannot be used where it is: it needs a folder that this account may write to, on a disk of this machine")
	// ErrBusy says that a lock was not to be had for as long as SQLite waits for one. ENOLCK counts as that too.
	ErrBusy = errors.New("another program keeps the database locked, or its file system cannot lock files")
	// ErrGone says that the file was deleted or replaced while it was open.
	ErrGone = errors.New("the database was deleted or replaced while it was in use")
)

// explained is an error that names the file, and may be one of those above.
type explained struct {
	path  string
	class error // nil: nothing is known of it
	err   error
}

func (e *explained) Error() string {
	if e.class == nil {
		return fmt.Sprintf("%s: %v", e.path, e.err)
	}
	return fmt.Sprintf("%s: %v: %v", e.path, e.class, e.err)
}

func (e *explained) Unwrap() []error { return []error{e.class, e.err} }

// explain names the file, once, and turns SQLite's own codes (https://www.sqlite.org/rescode.html) into errors to test for.
func explain(path string, err error) error {
	if done := (*explained)(nil); err == nil || errors.As(err, &done) {
		return err
	}
	return &explained{path: path, class: classOf(err), err: err}
}

func classOf(err error) error {
	switch code(err) {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return ErrDamaged
	case lib.SQLITE_FULL:
		return ErrFull
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_IOERR, lib.SQLITE_PROTOCOL, lib.SQLITE_NOLFS:
		return ErrUnusable
	case lib.SQLITE_BUSY:
		return ErrBusy
	default:
		return nil
	}
}

// Place explains what the file system says of a file where the database is, or of its directory: it is ErrFull or ErrUnusable.
func Place(path string, err error) error {
	const errorDiskFull = syscall.Errno(112) // of Windows
	class := ErrUnusable
	if errors.Is(err, syscall.ENOSPC) || runtime.GOOS == "windows" && errors.Is(err, errorDiskFull) {
		class = ErrFull
	}
	return &explained{path: path, class: class, err: err}
}

// code returns SQLite's primary result code, 0 if the error is not SQLite's.
func code(err error) int {
	var e *sqlite3.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// OfTheFile says whether an error is of the whole database, whatever was being done: every use of it fails like that.
func OfTheFile(err error) bool {
	for _, class := range []error{ErrFull, ErrUnusable, ErrDamaged, ErrGone} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
