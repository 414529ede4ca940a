package supabasetest_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

const insertSession = `{"session_id": 638963849867159576, "file_name": "a.json", "file_hash": "aa", "raw_json": {}}`

func TestProductionTablesTakeARowUnlessAColumnIsUnfilled(t *testing.T) {
	for _, table := range supabasetest.ProductionTables {
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(table.SQL), supabasetest.WithSchemas("public", table.Schema))
			headers := []string{"Content-Profile: " + table.Schema, "Prefer: resolution=merge-duplicates"}
			body := insertSession
			if table.Name == "gfx_pc_id not null" {
				body = body[:len(body)-1] + `, "gfx_pc_id": "PC01"}`
			}
			for range 2 { // an insert, then an update through the trigger
				a := do(t, s, call{
					method: "POST", path: "gfx_sessions?on_conflict=session_id", body: body, headers: headers,
				})
				if refused := a.code() == "23502"; refused != (table.Unfilled != "") {
					t.Errorf("HTTP %d, %s", a.status, a.body)
				}
			}
			got := s.QueryStrings(t, `select string_agg(pg_get_constraintdef(oid), ', ' order by conname)
				from pg_constraint
				where contype = 'u' and conrelid = '`+table.Schema+`.gfx_sessions'::regclass`)
			want := "UNIQUE (file_hash), UNIQUE (session_id)"
			if table.Name == "gfx_pc_id not null" {
				want = "UNIQUE (file_hash), UNIQUE (gfx_pc_id, file_hash), UNIQUE (session_id)"
			}
			if got[0] != want {
				t.Errorf("%s, want %s", got[0], want)
			}
		})
	}
}
