package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// odd is the content of a file that the tests here have refused, alone among good ones.
const odd = `{"ID":1,"EventTitle":"odd one out"}`

// refusal is a line of the design's "What a failure means" after which a record has one retry less.
type refusal struct {
	name, words string
	ambiguous   bool // it may be the remote's fault, until another record is taken
	begin       func(t *testing.T, s *subject)
	end         func(t *testing.T, s *subject) // besides Heal; nil: nothing
}

// refused is what the gateway answers to a request with the odd file.
func refused(answer supabasetest.Canned, words string) refusal {
	return refusal{name: fmt.Sprintf("%d %s", answer.Status, words), words: words, begin: func(_ *testing.T, s *subject) {
		s.server.SetFault(func(r *http.Request) (f supabasetest.Fault) {
			if body, err := io.ReadAll(r.Body); err == nil && bytes.Contains(body, []byte(odd)) {
				f.Answer = &answer
			}
			return f
		})
	}}
}

func refusedWith(status int, code string) refusal { return refused(errorOf(status, code), code) }

func executes(statement string) func(*testing.T, *subject) {
	return func(t *testing.T, s *subject) { s.server.Exec(t, statement) }
}

// slowTitles has the database take so long for each row with such a title.
func slowTitles(title, seconds string) string {
	return `create function dawdle() returns trigger language plpgsql as
		$$ begin if new.event_title like '` + title + `' then perform pg_sleep(` + seconds + `); end if; return new; end $$;
		create trigger dawdle before insert on gfx_sessions for each row execute function dawdle()`
}

var refusals = []refusal{
	refusedWith(400, "22P05"), refusedWith(400, "22P02"), refusedWith(400, "22021"), refusedWith(409, "23505"),
	refusedWith(400, "PGRST102"), refusedWith(500, "54000"), refusedWith(400, "PGRST999"),
	refused(supabasetest.HTML(418), "HTTP 418"),
	{
		name: "23505 of the database", words: "one_title",
		begin: executes(`alter table gfx_sessions add constraint one_title unique (event_title);
			insert into gfx_sessions (file_hash, raw_json, event_title) values ('of another agent', '{}', 'odd one out')`),
		end: executes(`delete from gfx_sessions where file_hash = 'of another agent'`),
	},
	{
		name: "57014 of a single record", words: "57014", ambiguous: true,
		begin: func(t *testing.T, s *subject) {
			s.server.Exec(t, slowTitles("odd%", "60"))
			s.server.SetStatementTimeout(5 * time.Second) // which the others need not fear on a busy machine
		},
		end: executes(`drop trigger dawdle on gfx_sessions`),
	},
	{
		name: "413 of a single record", words: "HTTP 413", ambiguous: true,
		begin: func(t *testing.T, s *subject) {
			s.write(t, "odd.json", []byte(odd+strings.Repeat(" ", 100_000)))
			s.server.SetBodyLimit(50_000)
		},
	},
}

func TestRefusedRecordSpendsARetryAndTheOthersArrive(t *testing.T) {
	t.Parallel()
	for _, f := range refusals {
		for _, last := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, for the last time %v", f.name, last), func(t *testing.T) {
				t.Parallel()
				c := newFailing(t, supabasetest.DefaultSchema)
				want, mode := "synced queued synced", Quick
				if last {
					c.cfg.MaxRetries, want, mode = 1, "synced dead synced", Full
				}
				c.write(t, "odd.json", []byte(odd))
				hashes := map[string]string{"a.json": c.session(t, "a.json", 1, 1), "p.json": c.session(t, "p.json", 2, 1)}
				f.begin(t, c.subject)
				w := c.begin(t)
				spent := fmt.Sprintf("odd.json|1|%d|", number(last))
				eventually(t, "the odd one is refused, the others arrive", func() bool {
					return c.states(t) == want && w.Idle() && w.delivery.Circuit().Closed() &&
						strings.HasPrefix(strings.Join(dump(t, c.cfg.QueueDB,
							`SELECT file_path, retry_count, dead, '' FROM pending_sync`), " "), spent)
				})
				if c.before.Load() == 0 {
					t.Error("the first request went out before the index had the intent")
				}
				got := dump(t, c.cfg.QueueDB, `SELECT file_path, retry_count, dead, last_error FROM pending_sync`)
				if len(got) != 1 || !strings.Contains(got[0], f.words) {
					t.Errorf("in the queue: %q, want odd.json with the words %q", got, f.words)
				}
				dies := strings.Contains(c.log.String(), "level=WARN")
				if dies != last && !f.ambiguous || !strings.Contains(c.log.String(), f.words) {
					t.Errorf("a warning in the log: %v, want it for what dies, and the words %q:\n%s", dies, f.words, c.log.String())
				}

				if f.end != nil {
					f.end(t, c.subject)
				}
				c.server.Heal()
				w.pass(t.Context(), mode, PassOptions{}, nil) // makes due what waits; a full one the dead as well
				hashes["odd.json"] = c.hashOf(t, "odd.json")
				c.wantArrived(t, w, hashes)
			})
		}
	}
}

func TestRequestThatIsTooMuchArrivesByParts(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T, s *subject){
		"413": func(_ *testing.T, s *subject) { s.server.SetBodyLimit(100_000) },
		"57014": func(t *testing.T, s *subject) {
			s.server.Exec(t, slowTitles("%", "0.4"))
			s.server.SetStatementTimeout(3 * time.Second) // one alone must never take so long, however busy the machine
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFailing(t, supabasetest.DefaultSchema)
			hashes := map[string]string{}
			for i := range 16 { // 6.4 s, and 480,000 bytes
				path := fmt.Sprintf("s%02d.json", i)
				c.write(t, path, fmt.Appendf(nil, `{"ID":%d,"Name":%q}`, i, strings.Repeat("x", 30_000)))
				hashes[path] = c.hashOf(t, path)
			}
			begin(t, c.subject)
			c.server.Stop() // so that all of them go from the queue: a probe, those after it, those before it
			w := c.begin(t)
			eventually(t, "everything is queued", func() bool { return c.states(t) == strings.Repeat("queued ", 15)+"queued" })
			c.server.ResetRequests()
			c.server.Start()
			c.wantArrived(t, w, hashes)
			if strings.Contains(c.log.String(), "refuses") {
				t.Errorf("a record was refused:\n%s", c.log.String())
			}
			tooMuch := 0
			for _, r := range c.server.Requests() {
				if r.Status == http.StatusRequestEntityTooLarge || r.Status == http.StatusInternalServerError {
					tooMuch++
				}
			}
			if tooMuch == 0 {
				t.Error("nothing was too much: the test wants it")
			}
		})
	}
}

func TestContentionIsTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40P01", "55P03"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			c := newFailing(t, supabasetest.DefaultSchema)
			first := c.writeSessions(t, 1)
			w := c.begin(t)
			c.wantArrived(t, w, first) // the columns of the table are known by then
			c.server.ResetRequests()
			c.server.Answer(3, errorOf(500, code))
			hashes := c.writeSessions(t, 2)
			w.pass(t.Context(), Scan, PassOptions{}, nil)
			c.wantArrived(t, w, hashes)
			if n := len(c.server.Requests()); n != 4 {
				t.Errorf("%d requests, want three in vain and one", n)
			}
			if strings.Contains(c.log.String(), "level=WARN") {
				t.Errorf("contention passed for more:\n%s", c.log.String())
			}
		})
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]func() string{
		"seconds": func() string { return "1" },
		"date":    func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFailing(t, supabasetest.DefaultSchema)
			meanwhile := make(chan string, 1)
			c.server.SetFault(func(*http.Request) supabasetest.Fault {
				c.server.SetFault(func(*http.Request) supabasetest.Fault {
					c.server.SetFault(nil)
					meanwhile <- c.states(t)
					return supabasetest.Fault{}
				})
				answer := supabasetest.RateLimited(value())
				return supabasetest.Fault{Answer: &answer}
			})
			hashes := c.writeSessions(t, 1)
			w := c.begin(t)
			c.wantArrived(t, w, hashes)
			if state := <-meanwhile; state != "queued" {
				t.Errorf("until the second request the file was %s, want queued", state)
			}
			requests := c.server.Requests()
			// A date has no fractions of a second; without the header the second request would have come after ten milliseconds.
			if gap := requests[1].At.Sub(requests[0].At); gap < 900*time.Millisecond {
				t.Errorf("the second request came after %v, want a second at least", gap)
			}
		})
	}
}

// hashOf returns the hash of a file as it is now.
func (p *place) hashOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(p.dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return hashindex.XXH3.Sum(content)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
