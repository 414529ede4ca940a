package reconcile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/reconcile/state/statetest"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/sample"
)

// patience is how long a test waits for what must come. On a busy machine everything takes longer: only what hangs
// may reach it.
const patience = 10 * time.Minute

// place is a folder, a queue database and a table, and the settings of an agent for them.
type place struct {
	dir, tableDB string
	remote       *flaky
	cfg          Config
}

// newPlace makes a place in the directory at, with the table in a SQLite file.
func newPlace(t fataler, at string) *place {
	t.Helper()
	p := &place{dir: filepath.Join(at, "root"), tableDB: filepath.Join(at, "table.db")}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	empty, err := emptyTable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.tableDB, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := local.Open(context.Background(), p.tableDB)
	if err != nil {
		t.Fatal(err)
	}
	p.remote = newFlaky(table)
	p.cfg = settings(p.dir, filepath.Join(at, "queue.db"), p.remote)
	return p
}

// emptyTable returns the SQLite file of a table without rows. To make one takes much longer than to copy it.
var emptyTable = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "gfxsync")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "table.db")
	table, err := local.Open(context.Background(), file)
	if err == nil {
		err = table.Close()
	}
	content, err2 := os.ReadFile(file)
	return content, errors.Join(err, err2, os.RemoveAll(dir))
})

func tempPlace(t *testing.T) *place {
	t.Helper()
	p := newPlace(t, t.TempDir())
	t.Cleanup(func() {
		if err := p.remote.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func settings(dir, queueDB string, remote store.Table) Config {
	return Config{
		Roots: []hashindex.Root{{Dir: dir}}, QueueDB: queueDB, Remote: remote, NoWatch: true, SettleLimit: 30 * time.Millisecond,
		MaxRetries: 2, PCID: "GFX-TEST", Delivery: store.DeliveryOptions{
			FlushInterval: 5 * time.Millisecond, ProbeFirst: time.Millisecond, ProbeLast: 5 * time.Millisecond,
		},
	}
}

// fataler is what the tests of a testing.T and of a rapid.T have in common.
type fataler interface {
	Helper()
	Cleanup(do func())
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func (p *place) write(t fataler, path string, content []byte) {
	t.Helper()
	name := filepath.Join(p.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeSessions writes n sessions, one file each, and returns their hashes by path.
func (p *place) writeSessions(t fataler, n int) map[string]string {
	t.Helper()
	hashes := map[string]string{}
	for i := range n {
		path := fmt.Sprintf("s%03d.json", i)
		hashes[path] = p.session(t, path, i, 1)
	}
	return hashes
}

// session writes a session of so many hands, and returns the hash of the file.
func (p *place) session(t fataler, path string, seed, hands int) string {
	t.Helper()
	content := sample.New(seed).Play(hands).JSON()
	p.write(t, path, content)
	return hashindex.XXH3.Sum(content)
}

func (p *place) remove(t fataler, path string) {
	t.Helper()
	if err := os.Remove(filepath.Join(p.dir, filepath.FromSlash(path))); err != nil {
		t.Fatal(err)
	}
}

// reconcile makes one pass that must be complete.
func (p *place) reconcile(t *testing.T, mode Mode) *Report {
	t.Helper()
	r := p.try(t, mode, PassOptions{})
	if r.Outcome != Complete {
		t.Fatalf("the pass is %s: %+v", r.Outcome, r.Problems)
	}
	return r
}

func (p *place) try(t *testing.T, mode Mode, opts PassOptions) *Report {
	t.Helper()
	r, err := Reconcile(t.Context(), p.cfg, mode, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// survey makes a survey, which writes nothing.
func (p *place) survey(t *testing.T, mode Mode) *Report {
	t.Helper()
	s := p.state(t)
	r, err := (&Survey{Config: p.cfg, State: s}).Run(t.Context(), mode, PassOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// state opens the queue database until the test ends.
func (p *place) state(t *testing.T) *state.State {
	t.Helper()
	return statetest.OpenAt(t, p.cfg.QueueDB)
}

// worker is an agent at work whose passes are made by the test.
type worker struct {
	*Agent
	stop func()
}

func (p *place) work(t *testing.T) *worker {
	t.Helper()
	a, err := Open(t.Context(), p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	wait := a.startWork(ctx)
	w := &worker{Agent: a, stop: sync.OnceFunc(func() {
		cancel()
		wait()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})}
	t.Cleanup(w.stop)
	return w
}

// running runs an agent until the test, or stop, ends it.
func (p *place) running(t *testing.T) *worker {
	t.Helper()
	return p.runningWith(t, func(*Agent) {})
}

// runningWith is running, with something to be done before the agent begins.
func (p *place) runningWith(t *testing.T, before func(*Agent)) *worker {
	t.Helper()
	a, err := Open(t.Context(), p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	before(a)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	w := &worker{Agent: a, stop: sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})}
	t.Cleanup(w.stop)
	return w
}

// eventually waits until the condition holds. It asks at once, and then less and less often: asking is work, too.
func eventually(t fataler, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for pace := time.Millisecond; !condition(); pace = min(2*pace, 32*time.Millisecond) {
		select {
		case <-time.After(pace):
		case <-deadline:
			t.Fatalf("after %v still not: %s", patience, what)
		}
	}
}

// onFile runs statements on a SQLite file, whoever else has it open.
func onFile(t fataler, file string, statements ...string) {
	t.Helper()
	withFile(t, file, func(db *sql.DB) error {
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
}

func withFile(t fataler, file string, do func(*sql.DB) error) {
	t.Helper()
	if err := do(connection(t, file)); err != nil {
		t.Fatal(err)
	}
}

// connections holds the connections of tests with SQLite files, by the names of the files.
var connections sync.Map

// connection returns a connection with a SQLite file. It serves all calls until the test that made the first one ends: a new
// connection parses the schema, and what is asked again and again would hardly do anything else.
func connection(t fataler, file string) *sql.DB {
	t.Helper()
	if db, open := connections.Load(file); open {
		return db.(*sql.DB)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	connections.Store(file, db)
	t.Cleanup(func() {
		connections.Delete(file)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return db
}

// dump returns the rows of a query as text, one string a row.
func dump(t fataler, file, query string) (rows []string) {
	t.Helper()
	withFile(t, file, func(db *sql.DB) error {
		found, err := db.Query(query)
		if err != nil {
			return err
		}
		names, err := found.Columns()
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		for err == nil && found.Next() {
			if err = found.Scan(values...); err == nil {
				var row []string
				for _, v := range values {
					row = append(row, fmt.Sprintf("%v", *v.(*any)))
				}
				rows = append(rows, strings.Join(row, "|"))
			}
		}
		if err == nil {
			err = found.Err()
		}
		if err2 := found.Close(); err == nil {
			err = err2
		}
		return err
	})
	return rows
}

// hashes returns what the table holds.
func (p *place) hashes(t fataler) []string {
	t.Helper()
	return dump(t, p.tableDB, `SELECT file_hash FROM gfx_sessions ORDER BY file_hash`)
}

// wantRows fails unless the table holds exactly these hashes.
func (p *place) wantRows(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := p.hashes(t); !slices.Equal(got, want) {
		t.Errorf("the table holds %d rows %v, want %d %v", len(got), got, len(want), want)
	}
}

// forget deletes rows on the server behind the agent's back.
func (p *place) forget(t fataler, hashes ...string) {
	t.Helper()
	onFile(t, p.tableDB, `DELETE FROM gfx_sessions WHERE file_hash IN ('`+strings.Join(hashes, "','")+`')`)
}

// foreign inserts a row of another agent.
func (p *place) foreign(t fataler, hashes ...string) {
	t.Helper()
	withFile(t, p.tableDB, func(db *sql.DB) error {
		for _, h := range hashes {
			if _, err := db.Exec(`INSERT INTO gfx_sessions (file_hash, raw_json) VALUES (?, '{"of":"another agent"}')`, h); err != nil {
				return err
			}
		}
		return nil
	})
}

func wantSync(t *testing.T, r *Report, want bool) {
	t.Helper()
	if r.InSync != want {
		t.Errorf("in sync: %v, want %v: %+v", r.InSync, want, r)
	}
}
