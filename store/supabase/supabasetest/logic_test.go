package supabasetest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestLogicAndPathsIntoJSON(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	s.Exec(t, `insert into gfx_sessions (file_hash, session_id, raw_json) values
		('a', 1, '{"Hands":[{},null,3]}'), ('b', 2, '{"Hands":{"1":2}}'),
		('c', 3, '{}'), ('d', 4, '[{"Hands":[1]}]')`)
	for _, tc := range []struct{ name, filter, want string }{
		{"or", "or=(session_id.eq.1,session_id.gte.3)", "acd"},
		{"and within or", "or=(and(session_id.eq.1,file_hash.eq.a),and(session_id.eq.2,file_hash.eq.a))", "a"},
		{"in within or", "or=(session_id.in.(1,4),file_hash.eq.b)", "abd"},
		{"an element that is null in JSON is there", "raw_json->Hands->1=not.is.null", "a"},
		{"the last element", "raw_json->Hands->2=not.is.null", "a"},
		{"behind the last", "raw_json->Hands->3=not.is.null", ""},
		{"a key", "raw_json->Hands=not.is.null", "ab"},
		{"an index of the document", "raw_json->0->Hands=not.is.null", "d"},
		{"a list", "raw_json->Hands=cs.[]", "a"},
		{"a scalar is its own first element", "or=(raw_json->Hands->2->0->0.not.is.null)", "a"},
		{"a list within or", "or=(and(session_id.eq.1,raw_json->Hands.cs.[]),session_id.eq.3)", "ac"},
		{
			"a path within or",
			"or=(and(session_id.eq.1,raw_json->Hands->0.not.is.null)," +
				"and(session_id.eq.2,raw_json->Hands->0.not.is.null))",
			"a",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := get(t, s, "gfx_sessions?select=file_hash&order=file_hash&"+strings.ReplaceAll(tc.filter, ">", "%3E"))
			var rows []struct {
				Hash string `json:"file_hash"`
			}
			if err := json.Unmarshal([]byte(a.body), &rows); err != nil {
				t.Fatalf("%s: %v", a.body, err)
			}
			got := ""
			for _, row := range rows {
				got += row.Hash
			}
			if a.status != 200 || got != tc.want {
				t.Errorf("%d %s, want the rows %q", a.status, a.body, tc.want)
			}
		})
	}
}

// A function over the row is served like a column where it is named, and only there.
func TestComputedField(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	s.Exec(t, `insert into gfx_sessions (file_hash, raw_json) values ('a', '{"Hands":[{},{}]}')`)
	if a := get(t, s, "gfx_sessions?select=hands"); a.status != 400 || a.code() != "42703" ||
		!strings.Contains(a.body, "column gfx_sessions.hands does not exist") {
		t.Errorf("without the function: %d %s", a.status, a.body)
	}
	s.Exec(t, `create function hands(gfx_sessions) returns integer language sql stable as
		$$ select jsonb_array_length($1.raw_json->'Hands') $$`)
	a := get(t, s, "gfx_sessions?select=file_hash,hands&hands=gt.1")
	if a.status != 200 || !strings.Contains(a.body, `"hands":2`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := get(t, s, "gfx_sessions"); strings.Contains(a.body, `"hands"`) {
		t.Errorf("* stands for it too: %s", a.body)
	}
	s.Exec(t, `create schema other; alter function hands(gfx_sessions) set schema other`)
	if a := get(t, s, "gfx_sessions?select=hands"); a.code() != "42703" {
		t.Errorf("from a schema that is not exposed: %d %s", a.status, a.body)
	}
}
