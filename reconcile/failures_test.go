package reconcile

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// linkFailure is a line of the design's "What a failure means" after which the records wait, and their retries are not spent.
type linkFailure struct {
	name  string
	class store.Class
	words string // that the queue, the log and the status must have
	begin func(t *testing.T, s *subject)
	end   func(t *testing.T, s *subject) // besides Heal; nil: nothing
	via   func(t *testing.T, s *subject) store.Table
}

// answered is a failure that the gateway answers.
func answered(class store.Class, answer supabasetest.Canned, words string) linkFailure {
	return linkFailure{
		name: fmt.Sprintf("%d %s", answer.Status, words), class: class, words: words,
		begin: func(_ *testing.T, s *subject) { s.server.Answer(-1, answer) },
	}
}

// page is an HTML page of a proxy.
func page(class store.Class, status int) linkFailure {
	return answered(class, supabasetest.HTML(status), fmt.Sprintf("HTTP %d", status))
}

// coded is an error of PostgREST's.
func coded(class store.Class, status int, code string) linkFailure {
	return answered(class, errorOf(status, code), code)
}

func errorOf(status int, code string) supabasetest.Canned {
	return supabasetest.Canned{
		Status: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: fmt.Sprintf(`{"code":%q,"message":"made up","details":null,"hint":null}`, code),
	}
}

// altered is a table that somebody has altered.
func altered(class store.Class, words, sql, back string) linkFailure {
	change := func(sql string) func(*testing.T, *subject) {
		return func(t *testing.T, s *subject) { s.server.Exec(t, sql) }
	}
	return linkFailure{name: words + " after " + sql, class: class, words: words, begin: change(sql), end: change(back)}
}

// elsewhere is a wrong setting, which is mended by a new one and a restart.
func elsewhere(class store.Class, name, words string, remote func(t *testing.T, s *subject) store.Table) linkFailure {
	return linkFailure{name: name, class: class, words: words, via: remote}
}

var linkFailures = []linkFailure{
	{
		name: "no connection", class: store.Outage, words: "refused",
		begin: func(_ *testing.T, s *subject) { s.server.Stop() },
	},
	{
		name: "connection cut", class: store.Outage, words: "EOF",
		begin: func(_ *testing.T, s *subject) { s.server.DropBefore(1 << 30) },
	},
	elsewhere(store.Outage, "no answer in time", "deadline exceeded", func(t *testing.T, s *subject) store.Table {
		s.server.SetLatency(time.Hour)
		return supabaseAt(t, s.server.URL, s.server.SecretKey, time.Second)
	}),
	elsewhere(store.Outage, "no such host", "nowhere.invalid", func(t *testing.T, s *subject) store.Table {
		return supabaseAt(t, "https://nowhere.invalid", s.server.SecretKey, patience)
	}),
	elsewhere(store.Outage, "TLS to a port without", "TLS", func(t *testing.T, s *subject) store.Table {
		return supabaseAt(t, strings.Replace(s.server.URL, "http:", "https:", 1), s.server.SecretKey, patience)
	}),
	elsewhere(store.Outage, "certificate that nobody vouches for", "certificate", func(t *testing.T, s *subject) store.Table {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		return supabaseAt(t, server.URL, s.server.SecretKey, patience)
	}),
	page(store.Outage, 408), page(store.Outage, 429), page(store.Outage, 500), page(store.Outage, 502), page(store.Outage, 503),
	page(store.Outage, 504), page(store.Outage, 520), page(store.Outage, 521), page(store.Outage, 522), page(store.Outage, 523),
	page(store.Outage, 524),
	coded(store.Outage, 503, "53100"), coded(store.Outage, 503, "53300"), coded(store.Outage, 503, "08006"),
	coded(store.Outage, 503, "57P01"), coded(store.Outage, 500, "57P03"), coded(store.Outage, 503, "PGRST000"),
	coded(store.Outage, 503, "PGRST001"), coded(store.Outage, 503, "PGRST002"), coded(store.Outage, 504, "PGRST003"),
	coded(store.Outage, 500, "XX000"),                                    // unknown
	coded(store.Outage, 500, "40P01"), coded(store.Outage, 500, "55P03"), // without end

	elsewhere(store.Credentials, "wrong key", "GFX_SYNC_SUPABASE_SERVICE_KEY", func(t *testing.T, s *subject) store.Table {
		return supabaseAt(t, s.server.URL, "sb_secret_Zm9vYmFyYmF6cXV4_c0ffee", patience)
	}),
	page(store.Credentials, 403),
	coded(store.Credentials, 401, "PGRST301"), coded(store.Credentials, 401, "PGRST302"), coded(store.Credentials, 401, "PGRST303"),
	altered(store.Credentials, "42501", `revoke all on gfx_sessions from service_role`, `grant all on gfx_sessions to service_role`),

	coded(store.Setup, 404, "42P01"),
	altered(store.Setup, "PGRST205", `alter table gfx_sessions rename to moved`, `alter table moved rename to gfx_sessions`),
	altered(store.Setup, "PGRST204", `alter table gfx_sessions rename raw_json to raw`, `alter table gfx_sessions rename raw to raw_json`),
	altered(store.Setup, "42P10", `alter table gfx_sessions drop constraint gfx_sessions_file_hash_key`,
		`alter table gfx_sessions add unique (file_hash)`),
}

// hints are what a loud failure tells the operator to look at.
var hints = map[store.Class]string{store.Credentials: "GFX_SYNC_SUPABASE_SERVICE_KEY", store.Setup: "gfxsync schema"}

func TestWhileTheLinkIsDownRecordsWaitAndSpendNoRetry(t *testing.T) {
	t.Parallel()
	for _, f := range linkFailures {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := newFailing(t, supabasetest.DefaultSchema)
			if f.via != nil {
				c.reach(f.via(t, c.subject))
			} else {
				f.begin(t, c.subject)
			}
			hashes := c.writeSessions(t, 3)
			w := c.begin(t)
			tries := 0
			eventually(t, "the failure has been met three times, and the status tells it", func() bool {
				tries += c.remote.counted("upsert")
				return tries >= 3 && c.states(t) == "queued queued queued" && c.status(t, w).Link == linkOffline
			})
			if c.before.Load() == 0 {
				t.Error("the first request went out before the index had the intent")
			}
			c.wantLink(t, w, f)
			hashes["late.json"] = c.session(t, "late.json", 77, 1)
			w.pass(t.Context(), Scan, PassOptions{}, nil)
			eventually(t, "a file that comes meanwhile is in the queue", func() bool { return fileState(t, c.place, "late.json") == "queued" })
			c.wantQueue(t, f.words)

			c.heal(t, f, w)
			c.wantArrived(t, w, hashes)
		})
	}
}

// wantLink fails unless link, log and status say what is wrong, as loudly as the class asks for.
func (c *failing) wantLink(t *testing.T, w *worker, f linkFailure) {
	t.Helper()
	if link := w.delivery.Circuit(); link.Closed() || link.Class != f.class {
		t.Errorf("link = %+v, want it down for %v", link, f.class)
	}
	st := c.status(t, w)
	if st.Link != linkOffline || !strings.Contains(st.LinkError, f.words) || !strings.Contains(st.LinkError, hints[f.class]) {
		t.Errorf("status: %s %q, want offline with %q and %q", st.Link, st.LinkError, f.words, hints[f.class])
	}
	loud := strings.Contains(c.log.String(), "level=ERROR")
	if loud != (f.class != store.Outage) {
		t.Errorf("an error in the log: %v\n%s", loud, c.log.String())
	}
	if !strings.Contains(c.log.String(), f.words) || !strings.Contains(c.log.String(), hints[f.class]) {
		t.Errorf("the log lacks %q or %q:\n%s", f.words, hints[f.class], c.log.String())
	}
}

func (c *failing) status(t *testing.T, w *worker) Status {
	t.Helper()
	st, err := ReadStatus(t.Context(), w.state)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// wantQueue fails unless everything in the queue has its whole retry budget, and what was tried says why it waits.
func (c *failing) wantQueue(t *testing.T, words string) {
	t.Helper()
	entries := dump(t, c.cfg.QueueDB, `SELECT retry_count, dead, last_attempt IS NULL, last_error FROM pending_sync`)
	said := 0
	for _, e := range entries {
		if !strings.HasPrefix(e, "0|0|") {
			t.Errorf("in the queue: %s, want no retry spent", e)
		}
		if strings.Contains(e, words) {
			said++
		} else if e != "0|0|1|" {
			t.Errorf("in the queue: %s, want it not tried yet, or the reason", e)
		}
	}
	if len(entries) != 4 || said == 0 {
		t.Errorf("%d entries in the queue, %d of them with the words %q", len(entries), said, words)
	}
}

// failing is a subject whose failures a test watches.
type failing struct {
	*subject
	log    syncBuffer
	before atomic.Int64 // files whose intent was in the index when the first request went out
}

// lastLines returns the last 50 lines of a log.
func lastLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-50):], "")
}

func newFailing(t *testing.T, schema string) *failing {
	t.Helper()
	c := &failing{subject: onPostgres(t, schema)}
	c.cfg.MaxRetries = 5
	c.cfg.Delivery.QueueInterval = time.Hour // nothing refused is due by itself
	c.cfg.Delivery.ProbeFirst, c.cfg.Delivery.ProbeLast = 10*time.Millisecond, 50*time.Millisecond
	c.cfg.Logger = slog.New(slog.NewTextHandler(&c.log, nil))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("files: %s; the queue: %q; the log:\n%s", c.states(t), dump(t, c.cfg.QueueDB,
				`SELECT file_path, retry_count, dead, last_error FROM pending_sync`), lastLines(c.log.String()))
		}
	})
	c.reach(supabaseAt(t, c.server.URL, c.server.SecretKey, patience))
	return c
}

// reach has the agent use another remote.
func (c *failing) reach(table store.Table) {
	c.remote = newFlaky(table)
	c.cfg.Remote = c.remote
}

// begin starts an agent, and has it find the files.
func (c *failing) begin(t *testing.T) *worker {
	t.Helper()
	w := c.work(t)
	c.remote.onCall(func(string) {
		c.remote.onCall(nil)
		counts, err := w.state.Index.Counts(t.Context())
		if err == nil {
			// The request beside this one may have failed meanwhile, and its file be queued.
			c.before.Store(int64(counts[hashindex.Pending] + counts[hashindex.Queued]))
		}
	})
	w.pass(t.Context(), Scan, PassOptions{}, nil)
	return w
}

// heal mends what is broken. It is for the agent to notice; but a setting takes a restart.
func (c *failing) heal(t *testing.T, f linkFailure, w *worker) {
	t.Helper()
	if f.via != nil {
		c.server.Heal()
		w.stop()
		c.reach(supabaseAt(t, c.server.URL, c.server.SecretKey, patience))
		*w = *c.work(t)
		w.delivery.DrainQueue() // as Run does at its beginning
		return
	}
	if f.end != nil {
		f.end(t, c.subject)
	}
	c.server.Heal()
}

// wantArrived waits until every file has arrived, and fails unless the table has them all and the queue none.
func (c *failing) wantArrived(t *testing.T, w *worker, hashes map[string]string) {
	t.Helper()
	want := strings.TrimSpace(strings.Repeat("synced ", len(hashes)))
	eventually(t, "every file is synced", func() bool { return c.states(t) == want && w.Idle() })
	if link := w.delivery.Circuit(); !link.Closed() {
		t.Errorf("link = %+v, want it up", link)
	}
	if left := dump(t, c.cfg.QueueDB, `SELECT file_path FROM pending_sync`); len(left) != 0 {
		t.Errorf("left in the queue: %v", left)
	}
	c.wantAll(t, values(hashes)...)
}

// states returns the states of all files in the order of their paths.
func (c *failing) states(t *testing.T) string {
	t.Helper()
	return strings.Join(dump(t, c.cfg.QueueDB, `SELECT state FROM files ORDER BY path`), " ")
}

func values(m map[string]string) (list []string) {
	for _, v := range m {
		list = append(list, v)
	}
	slices.Sort(list)
	return list
}
