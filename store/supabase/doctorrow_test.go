package supabase_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// TestCheckOfTheTablesInProduction: what refuses every row is found, with every means that a server may offer, and no
// row is left behind.
func TestCheckOfTheTablesInProduction(t *testing.T) {
	t.Parallel()
	for _, table := range supabasetest.ProductionTables {
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(table.SQL), supabasetest.WithSchemas("public", table.Schema))
			for _, described := range []bool{true, false} {
				s.SetOpenAPI(described)
				r := remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Schema = table.Schema })
				findings := r.Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
				says(t, findings, "constraint", "one row per session, because the table is unique on session_id "+
					"(GFX_SYNC_ON_CONFLICT=auto)")
				row := finding(t, findings, "row")
				switch {
				case table.Unfilled == "" && row.Verdict != store.OK:
					t.Errorf("described %t: %+v", described, row)
				case table.Unfilled != "" && (row.Verdict != store.Fail || !strings.Contains(row.Text, table.Unfilled)):
					t.Errorf("described %t: %+v, want %s", described, row, table.Unfilled)
				}
				if n := s.QueryStrings(t, `select count(*) from `+table.Schema+`.gfx_sessions`)[0]; n != "0" {
					t.Errorf("%s rows are left", n)
				}
			}
		})
	}
}

// TestTheSQLOfCheckMends: what check prints for a column that nobody fills is enough, whatever the server calls an
// integer.
func TestTheSQLOfCheckMends(t *testing.T) {
	t.Parallel()
	for _, table := range supabasetest.ProductionTables {
		if table.Unfilled == "" {
			continue
		}
		eachNameOfIntegers(t, table.Name, func(t *testing.T, postgresNames bool) {
			s := supabasetest.New(t, supabasetest.WithSQL(table.SQL), supabasetest.WithSchemas("public", table.Schema))
			s.SetIntegerNames(postgresNames)
			r := remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Schema = table.Schema })
			row := finding(t, r.Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)}), "row")
			_, sql, _ := strings.Cut(row.Hint, "SQL editor: ")
			sql, _, _ = strings.Cut(sql, " (or")
			s.Exec(t, sql)
			if row := finding(t, r.Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)}),
				"row"); row.Verdict != store.OK {
				t.Errorf("after %s: %+v", sql, row)
			}
		})
	}
}

// eachNameOfIntegers runs the test against a server that describes integers as PostgREST before 14.8 did, and against
// one that does it as later ones do.
func eachNameOfIntegers(t *testing.T, name string, test func(t *testing.T, postgresNames bool)) {
	t.Helper()
	for _, postgresNames := range []bool{true, false} {
		t.Run(fmt.Sprintf("%s, integers by PostgreSQL's names %t", name, postgresNames), func(t *testing.T) {
			t.Parallel()
			test(t, postgresNames)
		})
	}
}

func TestCheckOfWhatRefusesRows(t *testing.T) {
	t.Parallel()
	const trigger = `create function refuse() returns trigger language plpgsql as $$ begin %; end $$;
		create trigger refuse WHEN on gfx_sessions for each row execute function refuse()`
	on := func(when, body string) string { return strings.NewReplacer("%", body, "WHEN", when).Replace(trigger) }
	for name, tc := range map[string]struct {
		sql     string
		verdict store.Verdict
		says    []string
	}{
		"nothing": {`select`, store.OK, []string{
			"a row can be stored", "rolled back",
			"not tested: triggers on UPDATE, deferred constraints",
		}},
		"a trigger before": {
			on("before insert", "raise exception 'closed on Sundays'"), store.Fail,
			[]string{"a row is refused: closed on Sundays", "P0001"},
		},
		"a trigger after": {
			on("after insert", "raise exception 'closed on Sundays'"), store.Fail,
			[]string{"a row is refused: closed on Sundays"},
		},
		"a trigger that drops rows": {
			on("before insert", "if new.table_type = 'MAIN_TABLE' or new.file_hash > '8' then return null; end "+
				"if; return new"), store.Fail,
			[]string{"drops rows without an error", "returns NULL"},
		},
		"a trigger that drops all rows": {
			on("before insert", "return null"), store.Fail, []string{"of 5 rows only 0 would have been stored"},
		},
		"a check constraint": {
			`alter table gfx_sessions add constraint tournament check (hand_count > 1000) not valid`, store.Fail,
			[]string{"violates check constraint \"tournament\""},
		},
		"a foreign key": {
			`create table pcs (name text primary key);
					alter table gfx_sessions add foreign key (gfx_pc_id) references pcs (name) not valid`, store.Fail,
			[]string{"foreign key"},
		},
		"another unique constraint": {
			`alter table gfx_sessions add unique (sync_source)`, store.Fail, []string{"duplicate key", "sync_source"},
		},
		"a sequence without rights": {
			`alter table gfx_sessions add number bigserial;
					revoke all on sequence gfx_sessions_number_seq from service_role`, store.Fail,
			[]string{"permission denied for sequence"},
		},
		"what a policy says": { // to a role that is not Supabase's, whose service_role bypasses policies
			on("before insert", "raise exception 'new row violates row-level security policy' using errcode = "+
				"'insufficient_privilege'"), store.Fail,
			[]string{"row-level security policy", "CREATE POLICY"},
		},
		"a deferrable constraint": {
			`alter table gfx_sessions drop constraint gfx_sessions_file_hash_key, add unique (file_hash) deferrable`,
			store.Fail,
			[]string{"must not be DEFERRABLE", "ALTER TABLE public.gfx_sessions ADD UNIQUE (file_hash)"},
		},
		"two columns that nobody fills": {
			`alter table gfx_sessions add loader text, add run integer; update gfx_sessions set loader = '', run = 1;
				alter table gfx_sessions alter run set not null, alter loader set not null`, store.Fail,
			[]string{"loader must not be null", "ALTER COLUMN loader DROP NOT NULL"},
		},
		"a default that is no JSON": {
			`alter table gfx_sessions add payouts integer[] not null default '{}'`, store.OK,
			[]string{"a row can be stored"},
		},
		"an enum that lacks values": {
			`create type kind as enum ('FEATURE_TABLE', 'MAIN_TABLE', 'SIDE_TABLE'); drop view gfx_sessions_current;
				alter table gfx_sessions drop table_type; alter table gfx_sessions add table_type kind`, store.Fail,
			[]string{
				"table_type has no value FINAL_TABLE, UNKNOWN",
				"ALTER TYPE kind ADD VALUE 'FINAL_TABLE'; ALTER TYPE kind ADD VALUE 'UNKNOWN';",
			},
		},
		"an enum that lacks a value that is not needed": {
			`create type status as enum ('pending'); alter table gfx_sessions add sync_status status`, store.Warn,
			[]string{"sync_status has no value synced", "a row can be stored", "ALTER TYPE status ADD VALUE 'synced';"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := finished(t)
			s.Exec(t, tc.sql)
			before := versions(t, s)
			findings := remoteAt(t, s.URL, s.SecretKey, nil).Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
			if row := finding(t, findings, "row"); row.Verdict != tc.verdict {
				t.Errorf("%+v", findings)
			}
			says(t, findings, "row", tc.says...)
			if after := versions(t, s); !slices.Equal(after, before) {
				t.Errorf("the table has changed from %q to %q", before, after)
			}
		})
	}
}

// TestCheckSendsNoRowToAServerThatMightKeepIt: the answer to a request for a single object of no row decides.
func TestCheckSendsNoRowToAServerThatMightKeepIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sql       string
		described bool
		verdict   store.Verdict
		says      []string
	}{
		"nothing known": {`select`, false, store.Skipped, []string{
			"no row was tried",
			"does not describe its tables",
		}},
		"all is filled": {
			`drop view gfx_sessions_current; alter table gfx_sessions drop column id`,
			true, store.Warn,
			[]string{"no row was tried", "are filled", "not tested: triggers"},
		},
		"a default that is not told": {
			`select`, true, store.Warn,
			[]string{"refused if id has no default, which the server does not tell"},
		},
		"a column that nobody fills": {
			`delete from gfx_sessions; alter table gfx_sessions add loader uuid not null, add run integer not null`,
			true, store.Fail,
			[]string{"loader must not be null", "ALTER COLUMN loader DROP NOT NULL"},
		},
	} {
		eachNameOfIntegers(t, name, func(t *testing.T, postgresNames bool) {
			s := finished(t)
			s.Exec(t, tc.sql)
			s.SetOpenAPI(tc.described)
			s.SetIntegerNames(postgresNames)
			s.SetFault(func(r *http.Request) supabasetest.Fault {
				r.Header.Del("Accept") // a server that does not know what a single object is
				return supabasetest.Fault{}
			})
			s.ResetRequests()
			findings := remoteAt(t, s.URL, s.SecretKey, nil).Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
			if row := finding(t, findings, "row"); row.Verdict != tc.verdict {
				t.Errorf("%+v", findings)
			}
			says(t, findings, "row", tc.says...)
			for _, q := range s.Requests() {
				if q.Method == http.MethodPost && q.Rows > 0 {
					t.Errorf("%d rows were sent", q.Rows)
				}
			}
		})
	}
}

// TestCheckOfAServerThatKeepsTheRowsAfterAll: should it ever come to that, the operator is told, and how to be rid of
// them.
func TestCheckOfAServerThatKeepsTheRowsAfterAll(t *testing.T) {
	t.Parallel()
	s := finished(t)
	s.SetFault(func(r *http.Request) supabasetest.Fault {
		var rows []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&rows); err == nil && len(rows) > 0 {
			r.Header.Del("Accept")
		}
		return supabasetest.Fault{}
	})
	rows := madeUp(t)
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	findings := r.Check(t.Context(), supabase.CheckOptions{Rows: rows})
	if row := finding(t, findings, "row"); row.Verdict != store.Fail {
		t.Errorf("%+v", findings)
	}
	says(t, findings, "row", "has kept the made-up rows",
		"DELETE FROM public.gfx_sessions WHERE file_hash IN ('"+rows[0].FileHash+"'")
}

// TestCheckOfAKeyThatTheTableRefuses: an explicit setting is held against all unique constraints.
func TestCheckOfAKeyThatTheTableRefuses(t *testing.T) {
	t.Parallel()
	const all = bare + `alter table gfx_sessions add unique (gfx_pc_id, file_hash), add unique (file_hash)`
	for name, tc := range map[string]struct {
		sql     string
		key     store.ConflictKey
		verdict store.Verdict
		says    []string
	}{
		"by hash, unique on session too": {
			all + `, add unique (session_id)`, store.ByHash, store.Fail,
			[]string{
				"unique on session_id as well: the second save of every session will be refused",
				"set GFX_SYNC_ON_CONFLICT=session_id (or leave it at auto)",
			},
		},
		"by session, unique on hash too": {
			all + `, add unique (session_id)`, store.BySession, store.OK,
			[]string{"one row per session"},
		},
		"by PC and hash, unique on hash too": {
			all, store.ByPCAndHash, store.Warn, []string{
				"a file that a second GFX PC has too will be refused",
				"set GFX_SYNC_ON_CONFLICT=file_hash",
			},
		},
		"a key that is not there": {
			bare + `alter table gfx_sessions add unique (session_id)`, store.ByHash, store.Fail,
			[]string{
				"no unique constraint on (file_hash)",
				"set GFX_SYNC_ON_CONFLICT=session_id (or leave it at auto); or in the SQL editor: ALTER TABLE",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(tc.sql))
			findings := remoteAt(t, s.URL, s.SecretKey, nil).Check(t.Context(),
				supabase.CheckOptions{Setting: store.OnConflict(tc.key)})
			if f := finding(t, findings, "constraint"); f.Verdict != tc.verdict {
				t.Errorf("%+v", findings)
			}
			says(t, findings, "constraint", tc.says...)
		})
	}
}

func finding(t *testing.T, findings []store.Finding, part string) store.Finding {
	t.Helper()
	i := slices.IndexFunc(findings, func(f store.Finding) bool { return f.Part == part })
	if i < 0 {
		t.Fatalf("no finding on %s", part)
	}
	return findings[i]
}
