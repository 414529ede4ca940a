package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked says that an agent runs on the same queue database.
var ErrLocked = errors.New("another agent uses this queue database")

const noteAgent = "agent"

// Lock makes this process the one agent of the queue database, until unlock is called or the process ends, however it ends. It
// fails with ErrLocked, and names the process that is in the way.
func (s *State) Lock(ctx context.Context) (unlock func() error, err error) {
	lock := flock.New(s.db.Path()+".lock", flock.SetPermissions(0o600))
	// A status command may hold it for an instant.
	wait, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	locked, err := lock.TryLockContext(wait, 50*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock the queue database: %w", err)
	}
	if !locked {
		// The process id stands in the database: on Windows a locked file cannot be read.
		var pid int
		if _, err := s.Notes.Get(ctx, noteAgent, &pid); err != nil {
			return nil, fmt.Errorf("%w: %s", ErrLocked, s.db.Path())
		}
		return nil, fmt.Errorf("%w: process %d on %s; stop it first, or give this one another GFX_SYNC_QUEUE_DB_PATH",
			ErrLocked, pid, s.db.Path())
	}
	if err := s.Update(ctx, func(v View) error { return v.Notes.Set(ctx, noteAgent, os.Getpid()) }); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock.Unlock, nil
}

// Locked says whether an agent runs on the queue database.
func (s *State) Locked() (bool, error) {
	lock := flock.New(s.db.Path()+".lock", flock.SetPermissions(0o600))
	free, err := lock.TryRLock()
	if err != nil {
		return false, fmt.Errorf("look at the lock of the queue database: %w", err)
	}
	return !free, lock.Unlock()
}
