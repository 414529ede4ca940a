package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// ErrLocked says that an agent runs on the same queue database.
var ErrLocked = errors.New("another agent uses this queue database")

const (
	noteAgent    = "agent"
	noteAlwaysOn = "always on"
)

// NoteAlwaysOn records that this process holds the lock and keeps it until it is stopped.
func (v View) NoteAlwaysOn(ctx context.Context) error {
	return v.Notes.Set(ctx, noteAlwaysOn, os.Getpid())
}

// AlwaysOn reports whether the process that holds the lock, or held it last, has called NoteAlwaysOn.
func (v View) AlwaysOn(ctx context.Context) (bool, error) {
	var agent, always int
	if _, err := v.Notes.Get(ctx, noteAgent, &agent); err != nil {
		return false, err
	}
	_, err := v.Notes.Get(ctx, noteAlwaysOn, &always)
	return err == nil && agent == always, err
}

// Lock makes this process the only agent of the queue database, until it calls unlock or ends in any way. It fails with
// ErrLocked if another process is the agent, and the message names that process.
func (s *State) Lock(ctx context.Context) (unlock func() error, err error) {
	if unlock, err = lock(ctx, s.db.Path()); err != nil {
		return nil, err
	}
	if err := s.noteAgent(ctx); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

func (s *State) noteAgent(ctx context.Context) error {
	return s.Update(ctx, func(v View) error { return v.Notes.Set(ctx, noteAgent, os.Getpid()) })
}

// lock locks the path of a database. It does not open the database, so the file can be moved while it is locked.
func lock(ctx context.Context, path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, hint(fmt.Errorf("lock the queue database: %w", sqlite.ExplainFileError(path, err)))
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	// A status command may hold the lock for an instant.
	wait, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	locked, err := lock.TryLockContext(wait, 50*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, hint(fmt.Errorf("lock the queue database: %w", sqlite.ExplainFileError(path, err)))
	}
	if !locked {
		return nil, lockedBy(ctx, path)
	}
	return lock.Unlock, nil
}

// lockedBy returns an ErrLocked that names the process. The process ID is in the database, because on Windows a locked
// file cannot be read.
func lockedBy(ctx context.Context, path string) error {
	var pid int
	s, err := OpenExisting(ctx, path)
	if err == nil {
		_, err = s.Notes.Get(ctx, noteAgent, &pid)
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		return fmt.Errorf("%w: %s", ErrLocked, path)
	}
	return fmt.Errorf("%w: process %d on %s; stop it first, or give this one another GFX_SYNC_QUEUE_DB_PATH",
		ErrLocked, pid, path)
}

// Locked reports whether an agent runs on the queue database.
func (s *State) Locked() (bool, error) {
	lock := flock.New(s.db.Path()+".lock", flock.SetPermissions(0o600))
	free, err := lock.TryRLock()
	if err != nil {
		return false, hint(fmt.Errorf("look at the lock of the queue database: %w",
			sqlite.ExplainFileError(s.db.Path(), err)))
	}
	return !free, lock.Unlock()
}
