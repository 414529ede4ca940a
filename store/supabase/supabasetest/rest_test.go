package supabasetest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestInsert(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	bulk := "gfx_sessions?on_conflict=file_hash"
	for _, tc := range []struct {
		name, path, body, prefer string
		status                   int
		code                     string
	}{
		{"one object", bulk, `{"file_hash":"a","raw_json":{"ID":638961999170907267}}`, upsert, 201, ""},
		{"array", bulk, `[{"file_hash":"b","raw_json":{}},{"file_hash":"c","raw_json":{}}]`, upsert, 201, ""},
		{"only updates", bulk, `[{"file_hash":"b","raw_json":{"n":1}}]`, upsert, 200, ""},
		{"ignored", bulk, `[{"file_hash":"b","raw_json":{"n":2}}]`, "Prefer: resolution=ignore-duplicates", 201, ""},
		{"empty array", bulk, `[]`, "Prefer: x=y", 201, ""},
		{"duplicate without upsert", "gfx_sessions", `{"file_hash":"b","raw_json":{}}`, "", 409, "23505"},
		{"same key twice", bulk, `[{"file_hash":"d","raw_json":{}},{"file_hash":"d","raw_json":{}}]`, upsert, 500, "21000"},
		{"unequal keys", bulk, `[{"file_hash":"d","raw_json":{}},{"file_hash":"e"}]`, upsert, 400, "PGRST102"},
		{"unequal keys with columns", bulk + "&columns=file_hash,raw_json", `[{"file_hash":"d"},{"file_hash":"e","raw_json":{}}]`, upsert, 400, "23502"},
		{"empty body", bulk, ``, upsert, 400, "PGRST102"},
		{"half a body", bulk, `[{"file_hash":`, upsert, 400, "PGRST102"},
		{"half a body with columns", bulk + "&columns=file_hash", `[{"file_hash":`, upsert, 400, "22P02"},
		{"NUL", bulk, `{"file_hash":"n","raw_json":{"a":"\u0000"}}`, upsert, 400, "22P05"},
		{"lone surrogate", bulk, `{"file_hash":"n","raw_json":{"a":"\ud800"}}`, upsert, 400, "PGRST102"},
		{"lone surrogate with columns", bulk + "&columns=file_hash,raw_json", `{"file_hash":"n","raw_json":{"a":"\ud800"}}`, upsert, 400, "22P02"},
		{"pair", bulk, `{"file_hash":"p","raw_json":{"a":"\ud83d\ude00 \\u0000"}}`, upsert, 201, ""},
		{"bad UTF-8", bulk, "{\"file_hash\":\"n\",\"raw_json\":{\"a\":\"\xff\"}}", upsert, 400, "PGRST102"},
		{"bad UTF-8 with columns", bulk + "&columns=file_hash,raw_json", "{\"file_hash\":\"n\",\"raw_json\":{\"a\":\"\xff\"}}", upsert, 400, "22021"},
		{"wrong type", bulk, `{"file_hash":"n","raw_json":{},"session_id":"x"}`, upsert, 400, "22P02"},
		{"too large a number", bulk, `{"file_hash":"n","raw_json":{},"hand_count":3000000000}`, upsert, 400, "22003"},
		{"null", bulk, `{"file_hash":"n","raw_json":null}`, upsert, 400, "23502"},
		{"unknown column", bulk, `{"file_hash":"n","raw_json":{},"nope":1}`, upsert, 400, "PGRST204"},
		{"unknown in columns", bulk + "&columns=nope", `{}`, upsert, 400, "PGRST204"},
		{"no such constraint", "gfx_sessions?on_conflict=session_id", `{"file_hash":"n","raw_json":{}}`, upsert, 400, "42P10"},
		{"unknown table", "nope", `{}`, upsert, 404, "PGRST205"},
		{"unknown table before unknown column", "nope?columns=nope", `[]`, upsert, 404, "PGRST205"},
		{"no row with columns", bulk + "&columns=file_hash,raw_json", `[]`, upsert, 200, ""},
		{"no row with an unknown column", bulk + "&columns=file_hash,nope", `[]`, upsert, 400, "PGRST204"},
		{"no row without such constraint", "gfx_sessions?on_conflict=session_id&columns=session_id", `[]`, upsert, 400, "42P10"},
		{"blank columns", bulk + "&columns=", `[]`, upsert, 400, "PGRST100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := post(t, s, tc.path, tc.body, tc.prefer)
			if a.status != tc.status || a.code() != tc.code {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, tc.status, tc.code)
			}
		})
	}
	got := s.QueryStrings(t, "select file_hash || raw_json from gfx_sessions order by file_hash")
	want := `a{"ID": 638961999170907267} b{"n": 1} c{} p{"a": "😀 \\u0000"}`
	if strings.Join(got, " ") != want {
		t.Errorf("table holds %q, want %q", got, want)
	}
}

// What rights a statement needs does not depend on there being a row.
func TestInsertOfNoRowNeedsItsRights(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	const columns = "columns=file_hash,raw_json"
	for _, tc := range []struct {
		right  string // the one that is missing
		insert int    // status of an insert
		upsert int
	}{{"select", 201, 403}, {"update", 201, 403}, {"insert", 403, 403}, {"delete", 201, 200}} {
		s.Exec(t, "revoke "+tc.right+" on gfx_sessions from service_role")
		if a := post(t, s, "gfx_sessions?"+columns, `[]`, "Prefer: return=minimal"); a.status != tc.insert {
			t.Errorf("insert without %s: %d %s, want %d", tc.right, a.status, a.body, tc.insert)
		}
		if a := post(t, s, "gfx_sessions?on_conflict=file_hash&"+columns, `[]`, upsert); a.status != tc.upsert {
			t.Errorf("upsert without %s: %d %s, want %d", tc.right, a.status, a.body, tc.upsert)
		}
		s.Exec(t, "grant "+tc.right+" on gfx_sessions to service_role")
	}
}

func TestInsertRepresentation(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	a := post(t, s, "gfx_sessions?on_conflict=file_hash&select=hash:file_hash,session_id::text",
		`[{"file_hash":"a","raw_json":{},"session_id":638961999170907267}]`,
		"Prefer: resolution=merge-duplicates,return=representation,count=exact")
	if want := `[{"hash":"a","session_id":"638961999170907267"}]`; a.body != want || a.status != 201 {
		t.Errorf("got %d %s, want %s", a.status, a.body, want)
	}
	if got := a.header.Get("Content-Range"); got != "*/1" {
		t.Errorf("Content-Range %q", got)
	}
	if got := a.header.Get("Preference-Applied"); got != "resolution=merge-duplicates, return=representation, count=exact" {
		t.Errorf("Preference-Applied %q", got)
	}
	a = post(t, s, "gfx_sessions", `{"file_hash":"b","raw_json":{},"nope":1}`)
	if !strings.Contains(a.body, `"message":"Could not find the 'nope' column of 'gfx_sessions' in the schema cache"`) {
		t.Errorf("got %s", a.body)
	}
}

// fill inserts rows 000 to n-1.
func fill(t *testing.T, s *supabasetest.Server, n int) {
	t.Helper()
	s.Exec(t, `insert into gfx_sessions (file_hash, raw_json, session_id, table_type)
		select to_char(i, 'FM000'), '{}', i, case when i % 2 = 0 then 'even, "x"' end from generate_series(0, $1 - 1) i`, n)
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	fill(t, s, 30)
	s.SetMaxRows(10)
	exact := "Prefer: count=exact"
	for _, tc := range []struct {
		name, query, header string
		status, rows        int
		contentRange        string
	}{
		{"capped without a word", "", "", 200, 10, "0-9/*"},
		{"capped whatever the limit", "limit=5000", "", 200, 10, "0-9/*"},
		{"capped and counted", "limit=5000", exact, 206, 10, "0-9/30"},
		{"limit", "limit=3&offset=4", "", 200, 3, "4-6/*"},
		{"limit 0", "limit=0", "", 200, 0, "*/*"},
		{"range", "", "Range: 5-7", 200, 3, "5-7/*"},
		{"open range", "", "Range: 25-", 200, 5, "25-29/*"},
		{"range and limit", "limit=2", "Range: 1-9", 200, 1, "1-1/*"},
		{"past the end", "offset=40", "", 200, 0, "*/*"},
		{"past the end, counted", "offset=40", exact, 416, 0, "*/30"},
		{"eq", "file_hash=eq.007", exact, 200, 1, "0-0/1"},
		{"neq", "file_hash=neq.007&file_hash=lt.010", "", 200, 9, "0-8/*"},
		{"keyset", "file_hash=gt.025&order=file_hash.asc", "", 200, 4, "0-3/*"},
		{"gte, lte", "session_id=gte.5&session_id=lte.6", "", 200, 2, "0-1/*"},
		{"like", "file_hash=like.02*", "", 200, 10, "0-9/*"},
		{"in", `file_hash=in.(001,"002",nope)`, "", 200, 2, "0-1/*"},
		{"in, quoted", `table_type=in.("even, \"x\"")&session_id=lt.4`, "", 200, 2, "0-1/*"},
		{"in, empty", "file_hash=in.()", "", 200, 0, "*/*"},
		{"is null", "table_type=is.null&session_id=lt.4", "", 200, 2, "0-1/*"},
		{"not", "table_type=not.is.null&session_id=lt.4", "", 200, 2, "0-1/*"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := "gfx_sessions?select=file_hash&" + strings.NewReplacer(" ", "%20", `"`, "%22", `\`, "%5C").Replace(tc.query)
			a := get(t, s, q, tc.header)
			if rows := strings.Count(a.body, `"file_hash"`); a.status != tc.status || rows != tc.rows {
				t.Errorf("got %d with %d rows, want %d with %d: %s", a.status, rows, tc.status, tc.rows, a.body)
			}
			if got := a.header.Get("Content-Range"); got != tc.contentRange {
				t.Errorf("Content-Range %q, want %q", got, tc.contentRange)
			}
		})
	}
	head := do(t, s, call{method: "HEAD", path: "gfx_sessions", headers: []string{exact}})
	if head.status != 206 || head.body != "" || head.header.Get("Content-Range") != "0-9/30" {
		t.Errorf("HEAD: %d %q %s", head.status, head.body, head.header)
	}
	a := get(t, s, "gfx_sessions?select=session_id,table_type&order=table_type.desc.nullsfirst,session_id.desc&limit=2")
	if strings.Join(strings.Fields(a.body), "") != `[{"session_id":29,"table_type":null},{"session_id":27,"table_type":null}]` {
		t.Errorf("order: %s", a.body)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t, supabasetest.WithSQL(supabasetest.DefaultSchema),
		supabasetest.WithSQL("create schema hidden; create table hidden.t(a int); create view broken as select 1/0 as x"))
	for _, tc := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		{"table", call{method: "GET", path: "nope"}, 404, "PGRST205"},
		{"filter column", call{method: "GET", path: "gfx_sessions?nope=eq.1"}, 400, "42703"},
		{"select column", call{method: "GET", path: "gfx_sessions?select=nope"}, 400, "42703"},
		{"order column", call{method: "GET", path: "gfx_sessions?order=nope"}, 400, "42703"},
		{"filter value", call{method: "GET", path: "gfx_sessions?session_id=eq.x"}, 400, "22P02"},
		{"filter grammar", call{method: "GET", path: "gfx_sessions?session_id=5"}, 400, "PGRST100"},
		{"order grammar", call{method: "GET", path: "gfx_sessions?order=id.up"}, 400, "PGRST100"},
		{"negative limit", call{method: "GET", path: "gfx_sessions?limit=-1"}, 416, "PGRST103"},
		{"backward range", call{method: "GET", path: "gfx_sessions", headers: []string{"Range: 5-2"}}, 416, "PGRST103"},
		{"schema for reading", call{method: "GET", path: "t", headers: []string{"Accept-Profile: hidden"}}, 406, "PGRST106"},
		{"schema for writing", call{method: "POST", path: "t", body: "{}", headers: []string{"Content-Profile: hidden"}}, 406, "PGRST106"},
		{"media type", call{method: "GET", path: "gfx_sessions", headers: []string{"Accept: text/html"}}, 406, "PGRST107"},
		{"content type", call{method: "POST", path: "gfx_sessions", body: "{}", headers: []string{"Content-Type: text/plain"}}, 400, "PGRST102"},
		{"method", call{method: "TRACE", path: "gfx_sessions"}, 405, "PGRST117"},
		{"not modelled", call{method: "PUT", path: "gfx_sessions"}, 501, "SUPABASETEST"},
		{"bare update", call{method: "PATCH", path: "gfx_sessions", body: `{"file_name":"a"}`}, 400, "21000"},
		{
			"update of an unknown column",
			call{method: "PATCH", path: "gfx_sessions?id=eq.1", body: `{"nope":"a"}`},
			400, "PGRST204",
		},
		{"or grammar", call{method: "GET", path: "gfx_sessions?or=(id.eq.1,)"}, 400, "PGRST100"},
		{"or of an unknown column", call{method: "GET", path: "gfx_sessions?or=(nope.eq.1)"}, 400, "42703"},
		{"negated or", call{method: "GET", path: "gfx_sessions?not.or=(id.eq.1)"}, 501, "SUPABASETEST"},
		{"path into text", call{method: "GET", path: "gfx_sessions?file_hash->a=is.null"}, 404, "42883"},
		{"bare delete", call{method: "DELETE", path: "gfx_sessions"}, 400, "21000"},
		{"data exception", call{method: "GET", path: "broken"}, 400, "22012"},
		{"elsewhere", call{method: "GET", path: "/auth/v1/user"}, 404, "no Route matched with those values"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if a := do(t, s, tc.call); a.status != tc.status || a.code() != tc.code {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, tc.status, tc.code)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	fill(t, s, 5)
	if a := do(t, s, call{method: "DELETE", path: "gfx_sessions?file_hash=in.(000,001,nope)", headers: []string{"Prefer: return=minimal,count=exact"}}); a.status != 204 || a.header.Get("Content-Range") != "*/2" {
		t.Errorf("got %d %s %s", a.status, a.body, a.header)
	}
	if a := do(t, s, call{method: "DELETE", path: "gfx_sessions?file_hash=eq.002&select=file_hash", headers: []string{"Prefer: return=representation"}}); a.status != 200 || a.body != `[{"file_hash":"002"}]` {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if n := s.Count(t, "gfx_sessions"); n != 2 {
		t.Errorf("%d rows left", n)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	fill(t, s, 3)
	a := do(t, s, call{
		method: "PATCH", path: "gfx_sessions?file_hash=in.(000,001,nope)", body: `{"file_name":"a","nas_path":"d/a"}`,
		headers: []string{"Prefer: return=minimal,count=exact"},
	})
	if a.status != 204 || a.header.Get("Content-Range") != "0-1/2" {
		t.Errorf("got %d %s %s", a.status, a.body, a.header)
	}
	a = do(t, s, call{
		method: "PATCH", path: "gfx_sessions?file_hash=eq.002&select=file_hash,file_name", body: `{"file_name":null}`,
		headers: []string{"Prefer: return=representation"},
	})
	if a.status != 200 || a.body != `[{"file_hash":"002","file_name":null}]` {
		t.Errorf("got %d %s", a.status, a.body)
	}
	got := s.QueryStrings(t, `SELECT file_hash || coalesce(nas_path, '') FROM gfx_sessions ORDER BY 1`)
	if strings.Join(got, " ") != "000d/a 001d/a 002" {
		t.Errorf("the table holds %q", got)
	}
}

func TestSchemaChangesAreSeen(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t, supabasetest.WithoutTable())
	if a := get(t, s, "gfx_sessions"); a.status != 404 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	s.Exec(t, supabasetest.DefaultSchema)
	fill(t, s, 3)
	s.Exec(t, "alter table gfx_sessions drop column nas_path, alter column session_id type text")
	if a := get(t, s, "gfx_sessions?session_id=eq.2&select=session_id"); a.body != `[{"session_id":"2"}]` {
		t.Errorf("got %d %s", a.status, a.body)
	}
	s.Exec(t, "create view current as select * from gfx_sessions where session_id <> '0'")
	if a := get(t, s, "current?select=file_hash&order=file_hash"); strings.Count(a.body, "file_hash") != 2 {
		t.Errorf("view: %d %s", a.status, a.body)
	}
}

func TestOtherSchema(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t, supabasetest.WithSchemas("public", "gfx"), supabasetest.WithSQL(`create schema gfx;
		grant usage on schema gfx to service_role; create table gfx.t (a int primary key); grant all on gfx.t to service_role`))
	a := post(t, s, "t", `[{"a":1},{"a":2}]`, upsert, "Content-Profile: gfx")
	if a.status != 201 || a.header.Get("Content-Profile") != "gfx" {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if a := get(t, s, "t", "Accept-Profile: gfx"); strings.Count(a.body, `"a"`) != 2 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if n := s.Count(t, "gfx.t"); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestStatementTimeoutAndLocks(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	tx, err := s.DB().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), "lock table gfx_sessions"); err != nil {
		t.Fatal(err)
	}
	s.SetStatementTimeout(50 * time.Millisecond)
	if a := get(t, s, "gfx_sessions"); a.status != 500 || a.code() != "57014" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestDeadlock(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	fill(t, s, 2)
	for range 50 { // a busy machine may end the transaction many times
		if a := deadlock(t, s); a.status == 500 && a.code() == "40P01" {
			return
		}
	}
	t.Error("the request never was the one that PostgreSQL ended")
}

// deadlock lets a request and a transaction lock two rows in opposite orders. Who
// waits when deadlock_timeout has passed is ended; on a slow machine that may be
// the transaction.
func deadlock(t *testing.T, s *supabasetest.Server) answer {
	t.Helper()
	ctx := t.Context()
	tx, err := s.DB().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	for _, sql := range []string{"set local deadlock_timeout = '1s'", "update gfx_sessions set hand_count = 1 where file_hash = '001'"} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan answer, 1)
	go func() {
		a, _ := try(t, s, call{
			method: "POST", path: "gfx_sessions?on_conflict=file_hash", headers: []string{upsert},
			body: `[{"file_hash":"000","raw_json":{}},{"file_hash":"001","raw_json":{}}]`,
		})
		done <- a
	}()
	waitFor(t, func() bool {
		return len(s.QueryStrings(t, "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()")) > 0
	})
	if _, err := tx.Exec(ctx, "update gfx_sessions set hand_count = 1 where file_hash = '000'"); err != nil {
		t.Log(err)
		_ = tx.Rollback(ctx)
	}
	return <-done
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t, supabasetest.WithSQL(`
		create function fail(code text) returns int language plpgsql stable as
			$$ begin raise exception 'on purpose' using errcode = code, detail = 'd', hint = 'h'; end $$;
		create table codes (code text);
		create view failing as select code, fail(code) from codes`))
	for code, status := range map[string]int{
		"08006": 503, "09000": 500, "0L000": 403, "0P000": 403, "23503": 409, "23505": 409, "23514": 400,
		"25006": 405, "25001": 500, "28000": 403, "2D000": 500, "38000": 500, "39000": 500, "3B000": 500,
		"40001": 500, "53400": 500, "53300": 503, "54000": 500, "55P03": 500, "57014": 500, "57P01": 503,
		"57P03": 500, "58030": 500, "F0000": 500, "HV000": 500, "P0001": 400, "P0002": 500, "XX001": 500,
		"42883": 404, "42P01": 404, "42P17": 500, "42501": 403, "42601": 400, "21000": 500, "22P02": 400,
	} {
		s.Exec(t, "truncate codes")
		s.Exec(t, "insert into codes values ($1)", code)
		a := get(t, s, "failing")
		if a.status != status || a.code() != code || !strings.Contains(a.body, `"details":"d","hint":"h"`) {
			t.Errorf("%s: got %d %s, want %d", code, a.status, a.body, status)
		}
	}
	s.Exec(t, "update codes set code = '42501'")
	if a := get(t, s, "failing", "apikey: "+s.PublishableKey); a.status != 401 {
		t.Errorf("anonymous: got %d %s", a.status, a.body)
	}
}

// waitFor waits for something that must happen; only what hangs may reach its limit.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
