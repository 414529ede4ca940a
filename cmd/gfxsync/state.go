package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// withState makes an action of a function that needs only the queue database, whether or not an agent runs.
func (p *program) withState(f func(*cli.Context, *settings, *state.State) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		settings, err := p.configure(c, stateSettings)
		if err != nil {
			return err
		}
		if settings.queueDB == "" {
			return errNoQueueDB
		}
		s, err := openState(c.Context, settings.queueDB)
		if err != nil {
			return err
		}
		return errors.Join(f(c, settings, s), s.Close())
	}
}

func openState(ctx context.Context, path string) (*state.State, error) {
	s, err := state.OpenExisting(ctx, path)
	if errors.Is(err, sqlite.ErrMissing) {
		return nil, fmt.Errorf("%w; no agent has run with it: check --queue-db or GFX_SYNC_QUEUE_DB_PATH", err)
	}
	return s, err
}

// isMissing says whether there is no file at a path.
func isMissing(path string) bool { return errors.Is(statError(path), fs.ErrNotExist) }

// openStateToCompare opens the queue database, or an empty temporary one if no agent has run yet, and says so. The
// caller calls remove after Close.
func (p *program) openStateToCompare(ctx context.Context, path string) (
	s *state.State, remove func() error, err error,
) {
	s, err = state.OpenExisting(ctx, path)
	if !errors.Is(err, sqlite.ErrMissing) {
		return s, func() error { return nil }, err
	}
	fmt.Fprintf(p.stderr, "no agent has run with %s yet (--queue-db, GFX_SYNC_QUEUE_DB_PATH): every file counts as "+
		"new\n", pathText("", path))
	dir, err := os.MkdirTemp("", "gfxsync-empty-*")
	if err != nil {
		return nil, nil, fmt.Errorf("make an empty queue database: %w", err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	if s, err = state.Open(ctx, filepath.Join(dir, "empty.db")); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return s, remove, nil
}
