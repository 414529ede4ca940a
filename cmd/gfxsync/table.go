package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// tableUse is what a command does to the table, which tells what it may do where the file of --local is not there yet.
type tableUse func(ctx context.Context, path string) (*local.Remote, error)

// makeTable makes the file.
func makeTable(ctx context.Context, path string) (*local.Remote, error) { return local.Open(ctx, path) }

// compareTable compares with what is there, and has nothing to compare with where there is no file: it may well be that
// the path is wrong.
func compareTable(ctx context.Context, path string) (*local.Remote, error) {
	remote, err := local.OpenExisting(ctx, path)
	if errors.Is(err, sqlite.ErrMissing) {
		return nil, fmt.Errorf("%w; nothing was compared: check the path, or have gfxsync run or gfxsync reconcile "+
			"make the table", err)
	}
	return remote, err
}

// foreseeTable tells what would be sent, and would be sent to a new file where there is none.
func foreseeTable(ctx context.Context, path string) (*local.Remote, error) {
	remote, err := local.OpenExisting(ctx, path)
	if errors.Is(err, sqlite.ErrMissing) {
		return local.OpenEmpty(ctx)
	}
	return remote, err
}

// openTable opens the table that the settings name. The caller closes it.
func (s *settings) openTable(ctx context.Context, log *slog.Logger, use tableUse) (store.Table, error) {
	if s.localDB == "" {
		return s.openSupabase(log), nil
	}
	remote, err := use(ctx, s.localDB)
	if err != nil {
		return nil, fmt.Errorf("--local: %w", err)
	}
	return remote, nil
}
