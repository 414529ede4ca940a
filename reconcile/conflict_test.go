package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// production is a folder, a table on a real PostgreSQL and an agent that has to find out what the table is unique on.
type production struct {
	t      *testing.T
	server *supabasetest.Server
	table  string // with its schema
	dir    string
	cfg    Config
	log    syncBuffer
}

func newProduction(t *testing.T, sql, schema, onConflict string) *production {
	t.Helper()
	at := t.TempDir()
	p := &production{t: t, dir: filepath.Join(at, "root"), table: schema + ".gfx_sessions"}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.server = supabasetest.New(t, supabasetest.WithSQL(sql), supabasetest.WithSchemas(schema))
	u, err := url.Parse(p.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	key, err := supabase.ParseKey(p.server.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(&p.log, nil))
	remote := supabase.New(supabase.Options{
		URL: u, Key: key, Schema: schema, UserAgent: "gfxsync/test",
		Logger: logger,
	})
	t.Cleanup(func() {
		if err := remote.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the agent's log:\n%s", &p.log)
		}
	})
	setting, err := store.ParseConflictSetting(onConflict)
	if err != nil {
		t.Fatal(err)
	}
	p.cfg = settings(p.dir, filepath.Join(at, "queue.db"), remote)
	p.cfg.OnConflict, p.cfg.Logger = &setting, logger
	p.cfg.NoWatch = false
	return p
}

// run starts an agent; stop stops it, and checks that it was well until then.
func (p *production) run() (stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, p.cfg) }()
	return func() {
		p.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			p.t.Errorf("the agent failed: %v", err)
		}
	}
}

// save writes a session that has so many hands, and returns the hash of the file.
func (p *production) save(seed, hands int) string {
	p.t.Helper()
	return p.write(fmt.Sprintf("s%d.json", seed), sample.New(seed).Play(hands).JSON())
}

// write writes a file by a rename, and returns its hash.
func (p *production) write(file string, content []byte) string {
	p.t.Helper()
	name := filepath.Join(p.dir, file)
	if err := os.WriteFile(name+".tmp", content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		p.t.Fatal(err)
	}
	return hashindex.XXH3.Sum(content)
}

// await waits until the table has these rows and no others.
func (p *production) await(hashes ...string) {
	p.t.Helper()
	want := strings.Join(hashes, " ")
	eventually(p.t, "the table has the rows "+want, func() bool { return p.rows() == want })
}

func (p *production) rows() string {
	return strings.Join(p.server.QueryStrings(p.t, `select file_hash from `+p.table+` order by session_id`), " ")
}

// awaitStatus waits for what the queue database says.
func (p *production) awaitStatus(what string, ok func(Status) bool) {
	p.t.Helper()
	eventually(p.t, what, func() bool {
		s := p.status()
		return s != nil && ok(*s)
	})
}

func (p *production) status() *Status {
	p.t.Helper()
	if _, err := os.Stat(p.cfg.QueueDB); err != nil {
		return nil
	}
	s := (&place{cfg: p.cfg}).state(p.t)
	st, err := ReadStatus(p.t.Context(), s)
	if err != nil {
		p.t.Fatal(err)
	}
	return &st
}

// awaitLog waits until the log says this so many times.
func (p *production) awaitLog(times int, text string) {
	p.t.Helper()
	eventually(p.t, "the log says "+text, func() bool { return strings.Count(p.log.String(), text) >= times })
}

// allIsWell checks that the table is in step, nothing waits and nothing was given up.
func (p *production) allIsWell() {
	p.t.Helper()
	s := (&place{cfg: p.cfg}).state(p.t)
	r, err := (&Survey{Config: p.cfg, State: s}).Run(p.t.Context(), Full, PassOptions{})
	if err != nil || !r.InSync || r.Dead+r.Queued+r.Pending != 0 {
		p.t.Errorf("verify: %+v, %v", r, err)
	}
}

// sentBy counts the records that were sent by a key.
func (p *production) sentBy(key store.ConflictKey) (records int) {
	for _, q := range p.server.Requests() {
		if q.Method == http.MethodPost && q.Query.Get("on_conflict") == key.String() {
			records += q.Rows
		}
	}
	return records
}

const (
	bySessionLine = "one row per session, because the table is unique on session_id (GFX_SYNC_ON_CONFLICT=auto)"
	byHashLine    = "one row per version of a file, because the table is unique on file_hash " +
		"(GFX_SYNC_ON_CONFLICT=auto)"
)

func TestTheKeyIsFoundOutOnTheTablesInProduction(t *testing.T) {
	for _, table := range supabasetest.ProductionTables {
		if table.Unfilled != "" {
			continue // it takes no row: check says so
		}
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			p := newProduction(t, table.SQL, table.Schema, "auto")
			p.save(1, 1)
			stop := p.run()
			p.awaitLog(1, bySessionLine)
			p.await(p.save(1, 2))
			p.await(p.save(1, 3))
			stop()
			p.allIsWell()
		})
	}
}

// TestAServerThatAnswersLater: what is captured meanwhile is queued, and no record goes out by a key that the server
// has not said.
func TestAServerThatAnswersLater(t *testing.T) {
	t.Parallel()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "auto")
	p.server.Stop()
	p.save(1, 1)
	stop := p.run()
	p.awaitStatus("the first save waits", func(st Status) bool { return st.Queued == 1 })
	p.awaitLog(1, "is not known yet")
	p.save(1, 2)
	p.awaitStatus("the second save waits too", func(st Status) bool { return st.Queued == 2 })
	stop()

	// Its successor knows no more than it did.
	last := p.save(1, 3)
	stop = p.run()
	p.awaitStatus("all three wait", func(st Status) bool { return st.Queued == 3 })
	p.server.Start()
	p.await(last)
	p.awaitLog(1, bySessionLine)
	p.await(p.save(1, 4))
	p.awaitStatus("nothing waits", func(st Status) bool { return st.Queued+st.Dead == 0 && st.Link == linkOnline })
	stop()
	p.allIsWell()
	if n := p.sentBy(store.ByHash); n > 0 {
		t.Errorf("%d records were sent by a key that the server had not said", n)
	}
}

// TestTheKeyIsRemembered: an agent that begins during an outage goes by what the server said last.
func TestTheKeyIsRemembered(t *testing.T) {
	t.Parallel()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "auto")
	p.save(1, 1)
	stop := p.run()
	p.awaitLog(1, bySessionLine)
	stop()
	p.server.Stop()
	before := len(p.log.String()) // a server that is slow to answer may have been asked twice by the first agent
	last := p.save(1, 2)
	stop = p.run()
	p.awaitLog(1, bySessionLine+", as far as the server has said")
	p.awaitStatus("the save waits", func(st Status) bool { return st.Queued > 0 })
	p.server.Start()
	p.await(last)
	stop()
	if strings.Contains(p.log.String()[before:], "going on by that key") {
		t.Error("the agent was opened again for a key that it knew")
	}
	p.allIsWell()
}

// TestTheServersWordWins: the table is altered while an agent runs, and while none does.
func TestTheServersWordWins(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]string{
		"another constraint instead": `alter table gfx_sessions drop constraint gfx_sessions_file_hash_key,
				add unique (session_id)`, // 42P10
		"another constraint as well": `alter table gfx_sessions add unique (session_id)`, // 23505
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProduction(t, supabase.SchemaSQL("public", "gfx_sessions", store.ByHash), "public", "auto")
			p.save(1, 1)
			stop := p.run()
			p.awaitLog(1, byHashLine)
			p.awaitStatus("the first save is there", func(st Status) bool { return st.Synced == 1 })
			p.server.Exec(t, alter)
			p.await(p.save(1, 2))
			p.awaitLog(1, bySessionLine)
			stop()

			p.server.Exec(t, `delete from gfx_sessions;
					alter table gfx_sessions drop constraint gfx_sessions_session_id_key,
				drop constraint if exists gfx_sessions_file_hash_key, add unique (file_hash)`)
			stop = p.run()
			p.awaitLog(2, byHashLine)
			p.await(p.save(1, 3))
			stop()
			p.allIsWell()
		})
	}
}

// TestATableThatIsUniqueOnNothing is loud, and nothing is lost while it is altered.
func TestATableThatIsUniqueOnNothing(t *testing.T) {
	t.Parallel()
	p := newProduction(t, `create table gfx_sessions (session_id bigint, file_hash text not null,
			raw_json jsonb not null)`, "public", "auto")
	last := p.save(1, 2)
	stop := p.run()
	p.awaitLog(1, "ALTER TABLE public.gfx_sessions ADD UNIQUE (file_hash)")
	p.awaitStatus("the save waits", func(st Status) bool { return st.Queued == 1 && st.Link == linkOffline })
	s := (&place{cfg: p.cfg}).state(t)
	_, err := (&Survey{Config: p.cfg, State: s}).Run(t.Context(), Quick, PassOptions{})
	if store.ClassOf(err) != store.Setup {
		t.Errorf("verify: %v", err)
	}
	p.server.Exec(t, `alter table gfx_sessions add unique (session_id)`)
	p.await(last)
	stop()
	p.allIsWell()
}

// TestOnePassThatCannotFindOutTheKey: a reconcile queues, a verify says why it cannot.
func TestOnePassThatCannotFindOutTheKey(t *testing.T) {
	t.Parallel()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "auto")
	p.server.Stop()
	last := p.save(1, 1)
	r, err := Reconcile(t.Context(), p.cfg, Quick, PassOptions{}, nil)
	if err != nil || r.Outcome == Complete || r.Queued != 1 {
		t.Errorf("reconcile: %+v, %v", r, err)
	}
	s := (&place{cfg: p.cfg}).state(t)
	_, err = Verify(t.Context(), &Survey{Config: p.cfg, State: s}, Quick)
	if err == nil || !strings.Contains(err.Error(), "cannot ask what the table is unique on: outage: no answer") {
		t.Errorf("verify: %v", err)
	}
	p.server.Start()
	if r, err = Reconcile(t.Context(), p.cfg, Quick, PassOptions{}, nil); err != nil || !r.InSync {
		t.Errorf("reconcile: %+v, %v", r, err)
	}
	p.await(last)
	p.allIsWell()
}

// TestASetKeyThatTheTableRefuses is said at the start, with the setting to change.
func TestASetKeyThatTheTableRefuses(t *testing.T) {
	t.Parallel()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "file_hash")
	p.save(1, 1)
	stop := p.run()
	p.awaitLog(1, "the second save of every session will be refused")
	p.awaitStatus("the first save is there", func(st Status) bool { return st.Synced == 1 })
	p.save(1, 2)
	p.awaitLog(2, "set GFX_SYNC_ON_CONFLICT=session_id (or leave it at auto)") // at the start, and as the reason
	stop()
}

// TestATableThatIsLockedWhenItIsAskedFor: no record is blamed for a question that took too long.
func TestATableThatIsLockedWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "auto")
	p.server.SetStatementTimeout(100 * time.Millisecond)
	tx, err := p.server.DB().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unlock := sync.OnceFunc(func() {
		if err := tx.Rollback(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(unlock)
	if _, err := tx.Exec(t.Context(), `lock table gfx_sessions in share mode`); err != nil {
		t.Fatal(err)
	}
	p.cfg.MaxRetries = 1
	p.cfg.Delivery.QueueInterval = 10 * time.Millisecond
	last := p.save(1, 1)
	stop := p.run()
	p.awaitStatus("the save waits", func(st Status) bool { return st.Queued == 1 && st.Link == linkOffline })
	p.awaitRequests(20)
	if st := p.status(); st.Dead > 0 {
		t.Errorf("%d records are dead", st.Dead)
	}
	unlock()
	p.await(last)
	stop()
	p.allIsWell()
}

// awaitRequests waits until so many requests have been made.
func (p *production) awaitRequests(n int) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%d requests", n), func() bool { return len(p.server.Requests()) >= n })
}
