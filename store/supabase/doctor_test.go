package supabase_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/storetest"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// finished is a project as gfxsync schema makes it, with a row in its table.
func finished(t *testing.T) *supabasetest.Server {
	t.Helper()
	s := supabasetest.New(t, supabasetest.WithSQL(supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)))
	if err := upsert(t, remoteAt(t, s.URL, s.SecretKey, nil), 1); err != nil {
		t.Fatal(err)
	}
	return s
}

// madeUp are rows for the check to try.
func madeUp(t *testing.T) (rows []store.Record) {
	t.Helper()
	for seed := range 5 {
		rows = append(rows, storetest.Record(t, 1_000_000+seed, 1))
	}
	return rows
}

// summary is what findings come to: the verdict of each part.
func summary(findings []store.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Part+" "+string(f.Verdict))
	}
	return strings.Join(all, ", ")
}

const allIsWell = "url ok, key ok, clock ok, table ok, columns ok, constraint ok, rights ok, row ok, digest ok, hands skipped"

// but replaces verdicts in allIsWell.
func but(changes ...string) string {
	s := allIsWell
	for _, change := range changes {
		part, _, _ := strings.Cut(change, " ")
		s = strings.Replace(s, part+" ok", change, 1)
	}
	return s
}

// says checks that the finding of a part says all of this, in its text or its hint.
func says(t *testing.T, findings []store.Finding, part string, texts ...string) {
	t.Helper()
	i := slices.IndexFunc(findings, func(f store.Finding) bool { return f.Part == part })
	if i < 0 {
		t.Fatalf("no finding on %s", part)
	}
	for _, text := range texts {
		if got := findings[i].Text + " → " + findings[i].Hint; !strings.Contains(got, text) {
			t.Errorf("%s: %q does not say %q", part, got, text)
		}
	}
}

// versions are the rows as PostgreSQL keeps them: no write, and no lock for one, leaves them as they were.
func versions(t *testing.T, s *supabasetest.Server) []string {
	t.Helper()
	if s.QueryStrings(t, `select to_regclass('public.gfx_sessions')`)[0] == "" {
		return nil
	}
	return s.QueryStrings(t, `select concat_ws(' ', ctid, xmin, xmax, md5(g::text)) from gfx_sessions g`)
}

func TestCheckFindsWhatIsWrongWithATable(t *testing.T) {
	const grant = "in the SQL editor: GRANT "
	for _, tc := range []struct {
		name, sql string
		deletes   bool
		conflict  store.ConflictKey
		want      string
		part      string
		says      []string
	}{
		{name: "nothing", sql: `select`, deletes: true, want: allIsWell, part: "rights", says: []string{"may select, insert, update, delete"}},
		{name: "rows counted", sql: `select`, want: allIsWell, part: "digest", says: []string{"public.gfx_session_digest: 1 row"}},
		{
			name: "no table", sql: `drop table gfx_sessions cascade`, part: "table", says: []string{"no table public.gfx_sessions", "gfxsync schema"},
			want: but("table fail", "columns skipped", "constraint skipped", "rights skipped", "row skipped",
				"digest skipped"),
		},
		{
			name: "no use of the schema", sql: `revoke usage on schema public from service_role, public`,
			want: but("table fail", "columns skipped", "constraint skipped", "rights skipped", "row skipped",
				"digest skipped"),
			part: "table", says: []string{"may not use the schema public", "GRANT USAGE ON SCHEMA public TO service_role"},
		},
		{
			name: "optional columns missing", sql: `drop view gfx_sessions_current; alter table gfx_sessions drop column nas_path, drop column gfx_pc_id`,
			want: but("columns warn"), part: "columns", says: []string{"public.gfx_sessions has no nas_path, gfx_pc_id", "gfxsync schema"},
		},
		{
			name: "no raw_json", sql: `alter table gfx_sessions drop column raw_json cascade`,
			want: but("columns fail", "constraint skipped", "rights skipped", "row skipped", "digest warn"),
			part: "columns", says: []string{"has no raw_json", "required", "GFX_SYNC_TABLE"},
		},
		{
			name: "no file_hash", sql: `alter table gfx_sessions drop column file_hash cascade`, deletes: true,
			want: but("columns fail", "constraint skipped", "rights skipped", "row skipped", "digest warn"),
			part: "rights", says: []string{"may select, insert", "not tested: update (a column is missing), delete (that needs to select by file_hash)"},
		},
		{
			name: "a column of the conflict key missing", sql: `drop view gfx_sessions_current; alter table gfx_sessions drop column gfx_pc_id`, conflict: store.ByPCAndHash,
			want: but("columns fail", "constraint skipped", "rights skipped", "row skipped"), part: "columns",
			says: []string{"has no gfx_pc_id", "gfx_pc_id are required"},
		},
		{
			name: "no unique constraint", sql: `alter table gfx_sessions drop constraint gfx_sessions_file_hash_key`,
			want: but("constraint fail", "rights skipped", "row skipped"), part: "constraint",
			says: []string{"no unique constraint on (file_hash)", "ALTER TABLE public.gfx_sessions ADD UNIQUE (file_hash)", "gfxsync schema"},
		},
		{
			name: "a unique constraint of another key", sql: `select`, conflict: store.ByPCAndHash,
			want: but("constraint fail", "rights skipped", "row skipped"),
			part: "constraint", says: []string{"ALTER TABLE public.gfx_sessions ADD UNIQUE (gfx_pc_id, file_hash)"},
		},
		{
			name: "a partial index", sql: `alter table gfx_sessions drop constraint gfx_sessions_file_hash_key;
				create unique index on gfx_sessions (file_hash) where session_id > 0`,
			want: but("constraint fail", "rights skipped", "row skipped"), part: "constraint",
			says: []string{"no unique constraint on (file_hash)"},
		},
		{
			name: "no digest view", sql: `drop view gfx_session_digest`, want: but("digest warn"), part: "digest",
			says: []string{"no view public.gfx_session_digest", "pages the table", "gfxsync schema"},
		},
		{
			name: "no right to the view", sql: `revoke all on gfx_session_digest from service_role`, want: but("digest warn"), part: "digest",
			says: []string{"may not read the view public.gfx_session_digest", "GRANT SELECT ON public.gfx_session_digest TO service_role"},
		},
		{
			name: "no right to insert", sql: `revoke insert on gfx_sessions from service_role`,
			want: but("rights fail", "row skipped"), part: "rights",
			says: []string{"may not insert; may select; not tested: update", grant + "INSERT ON public.gfx_sessions TO service_role"},
		},
		{
			name: "no right to update", sql: `revoke update on gfx_sessions from service_role`,
			want: but("rights fail", "row skipped"), part: "rights",
			says: []string{"may not update; may select, insert", grant + "UPDATE ON public.gfx_sessions TO service_role"},
		},
		{
			name: "no right to update one column", sql: `revoke update on gfx_sessions from service_role;
				grant update (file_hash, raw_json) on gfx_sessions to service_role`,
			want: but("rights fail", "row skipped"), part: "rights", says: []string{"may not update"},
		},
		{
			name: "no right to select", sql: `revoke select on gfx_sessions from service_role`, deletes: true,
			want: but("rights fail", "row skipped", "digest skipped"),
			part: "rights", says: []string{"may not select; may insert; not tested: update", "delete (", grant + "SELECT ON"},
		},
		{
			name: "no right to delete", sql: `revoke delete on gfx_sessions from service_role`, deletes: true,
			want: but("rights fail", "row skipped"), part: "rights",
			says: []string{"may not delete; may select, insert, update", grant + "DELETE ON"},
		},
		{
			name: "no need to delete", sql: `revoke delete on gfx_sessions from service_role`, want: allIsWell,
			part: "rights", says: []string{"may select, insert, update"},
		},
		{
			name: "no rights at all", sql: `revoke all on gfx_sessions from service_role`, want: but("rights fail",
				"row skipped", "digest skipped"),
			part: "rights", says: []string{"may not select, insert; not tested: update", grant + "SELECT, INSERT ON"},
		},
		{
			name: "session_id too narrow", sql: `drop view gfx_sessions_current; alter table gfx_sessions drop column session_id; alter table gfx_sessions add column session_id integer`,
			want: but("columns fail", "row skipped"), part: "columns", says: []string{
				"session_id is too narrow",
				"ALTER COLUMN session_id TYPE bigint",
			},
		},
		{
			name: "a generated column", sql: `drop view gfx_sessions_current; alter table gfx_sessions drop column player_count;
				alter table gfx_sessions add column player_count integer generated always as (2) stored`,
			want: but("columns fail", "constraint fail", "rights skipped", "row skipped"), part: "columns",
			says: []string{"player_count"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := finished(t)
			s.Exec(t, tc.sql)
			before := versions(t, s)
			r := remoteAt(t, s.URL, s.SecretKey, nil)
			findings := r.Check(t.Context(), supabase.CheckOptions{
				Setting: store.OnConflict(tc.conflict),
				Deletes: tc.deletes, Rows: madeUp(t),
			})
			if got := summary(findings); got != tc.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, tc.want, findings)
			}
			says(t, findings, tc.part, tc.says...)
			if after := versions(t, s); !slices.Equal(after, before) {
				t.Errorf("the table has changed from %q to %q", before, after)
			}
		})
	}
}

func TestCheckFindsWhatIsWrongWithTheKey(t *testing.T) {
	t.Parallel()
	s := finished(t)
	lost := but("key fail", "table skipped", "columns skipped", "constraint skipped", "rights skipped",
		"row skipped", "digest skipped")
	expired := s.JWT(map[string]any{"role": "service_role", "exp": time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC).Unix()})
	for name, tc := range map[string]struct {
		key  string
		want string
		says []string
	}{
		"secret":              {s.SecretKey, allIsWell, []string{"a secret key, accepted"}},
		"service_role":        {s.ServiceJWT, allIsWell, []string{"a legacy service_role key, accepted, valid until 20"}},
		"another project's":   {secret, lost, []string{"does not accept the secret key: Invalid API key", "GFX_SYNC_SUPABASE_SERVICE_KEY", "API Keys"}},
		"another's signature": {token(t, jwt.MapClaims{"role": "service_role"}), lost, []string{"does not accept the legacy service_role key", "PGRST301"}},
		"expired":             {expired, lost, []string{"has expired, on 2025-03-01", "sb_secret_"}},
	} {
		t.Run(name, func(t *testing.T) {
			findings := remoteAt(t, s.URL, tc.key, nil).Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
			if got := summary(findings); got != tc.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, tc.want, findings)
			}
			says(t, findings, "key", tc.says...)
			for _, f := range findings {
				if strings.Contains(f.Text+f.Hint, tc.key) {
					t.Errorf("the key is shown: %+v", f)
				}
			}
		})
	}
}

func TestCheckWithoutAKeyTestsTheURL(t *testing.T) {
	t.Parallel()
	s := finished(t)
	s.ResetRequests()
	_, keyErr := supabase.ParseKey(s.AnonJWT)
	r := remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Key = supabase.Key{} })
	findings := r.Check(t.Context(), supabase.CheckOptions{KeyError: keyErr, Rows: madeUp(t)})
	want := but("key fail", "table skipped", "columns skipped", "constraint skipped", "rights skipped",
		"row skipped", "digest skipped")
	if got := summary(findings); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	says(t, findings, "key", `its role is "anon"`, "secret key (sb_secret_…)", "Project Settings, API Keys")
	for _, q := range s.Requests() {
		if len(q.Header.Values("Apikey")) > 0 || len(q.Header.Values("Authorization")) > 0 {
			t.Errorf("a key was sent: %v", q.Header)
		}
	}
}

func TestCheckFindsWhatIsWrongWithTheURL(t *testing.T) {
	t.Parallel()
	down := supabasetest.New(t)
	down.Stop()
	nothing := but("url fail", "key skipped", "table skipped", "columns skipped", "constraint skipped",
		"rights skipped", "row skipped", "digest skipped")
	findings := remoteAt(t, down.URL, down.SecretKey, nil).Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
	if got := summary(findings); got != strings.Replace(nothing, "clock ok", "clock skipped", 1) {
		t.Errorf("got %s", got)
	}
	says(t, findings, "url", down.URL+" cannot be reached", "refused", "GFX_SYNC_SUPABASE_URL", "paused")

	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		says   []string
	}{
		"a page":         {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>hello")) }, []string{"is no Supabase project", "Project URL"}},
		"nothing there":  {http.NotFound, []string{"is no Supabase project", "Project URL"}},
		"a redirect":     {http.RedirectHandler("https://example.com/", http.StatusFound).ServeHTTP, []string{"redirect", "example.com"}},
		"a dead backend": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, []string{"cannot serve now", "502"}},
	} {
		t.Run(name, func(t *testing.T) {
			findings := answering(t, tc.answer).Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
			if got := summary(findings); got != nothing {
				t.Errorf("got %s", got)
			}
			says(t, findings, "url", tc.says...)
		})
	}
}

func TestCheckOfADigestThatTakesTooLong(t *testing.T) {
	t.Parallel()
	s := finished(t)
	s.Exec(t, `create or replace view gfx_session_digest with (security_invoker = on) as
		select 'x'::text as prefix, 1::bigint as rows, 1::bigint as xor from pg_sleep(60)`)
	s.SetStatementTimeout(5 * time.Second) // which the other requests of check need not fear on a busy machine
	findings := remoteAt(t, s.URL, s.SecretKey, nil).Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
	if got := summary(findings); got != but("digest warn") {
		t.Errorf("got %s", got)
	}
	says(t, findings, "digest", "takes the server too long", "pages the table instead")
}

func TestCheckComparesTheClocks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		off     time.Duration // of the server
		verdict store.Verdict
		says    string
	}{
		{0, store.OK, "as the server's"},
		{-100 * time.Second, store.OK, "as the server's"},
		{-10 * time.Minute, store.Warn, "this machine's clock is 10m"},
		{-10 * time.Minute, store.Warn, "ahead of the server's"},
		{2 * time.Hour, store.Warn, "behind the server's"},
	} {
		r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(tc.off).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusUnauthorized)
		})
		findings := r.Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
		says(t, findings, "clock", tc.says)
		if findings[2].Verdict != tc.verdict {
			t.Errorf("%v: %+v", tc.off, findings[2])
		}
	}
}
