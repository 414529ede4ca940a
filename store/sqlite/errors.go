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
	// ErrCorrupt says that the file is corrupt: SQLite does not recognise it or found it inconsistent.
	ErrCorrupt = errors.New("the database is damaged")
	// ErrMissing says that there is no such file, or that the file is still empty. Only OpenExisting returns it.
	ErrMissing = errors.New("the database does not exist")
	// ErrFull says that the disk is full. The same call may succeed when there is space again.
	ErrFull = errors.New("the disk of the database is full: free some space on it")
	// ErrUnusable says that the place of the file does not allow a database: it is read-only, its disk fails, or it
	// cannot lock or map a file.
	ErrUnusable = errors.New("the database cannot be used where it is: " +
		"it needs a folder that this account may write to, on a disk of this machine")
	// ErrBusy says that SQLite waited for a lock and did not get it. It also stands for ENOLCK.
	ErrBusy = errors.New("another program keeps the database locked, or its file system cannot lock files")
	// ErrGone says that the file was deleted or replaced while it was open.
	ErrGone = errors.New("the database was deleted or replaced while it was in use")
)

// explained is an error with the name of the file and, if it is known, its class: one of the errors above.
type explained struct {
	path  string
	class error // may be nil
	err   error
}

func (e *explained) Error() string {
	if e.class == nil {
		return fmt.Sprintf("%s: %v", e.path, e.err)
	}
	return fmt.Sprintf("%s: %v: %v", e.path, e.class, e.err)
}

func (e *explained) Unwrap() []error { return []error{e.class, e.err} }

// explain adds to an error the name of the file and its class, which follows from SQLite's result code
// (https://www.sqlite.org/rescode.html). It does not change an error that it has explained before.
func explain(path string, err error) error {
	if done := (*explained)(nil); err == nil || errors.As(err, &done) {
		return err
	}
	return &explained{path: path, class: classOf(err), err: err}
}

func classOf(err error) error {
	switch code(err) {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return ErrCorrupt
	case lib.SQLITE_FULL:
		return ErrFull
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_IOERR, lib.SQLITE_PROTOCOL,
		lib.SQLITE_NOLFS:
		return ErrUnusable
	case lib.SQLITE_BUSY:
		return ErrBusy
	default:
		return nil
	}
}

// ExplainFileError explains an error of the file system about the file at path or its directory. The result is ErrFull
// or ErrUnusable.
func ExplainFileError(path string, err error) error {
	const errorDiskFull = syscall.Errno(112) // Windows' ERROR_DISK_FULL
	class := ErrUnusable
	if errors.Is(err, syscall.ENOSPC) || runtime.GOOS == "windows" && errors.Is(err, errorDiskFull) {
		class = ErrFull
	}
	return &explained{path: path, class: class, err: err}
}

// code returns SQLite's primary result code. It is 0 if the error is not SQLite's.
func code(err error) int {
	var e *sqlite3.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// OfTheFile says whether an error is of the whole database, whatever was being done: every use of it fails like that.
func OfTheFile(err error) bool {
	for _, class := range []error{ErrFull, ErrUnusable, ErrCorrupt, ErrGone} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
