// Package state is the queue database: one SQLite file that holds the hash index and the offline queue. So one
// transaction can change both (the outbox pattern). This package is the only one that opens and migrates the file.
package state

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

var (
	//go:embed 001.sql
	schema001 string
	//go:embed 002.sql
	schema002 string
	//go:embed 003.sql
	schema003 string

	migrations = []string{schema001, schema002, schema003}
)

// State is an open queue database. Its View is for reading. Writes go through Update or UpdateWithoutSync.
type State struct {
	View
	db       *sqlite.DB
	opts     Options
	degraded degraded
}

// Options of a State. The zero value is ready for use.
type Options struct {
	Logger *slog.Logger // told when the file cannot be written, and when it can again
	// Committed is called at the end of each transaction that has succeeded; synced says that it was Update, not
	// UpdateWithoutSync.
	Committed func(synced bool)
}

// View gives access to the tables through one database handle or one transaction.
type View struct {
	Index  hashindex.Index
	Queue  store.Queue
	Notes  Notes
	Passes Passes

	q     sqlite.Querier
	scope string
}

// In returns the view limited to one scope. The scope is the label of a root, for a remote that has a row for each hash
// of each root. The empty scope stands for all roots.
func (v View) In(scope string) View {
	v.Index, v.Queue, v.scope = v.Index.In(scope), v.Queue.In(scope), scope
	return v
}

func view(q sqlite.Querier) View {
	return View{Index: hashindex.New(q), Queue: store.NewQueue(q), Notes: Notes{q}, Passes: Passes{q}, q: q}
}

// Open opens the file at path. It makes the file if it does not exist. Errors are those of sqlite.Open. The caller
// closes the State.
func Open(ctx context.Context, path string) (*State, error) {
	s, err := open(ctx, path, Options{})
	return s, hint(err)
}

func open(ctx context.Context, path string, opts Options) (*State, error) {
	db, err := sqlite.Open(ctx, path, migrations)
	if err != nil {
		return nil, fmt.Errorf("open the queue database: %w", err)
	}
	return newState(db, opts), nil
}

func newState(db *sqlite.DB, opts Options) *State {
	opts.Logger = cmp.Or(opts.Logger, slog.New(slog.DiscardHandler))
	if opts.Committed == nil {
		opts.Committed = func(bool) {}
	}
	return &State{View: view(db.Read()), db: db, opts: opts, degraded: degraded{log: opts.Logger}}
}

// OpenExisting is Open for a file that must exist. It fails with sqlite.ErrMissing if no agent has made the file.
func OpenExisting(ctx context.Context, path string) (*State, error) {
	db, err := sqlite.OpenExisting(ctx, path, migrations)
	if err != nil {
		return nil, hint(fmt.Errorf("open the queue database: %w", err))
	}
	return newState(db, Options{}), nil
}

// hint adds to an error what the operator can do about it.
func hint(err error) error {
	switch {
	case errors.Is(err, sqlite.ErrCorrupt):
		return fmt.Errorf("%w; gfxsync run and gfxsync reconcile set it aside, "+
			"rescue what can be read of its queue, and compare everything anew", err)
	case errors.Is(err, sqlite.ErrUnusable), errors.Is(err, sqlite.ErrBusy), errors.Is(err, sqlite.ErrNewer):
		return fmt.Errorf("%w; or set GFX_SYNC_QUEUE_DB_PATH to another place", err)
	default:
		return err
	}
}

// Path returns the path that the State was opened with.
func (s *State) Path() string { return s.db.Path() }

// Close closes the file.
func (s *State) Close() error { return s.db.Close() }

// Update runs f in a transaction. If f or the commit fails, nothing is changed. When Update returns nil, the
// transaction is on the disk, and a power cut does not undo it. Use it for data that cannot be found again in the
// folder or on the remote: records in the queue, and what an operator has asked for.
func (s *State) Update(ctx context.Context, f func(View) error) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error { return f(view(tx)) })
	return s.ended(err, true)
}

// UpdateWithoutSync is Update without the sync to the disk, which takes time. A power cut may undo the transaction, as
// sqlite.DB.UpdateWithoutSync says; a crash of this process does not. Use it for data that the next start finds again.
// If an intent is lost, the scan finds the file unknown. If an acknowledgement is lost, the file is sent again, which
// is harmless. UpdateWithoutSync fails if f puts a record into the queue or changes one.
func (s *State) UpdateWithoutSync(ctx context.Context, f func(View) error) error {
	err := s.db.UpdateWithoutSync(ctx, func(tx *sql.Tx) error {
		v := view(tx)
		v.Queue = v.Queue.WithoutSync()
		return f(v)
	})
	return s.ended(err, false)
}

// ended is called at the end of each transaction. It returns the error.
func (s *State) ended(err error, synced bool) error {
	s.degraded.ended(err)
	if err == nil {
		s.opts.Committed(synced)
	}
	return err
}
