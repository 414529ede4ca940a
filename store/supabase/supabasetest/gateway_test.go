package supabasetest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	fill(t, s, 1)
	hour := time.Now().Add(time.Hour).Unix()
	expired := s.JWT(map[string]any{"role": "service_role", "exp": time.Now().Add(-time.Hour).Unix()})
	skewed := s.JWT(map[string]any{"role": "service_role", "exp": time.Now().Add(-10 * time.Second).Unix()})
	ghost := s.JWT(map[string]any{"role": "ghost", "exp": hour})
	user := s.JWT(map[string]any{"role": "authenticated", "exp": hour})
	other := supabasetest.New(t).JWT(map[string]any{"role": "service_role"})
	for _, tc := range []struct {
		name, apikey, token, agent string
		status                     int
		want                       string // code, message, or the rows
	}{
		{"none", "", "", "", 401, "No API key found in request"},
		{"token alone", "", s.ServiceJWT, "", 401, "No API key found in request"},
		{"secret", s.SecretKey, "", "", 200, `[{"file_hash":"000"}]`},
		{"secret from a browser", s.SecretKey, "", "Mozilla/5.0", 401, "Forbidden use of secret API key in browser"},
		{"secret as a token too", s.SecretKey, s.SecretKey, "", 401, "PGRST301"},
		{"secret as a token only", s.AnonJWT, s.SecretKey, "", 401, "Invalid API key"},
		{"secret with a user's token", s.SecretKey, user, "", 200, `[]`},
		{"unknown secret", "sb_secret_nope", "", "", 401, "Invalid API key"},
		{"publishable", s.PublishableKey, "", "", 200, `[]`},
		{"service", s.ServiceJWT, s.ServiceJWT, "", 200, `[{"file_hash":"000"}]`},
		{"service, no token", s.ServiceJWT, "", "", 200, `[]`},
		{"anon", s.AnonJWT, s.AnonJWT, "", 200, `[]`},
		{"user", s.PublishableKey, user, "", 200, `[]`},
		{"nonsense", "nonsense", "", "", 401, "Invalid API key"},
		{"empty token", s.SecretKey, " ", "", 401, "PGRST301"},
		{"wrong signature", other, other, "", 401, "PGRST301"},
		{"wrong signature, no token", other, "", "", 401, "Invalid API key"},
		{"expired", expired, expired, "", 401, "PGRST303"},
		{"expired within the skew", skewed, skewed, "", 200, `[{"file_hash":"000"}]`},
		{"role that is not there", ghost, ghost, "", 401, "22023"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := call{method: "GET", path: "gfx_sessions?select=file_hash", noKey: true}
			for name, v := range map[string]string{"apikey": tc.apikey, "User-Agent": tc.agent} {
				if v != "" {
					c.headers = append(c.headers, name+": "+v)
				}
			}
			if tc.token != "" {
				c.headers = append(c.headers, "Authorization: Bearer "+tc.token)
			}
			a := do(t, s, c)
			if a.status != tc.status || (a.code() != tc.want && a.body != tc.want) {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, tc.status, tc.want)
			}
		})
	}
	a := post(t, s, "gfx_sessions", `{"file_hash":"x","raw_json":{}}`, "apikey: "+s.PublishableKey)
	if a.status != 401 || a.code() != "42501" {
		t.Errorf("anon inserts: %d %s", a.status, a.body)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	insert := func(hash string) (answer, error) {
		return try(t, s, call{method: "POST", path: "gfx_sessions", body: `{"file_hash":"` + hash + `","raw_json":{}}`})
	}
	s.Answer(1, supabasetest.HTML(502))
	s.Answer(1, supabasetest.RateLimited("7"))
	if a, err := insert("a"); err != nil || a.status != 502 || !strings.Contains(a.body, "<html>") {
		t.Errorf("canned: %v %v", a, err)
	}
	if a, err := insert("a"); err != nil || a.status != 429 || a.header.Get("Retry-After") != "7" {
		t.Errorf("canned: %v %v", a, err)
	}
	s.DropBefore(1)
	if _, err := insert("b"); err == nil {
		t.Error("DropBefore: answered")
	}
	s.DropAfterCommit(1)
	if _, err := insert("c"); err == nil {
		t.Error("DropAfterCommit: answered")
	}
	s.Answer(-1, supabasetest.HTML(503))
	for range 3 {
		if a, err := insert("d"); err != nil || a.status != 503 {
			t.Errorf("for ever: %v %v", a, err)
		}
	}
	s.Heal()
	s.Truncate(1)
	if a, err := try(t, s, call{method: "GET", path: "gfx_sessions?select=file_hash"}); !errors.Is(err, io.ErrUnexpectedEOF) || a.body != `[{"file_h` {
		t.Errorf("Truncate: %q %v", a.body, err)
	}
	s.SetBodyLimit(10)
	if a, err := insert("e"); err != nil || a.status != 413 || !strings.Contains(a.header.Get("Content-Type"), "html") {
		t.Errorf("body limit: %v %v", a, err)
	}
	s.Heal()
	if a, err := insert("f"); err != nil || a.status != 201 {
		t.Errorf("healed: %v %v", a, err)
	}
	if got := strings.Join(s.QueryStrings(t, "select file_hash from gfx_sessions order by 1"), ""); got != "cf" {
		t.Errorf("table holds %q, want c and f", got)
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	const d = 60 * time.Millisecond
	for name, set := range map[string]func(time.Duration){"latency": s.SetLatency, "slow body": s.SetSlowBody} {
		set(d)
		start := time.Now()
		if a := get(t, s, "nope"); a.status != 404 || time.Since(start) < d {
			t.Errorf("%s: %d after %v", name, a.status, time.Since(start))
		}
		s.Heal()
	}
	// A client that gives up must not keep the server waiting.
	s.SetLatency(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestHook(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	s.SetFault(func(r *http.Request) supabasetest.Fault {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("bad")) {
			canned := supabasetest.HTML(520)
			return supabasetest.Fault{Answer: &canned}
		}
		return supabasetest.Fault{}
	})
	if a := post(t, s, "gfx_sessions", `{"file_hash":"bad","raw_json":{}}`); a.status != 520 {
		t.Errorf("got %d", a.status)
	}
	if a := post(t, s, "gfx_sessions", `{"file_hash":"good","raw_json":{}}`); a.status != 201 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	s.SetFault(func(*http.Request) supabasetest.Fault { s.Stop(); return supabasetest.Fault{} })
	if _, err := try(t, s, call{method: "GET", path: "gfx_sessions"}); err == nil {
		t.Error("a hook that stops the server: answered")
	}
}

func TestStopAndStart(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	url := s.URL
	s.Stop()
	s.Stop()
	if _, err := try(t, s, call{method: "GET", path: "gfx_sessions"}); !refused(err) {
		t.Errorf("stopped: %v", err)
	}
	before := s.Connections()
	s.Start()
	if a := get(t, s, "gfx_sessions"); a.status != 200 || s.URL != url || s.Connections() != before+1 {
		t.Errorf("started: %d at %s, %d connections", a.status, s.URL, s.Connections()-before)
	}
	s.Stop()
	s.Heal()
	if a := get(t, s, "gfx_sessions"); a.status != 200 {
		t.Errorf("healed: %d", a.status)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	post(t, s, "gfx_sessions?on_conflict=file_hash", `[{"file_hash":"a","raw_json":{}},{"file_hash":"b","raw_json":{}}]`, upsert)
	get(t, s, "gfx_sessions")
	all := s.Requests()
	if len(all) != 2 {
		t.Fatalf("%d requests", len(all))
	}
	if r := all[0]; r.Method != "POST" || r.Rows != 2 || r.Status != 201 || r.BodyBytes != 65 ||
		r.Query.Get("on_conflict") != "file_hash" || r.Header.Get("Apikey") != s.SecretKey {
		t.Errorf("got %s with %d rows, %d bytes, status %d, query %v", r.Method, r.Rows, r.BodyBytes, r.Status, r.Query)
	}
	if r := all[1]; r.Method != "GET" || r.Path != "/rest/v1/gfx_sessions" || r.Rows != 2 || r.Status != 200 {
		t.Errorf("got %s %s with %d rows, status %d", r.Method, r.Path, r.Rows, r.Status)
	}
	s.ResetRequests()
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests after a reset", n)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	supabasetest.New(t) // skips where there is no PostgreSQL
	var log syncBuffer
	s, err := supabasetest.Serve(t.Context(), "127.0.0.1:0", &log)
	if err != nil {
		t.Fatal(err)
	}
	get(t, s, "gfx_sessions?apikey="+s.SecretKey)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); !strings.Contains(got, "GET /rest/v1/gfx_sessions status=200") || strings.Contains(got, "sb_") {
		t.Errorf("log: %s", got)
	}
	s.Start() // a closed server stays closed
	if _, err := try(t, s, call{method: "GET", path: "gfx_sessions"}); !refused(err) {
		t.Errorf("closed: %v", err)
	}
	if _, err := supabasetest.Serve(t.Context(), "127.0.0.1:0", &log, supabasetest.WithSQL("nonsense")); err == nil {
		t.Error("set-up SQL that fails went unnoticed")
	}
}

// Closing must not wait for a client, nor for a statement.
func TestCloseWhileBusy(t *testing.T) {
	t.Parallel()
	var entered atomic.Bool
	t.Run("busy", func(t *testing.T) {
		s := supabasetest.New(t, supabasetest.WithSQL("create view slow as select pg_sleep(60)::text"))
		s.SetStatementTimeout(0)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = try(t, s, call{method: "GET", path: "slow"})
		}()
		waitFor(t, func() bool {
			return len(s.QueryStrings(t, "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()")) > 0
		})
		entered.Store(true)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	if !entered.Load() {
		t.Skip("no PostgreSQL")
	}
}
