package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/sqlite"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// tableUse opens the table of --local. Its variants differ in what they do if the file does not exist.
type tableUse func(ctx context.Context, path string) (*local.Remote, error)

// makeTable makes the file.
func makeTable(ctx context.Context, path string) (*local.Remote, error) { return local.Open(ctx, path) }

// compareTable is for a comparison. It fails if there is no file, because the path may be wrong.
func compareTable(ctx context.Context, path string) (*local.Remote, error) {
	remote, err := local.OpenExisting(ctx, path)
	if errors.Is(err, sqlite.ErrMissing) {
		return nil, fmt.Errorf("%w; nothing was compared: check the path, or have gfxsync run or gfxsync reconcile "+
			"make the table", err)
	}
	return remote, err
}

// emptyTable is for a dry run. It makes no file, and opens an empty table instead.
func emptyTable(ctx context.Context, path string) (*local.Remote, error) {
	remote, err := local.OpenExisting(ctx, path)
	if errors.Is(err, sqlite.ErrMissing) {
		return local.OpenEmpty(ctx)
	}
	return remote, err
}

// openTable opens the table in the settings. The caller closes it.
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

func (s *settings) openSupabase(log *slog.Logger) *supabase.Remote {
	return supabase.New(supabase.Options{
		URL: s.supabaseURL, Key: *s.key, Schema: s.schema, Table: s.table, Timeout: s.httpTimeout,
		UserAgent: "gfxsync/" + versionText(), Logger: log,
	})
}
