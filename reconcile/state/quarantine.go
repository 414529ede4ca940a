package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Quarantined describes a queue database in quarantine: gfxsync has moved the file away and recovered its queue.
type Quarantined struct {
	At      time.Time `json:"at"`
	Path    string    `json:"set_aside"` // where the file is now; gfxsync never deletes it
	Reason  string    `json:"reason"`
	Rescued int       `json:"rescued"` // records that were recovered and are in the queue again
	Lost    *int      `json:"lost"`    // records that could not be read, as far as gfxsync can tell; nil: it cannot
}

// savedSuffix is the suffix of the copy that Save makes.
const savedSuffix = ".saved"

// OpenLocked locks and opens the queue database for the only agent. The agent must call unlock; if its process ends in
// any way, the lock ends too.
//
// If the file is corrupt, OpenLocked puts it and its -wal file into quarantine, and puts a new file in its place with
// what can be read of the queue. If Save has left a copy, OpenLocked puts that copy in place of any file that is there
// now, and adds the queue of that file. OpenLocked returns what it has put into quarantine. It fails with ErrLocked or
// the errors of Open.
func OpenLocked(ctx context.Context, path string, opts Options) (
	s *State, unlock func() error, aside []Quarantined, err error,
) {
	unlock, err = lock(ctx, path)
	if err != nil {
		return nil, nil, nil, err
	}
	if s, aside, err = take(ctx, path, opts); err == nil {
		err = s.noteAgent(ctx)
	}
	if err != nil {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
		return nil, nil, nil, hint(errors.Join(err, unlock()))
	}
	return s, unlock, aside, nil
}

func take(ctx context.Context, path string, opts Options) (*State, []Quarantined, error) {
	why, reason := "replaced", "it had taken the place of the queue database while that was in use"
	if !exists(path + savedSuffix) {
		s, err := openChecked(ctx, path, opts)
		if !errors.Is(err, sqlite.ErrCorrupt) {
			return s, nil, err
		}
		why, reason = "damaged", err.Error()
	}
	aside, err := replace(ctx, path, why, reason)
	if err != nil {
		return nil, nil, err
	}
	s, err := open(ctx, path, opts)
	return s, aside, err
}

// openChecked fails with sqlite.ErrCorrupt if any part of the file is corrupt.
func openChecked(ctx context.Context, path string, opts Options) (*State, error) {
	s, err := open(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	if err := s.db.CheckAll(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// replace puts the saved copy, or else a new file, in place of the file at path. It adds the queue of that file, and
// puts that file into quarantine. If it is interrupted at any point, it can run again.
func replace(ctx context.Context, path, why, reason string) (aside []Quarantined, err error) {
	saved := path + savedSuffix
	s, err := open(ctx, saved, Options{})
	if err != nil {
		return nil, err
	}
	if exists(path) {
		aside = []Quarantined{{At: time.Now(), Reason: reason}}
		err = s.recover(ctx, path, &aside[0])
	}
	if err := errors.Join(err, s.Close()); err != nil { // Close leaves no -wal file behind
		return nil, err
	}
	for i := range aside {
		if err := aside[i].move(path, why); err != nil {
			return nil, fmt.Errorf("set the queue database aside: %w", sqlite.ExplainFileError(path, err))
		}
	}
	if err := removeLog(path); err != nil {
		return nil, fmt.Errorf("remove the log of the deleted queue database: %w", sqlite.ExplainFileError(path, err))
	}
	if err := os.Rename(saved, path); err != nil {
		return nil, fmt.Errorf("put a new queue database in its place: %w", sqlite.ExplainFileError(path, err))
	}
	return aside, nil
}

// logSuffixes are the suffixes of the files beside a database: the write-ahead log and its index.
var logSuffixes = []string{"-wal", "-shm"}

// move moves the file and its log. The log goes first: SQLite finds a log by its name, and would take one that stays
// behind for the log of the next file.
func (a *Quarantined) move(path, why string) error {
	base := path + "." + why + "-" + a.At.Format("20060102-150405")
	a.Path = base
	for n := 2; exists(a.Path); n++ {
		a.Path = fmt.Sprintf("%s-%d", base, n)
	}
	for _, suffix := range logSuffixes {
		if err := os.Rename(path+suffix, a.Path+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(path, a.Path)
}

// removeLog removes the write-ahead log of a file that was deleted while it was in use. SQLite leaves the log behind,
// and would take it for the log of the next file: "database disk image is malformed". The saved copy has its content.
func removeLog(path string) error {
	for _, suffix := range logSuffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Save copies the content of a queue database whose file was deleted. The next Take uses the copy.
func (s *State) Save(ctx context.Context) error {
	path := s.db.Path()
	saved := path + savedSuffix
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save the queue database: %w", sqlite.ExplainFileError(path, err))
	}
	unfinished := saved + ".new"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("save the queue database: %w", sqlite.ExplainFileError(path, err))
	}
	err := s.db.CopyTo(ctx, unfinished)
	if err == nil {
		err = os.Rename(unfinished, saved)
	}
	if err != nil {
		return fmt.Errorf("save the queue database: %w", err)
	}
	return nil
}

// CheckPresent fails with sqlite.ErrGone if the file was deleted or replaced. What is written after that is lost,
// unless Save is called.
func (s *State) CheckPresent() error { return s.db.Present() }

// Corrupt returns a channel that receives an error when the file is found corrupt. After that, no content of the file
// can be trusted. Close the State and call Take again.
func (s *State) Corrupt() <-chan error { return s.db.Corrupt() }
