package supabasetest_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// TestFunctions: what PostgREST answers to calls (docs.postgrest.org, Functions as RPC; its specification, RpcSpec.hs).
func TestFunctions(t *testing.T) {
	s := supabasetest.New(t)
	s.Exec(t, `
		create function add_them(a integer, b integer default 1) returns integer language sql as 'select a + b';
		create function rows_of(n integer) returns table (id integer, double bigint) language sql
			as 'select i, 2 * i from generate_series(1, n) i';
		create function fails() returns integer language plpgsql as 'begin raise exception using errcode = ''22023''; end';
		create function not_yours() returns integer language sql as 'select 1';
		revoke execute on function not_yours from public, service_role, authenticated, anon;
		grant execute on function add_them, rows_of, fails to service_role`)
	for _, tc := range []struct {
		name, path, body string
		status           int
		code, answer     string
	}{
		{"a scalar", "rpc/add_them", `{"a":2,"b":3}`, 200, "", "5"},
		{"a default", "rpc/add_them", `{"a":2}`, 200, "", "3"},
		{"rows", "rpc/rows_of", `{"n":2}`, 200, "", "[{\"id\":1,\"double\":2}, \n {\"id\":2,\"double\":4}]"},
		{"no rows", "rpc/rows_of", `{"n":0}`, 200, "", `[]`},
		{"unknown function", "rpc/nope", `{}`, 404, "PGRST202", ""},
		{"unknown argument", "rpc/add_them", `{"a":1,"c":2}`, 404, "PGRST202", ""},
		{"missing argument", "rpc/add_them", `{"b":2}`, 404, "PGRST202", ""},
		{"argument of another type", "rpc/add_them", `{"a":"x"}`, 400, "22P02", ""},
		{"no JSON", "rpc/add_them", `{`, 400, "PGRST102", ""},
		{"it fails", "rpc/fails", `{}`, 400, "22023", ""},
		{"not granted", "rpc/not_yours", `{}`, 403, "42501", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := post(t, s, tc.path, tc.body)
			if a.status != tc.status || a.code() != tc.code {
				t.Errorf("answer %d %s, want %d %s: %s", a.status, a.code(), tc.status, tc.code, a.body)
			}
			if tc.answer != "" && string(a.body) != tc.answer {
				t.Errorf("answer %s, want %s", a.body, tc.answer)
			}
		})
	}
}
