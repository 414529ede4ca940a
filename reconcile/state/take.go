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

// SetAside is a queue database that was moved out of the way, and what became of its queue.
type SetAside struct {
	At      time.Time `json:"at"`
	Path    string    `json:"set_aside"` // where it is now; gfxsync never deletes it
	Reason  string    `json:"reason"`
	Rescued int       `json:"rescued"` // records that are in the queue again
	Lost    *int      `json:"lost"`    // records that could not be read, as far as can be told; nil: it cannot
}

// savedSuffix is of a copy that an agent has made of its queue database because the file was gone (Save).
const savedSuffix = ".saved"

// Take opens the queue database for the one agent that runs on it, until unlock is called or the process ends, however it ends. A
// damaged file is moved aside, with its -wal, and a new one takes its place, with what can be read of its queue. A copy that Save has
// left takes the place of whatever is there, with that one's queue. Take returns what it has set aside, and fails with ErrLocked or
// the errors of Open.
func Take(ctx context.Context, path string, opts Options) (s *State, unlock func() error, aside []SetAside, err error) {
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

func take(ctx context.Context, path string, opts Options) (*State, []SetAside, error) {
	why, reason := "replaced", "it had taken the place of the queue database while that was in use"
	if !exists(path + savedSuffix) {
		s, err := openWhole(ctx, path, opts)
		if !errors.Is(err, sqlite.ErrDamaged) {
			return s, nil, err
		}
		why, reason = "damaged", err.Error()
	}
	aside, err := putSaved(ctx, path, why, reason)
	if err != nil {
		return nil, nil, err
	}
	s, err := open(ctx, path, opts)
	return s, aside, err
}

// openWhole fails with sqlite.ErrDamaged if any of the file is.
func openWhole(ctx context.Context, path string, opts Options) (*State, error) {
	s, err := open(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	if err := s.db.CheckAll(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// putSaved puts the saved file, a new one if there is none, in its place, and the queue of what is there into it. It may be cut off
// at any point, and be begun again.
func putSaved(ctx context.Context, path, why, reason string) (aside []SetAside, err error) {
	saved := path + savedSuffix
	s, err := open(ctx, saved, Options{})
	if err != nil {
		return nil, err
	}
	if exists(path) {
		aside = []SetAside{{At: time.Now(), Reason: reason}}
		err = s.rescue(ctx, path, &aside[0])
	}
	if err := errors.Join(err, s.Close()); err != nil { // which leaves no -wal behind
		return nil, err
	}
	for i := range aside {
		if err := aside[i].move(path, why); err != nil {
			return nil, fmt.Errorf("set the queue database aside: %w", sqlite.Place(path, err))
		}
	}
	if err := dropLog(path); err != nil {
		return nil, fmt.Errorf("remove the log of the deleted queue database: %w", sqlite.Place(path, err))
	}
	if err := os.Rename(saved, path); err != nil {
		return nil, fmt.Errorf("put a new queue database in its place: %w", sqlite.Place(path, err))
	}
	return aside, nil
}

// move moves the file and its -wal, which SQLite finds by its name: first, or it would be taken for that of the next file.
func (a *SetAside) move(path, why string) error {
	base := path + "." + why + "-" + a.At.Format("20060102-150405")
	a.Path = base
	for n := 2; exists(a.Path); n++ {
		a.Path = fmt.Sprintf("%s-%d", base, n)
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+suffix, a.Path+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return nil
}

// dropLog removes the write-ahead log of a file that was deleted while it was in use. SQLite leaves it behind, and would
// take it for that of the file which is put in its place: "database disk image is malformed". Its content is in the
// saved file.
func dropLog(path string) error {
	for _, suffix := range []string{"-wal", "-shm"} {
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

// Save copies the content of a queue database whose file is gone to where the next Take finds it.
func (s *State) Save(ctx context.Context) error {
	path := s.db.Path()
	saved := path + savedSuffix
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("save the queue database: %w", sqlite.Place(path, err))
	}
	half := saved + ".new"
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("save the queue database: %w", sqlite.Place(path, err))
	}
	err := s.db.CopyTo(ctx, half)
	if err == nil {
		err = os.Rename(half, saved)
	}
	if err != nil {
		return fmt.Errorf("save the queue database: %w", err)
	}
	return nil
}

// Present fails with sqlite.ErrGone if the file was deleted or replaced: what is written now is lost, unless Save is called.
func (s *State) Present() error { return s.db.Present() }

// Damaged receives an error once the file was found damaged: from then on nothing of it can be relied upon, and Take is to be called
// anew.
func (s *State) Damaged() <-chan error { return s.db.Damaged() }
