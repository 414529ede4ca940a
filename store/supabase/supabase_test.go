package supabase_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/storetest"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func rows(t *testing.T, s *supabasetest.Server) []string {
	t.Helper()
	return s.QueryStrings(t,
		`select (to_jsonb(g) || jsonb_build_object('raw_json', g.raw_json::text))::text from gfx_sessions g`)
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		s := supabasetest.New(t)
		return storetest.Subject{
			Remote: remoteAt(t, s.URL, s.SecretKey, nil), BadJSON: `{"x":"\u0000"}`,
			Rows: func(t *testing.T) []string { return rows(t, s) },
		}
	})
}

// These are JSON, but PostgreSQL's jsonb refuses them.
func TestJSONThatPostgreSQLRefusesIsRejected(t *testing.T) {
	s := supabasetest.New(t)
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	for name, raw := range map[string]string{
		"NUL in a value": `{"x":"a\u0000"}`, "NUL in a key": `{"\u0000":1}`, "lone surrogate": `{"x":"\ud800"}`,
		"number beyond all bounds": `{"x":1E200000}`,
	} {
		bad := storetest.RecordOf(t, strings.Repeat("f", 32), "a.json", []byte(`{}`))
		bad.RawJSON = []byte(raw) // MakeRecord would refuse it
		records := []store.Record{storetest.Record(t, 1, 1), bad}
		if re := remoteError(t, r.Upsert(t.Context(), records), store.Rejected); !strings.HasPrefix(re.Code, "22") &&
			re.Code != "PGRST102" {
			t.Errorf("%s: %v, want PostgreSQL's or PostgREST's own word", name, re)
		}
	}
	if n := s.Count(t, "gfx_sessions"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestBothKindsOfKeyWork(t *testing.T) {
	s := supabasetest.New(t)
	for i, key := range []string{s.SecretKey, s.ServiceJWT} {
		if err := upsert(t, remoteAt(t, s.URL, key, nil), i); err != nil {
			t.Error(err)
		}
	}
	if n := s.Count(t, "gfx_sessions"); n != 2 {
		t.Errorf("%d rows, want two", n)
	}
	re := remoteError(t, remoteAt(t, s.URL, secret, nil).Ping(t.Context()), store.Credentials)
	if !strings.Contains(re.Hint, "GFX_SYNC_SUPABASE_SERVICE_KEY") {
		t.Errorf("hint %q: which setting is wrong?", re.Hint)
	}
}

func TestMissingOptionalColumnsAreLeftOutAndSaidOnce(t *testing.T) {
	s := supabasetest.New(t)
	s.Exec(t, `alter table gfx_sessions drop column gfx_pc_id, drop column player_count, drop column nas_path`)
	s.Exec(t, `notify pgrst, 'reload schema'`)
	var log logBuffer
	r := remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Logger = log.logger() })
	if err := upsert(t, r, 1, 2); err != nil {
		t.Fatal(err)
	}
	first := len(s.Requests())
	if err := upsert(t, r, 3); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Requests()) - first; n != 1 {
		t.Errorf("the next upsert took %d requests: what is missing is known", n)
	}
	for _, column := range []string{"gfx_pc_id", "player_count", "nas_path"} {
		if n := strings.Count(log.String(), "column="+column); n != 1 {
			t.Errorf("%s was mentioned %d times in\n%s", column, n, log.String())
		}
	}
	if got := s.QueryStrings(t, `select file_name from gfx_sessions`); len(got) != 3 || got[0] == "" {
		t.Errorf("rows %q, want three with what columns there are", got)
	}
}

func TestTableThatIsNotAsItMustBeIsASetupFailure(t *testing.T) {
	for name, sql := range map[string]string{
		"no raw_json":          `alter table gfx_sessions drop column raw_json`,
		"no file_hash":         `alter table gfx_sessions drop column file_hash`,
		"no unique constraint": `alter table gfx_sessions drop constraint gfx_sessions_file_hash_key`,
		"no table":             `drop table gfx_sessions`,
	} {
		t.Run(name, func(t *testing.T) {
			s := supabasetest.New(t)
			s.Exec(t, sql)
			r := remoteAt(t, s.URL, s.SecretKey, nil)
			if re := remoteError(t, upsert(t, r, 1), store.Setup); re.Hint == "" {
				t.Error("what is the operator to do?")
			}
		})
	}
}

func TestBurstSharesOneConnection(t *testing.T) {
	s := supabasetest.New(t)
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	if err := upsert(t, r, 30); err != nil { // this finds out the table's columns
		t.Fatal(err)
	}
	before := s.Connections()
	for seed := range 30 {
		if err := upsert(t, r, seed); err != nil {
			t.Fatal(err)
		}
	}
	s.Answer(1, supabasetest.HTML(http.StatusBadGateway))
	remoteError(t, upsert(t, r, 31), store.Outage)
	if err := r.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if n := s.Connections(); n != before {
		t.Errorf("%d connections more for 32 requests, want none", n-before)
	}
}

// If a kept connection is cut, the request is repeated on a new connection, which is harmless. If that is cut too, it
// is an outage.
func TestConnectionCutAfterTheCommitAndAgainIsHarmless(t *testing.T) {
	s := supabasetest.New(t)
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	if err := upsert(t, r, 1); err != nil { // this finds out the table's columns
		t.Fatal(err)
	}
	s.ResetRequests()
	s.DropAfterCommit(1)
	if err := upsert(t, r, 1, 2); err != nil {
		t.Fatal(err)
	}
	if rows, requests := s.Count(t, "gfx_sessions"), len(s.Requests()); rows != 2 || requests != 2 {
		t.Errorf("%d rows by %d requests, want two by two", rows, requests)
	}
	s.DropAfterCommit(100)
	remoteError(t, upsert(t, r, 2, 3), store.Outage)
	s.Heal()
	if n := s.Count(t, "gfx_sessions"); n != 3 {
		t.Fatalf("%d rows: the test wants them written", n)
	}
	if err := upsert(t, r, 2, 3); err != nil {
		t.Fatal(err)
	}
	if n := s.Count(t, "gfx_sessions"); n != 3 {
		t.Errorf("%d rows, want three", n)
	}
}

func TestConnectionCutBeforeAnythingIsAnOutage(t *testing.T) {
	s := supabasetest.New(t)
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	s.DropBefore(1)
	remoteError(t, upsert(t, r, 1), store.Outage)
	s.Stop()
	remoteError(t, upsert(t, r, 1), store.Outage)
	s.Heal()
	if err := upsert(t, r, 1); err != nil {
		t.Error(err)
	}
}

func TestTooLargeARequestIsTooMuch(t *testing.T) {
	s := supabasetest.New(t)
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	s.SetBodyLimit(1000)
	remoteError(t, upsert(t, r, 1, 2), store.TooMuch)
	s.Heal()
	if err := upsert(t, r, 1, 2); err != nil {
		t.Error(err)
	}
}

func TestOtherSchemaAndTable(t *testing.T) {
	s := supabasetest.New(t, supabasetest.WithSchemas("public", "gfx"),
		supabasetest.WithSQL(supabasetest.DefaultSchema),
		supabasetest.WithSQL(`create schema gfx; grant usage on schema gfx to service_role;
			create table gfx.tables (like public.gfx_sessions including all); grant all on gfx.tables to service_role`))
	r := remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Schema, o.Table = "gfx", "tables" })
	if err := upsert(t, r, 1, 2); err != nil {
		t.Fatal(err)
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if n := fmt.Sprint(s.Count(t, "gfx.tables"), s.Count(t, "public.gfx_sessions")); n != "2 0" {
		t.Errorf("rows there and in the default table: %s", n)
	}
}
