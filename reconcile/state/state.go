// Package state is the SQLite file in which gfxsync remembers everything: the hash index and the offline queue, in one file so
// that one transaction can move a file from "seen" to "queued". This is the place that opens and migrates it.
package state

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
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

// State is the open file. The View is for reading; what is written goes through Update.
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

// View is index, queue, notes and passes seen through one handle or transaction.
type View struct {
	Index  hashindex.Index
	Queue  store.Queue
	Notes  Notes
	Passes Passes

	q     sqlite.Querier
	scope string
}

// In returns the view of one root alone, as far as hashes are concerned, for a remote in which a hash is one row for each root. The
// empty scope is all roots.
func (v View) In(scope string) View {
	v.Index, v.Queue, v.scope = v.Index.In(scope), v.Queue.In(scope), scope
	return v
}

func view(q sqlite.Querier) View {
	return View{Index: hashindex.New(q), Queue: store.NewQueue(q), Notes: Notes{q}, Passes: Passes{q}, q: q}
}

// Open opens the file at path, making it where it is absent. Errors are those of sqlite.Open. The caller closes the State.
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

// OpenExisting is Open for a file that must be there already: it fails with sqlite.ErrMissing if no agent has made it.
func OpenExisting(ctx context.Context, path string) (*State, error) {
	db, err := sqlite.OpenExisting(ctx, path, migrations)
	if err != nil {
		return nil, hint(fmt.Errorf("open the queue database: %w", err))
	}
	return newState(db, Options{}), nil
}

// hint adds what can be done about a file that cannot be used.
func hint(err error) error {
	switch {
	case errors.Is(err, sqlite.ErrDamaged):
		return fmt.Errorf("%w; gfxsync run and gfxsync reconcile set it aside, rescue what can be read of its queue, and compare everything anew", err)
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

// Update runs f in a transaction that has left no trace when Update fails. When it returns nil, the transaction is on
// the disk, and a power cut does not undo it. Whatever cannot be found again in the folder or in the remote belongs
// here: what is put into the queue or changed in it, and an operator's word.
func (s *State) Update(ctx context.Context, f func(View) error) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error { return f(view(tx)) })
	return s.ended(err, true)
}

// UpdateWithoutSync is Update, but a power cut may undo it, as sqlite.DB.UpdateWithoutSync says; a crash of this
// process does not. It saves the time of a sync to disk, and is for what the next start finds again: an intent, whose
// file the scan finds unknown; an acknowledgement, without which a file is sent again, which is harmless; a status. It
// fails if f puts a record into the queue or changes one there.
func (s *State) UpdateWithoutSync(ctx context.Context, f func(View) error) error {
	err := s.db.UpdateWithoutSync(ctx, func(tx *sql.Tx) error {
		v := view(tx)
		v.Queue = v.Queue.WithoutSync()
		return f(v)
	})
	return s.ended(err, false)
}

// ended takes up how a transaction ended.
func (s *State) ended(err error, synced bool) error {
	s.degraded.ended(err)
	if err == nil {
		s.opts.Committed(synced)
	}
	return err
}

// Notes are named values that outlive a process.
type Notes struct {
	q sqlite.Querier
}

// Set keeps a value, which must be fit for JSON, under a name.
func (n Notes) Set(ctx context.Context, name string, value any) error {
	b, err := json.Marshal(value)
	if err == nil {
		_, err = n.q.ExecContext(ctx, `INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)`, name, string(b))
	}
	if err != nil {
		return fmt.Errorf("note %s: %w", name, err)
	}
	return nil
}

// Get reads the value of a name into the pointer, and says whether there is one.
func (n Notes) Get(ctx context.Context, name string, into any) (bool, error) {
	var text string
	err := n.q.QueryRowContext(ctx, `SELECT value FROM notes WHERE name = ?`, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), into)
	}
	if err != nil {
		return false, fmt.Errorf("note %s: %w", name, err)
	}
	return true, nil
}
