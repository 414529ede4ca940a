package supabase_test

import (
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

const triggersSQL = `select coalesce(string_agg(tgname, ' ' order by tgname), '') from pg_trigger
	where tgrelid = 'TABLE!'::regclass and not tgisinternal`

// constraintsSQL selects the columns of each unique index except the primary key.
const constraintsSQL = `select coalesce(string_agg(c, ' ' order by c), '') from (
	select string_agg(a.attname, ',' order by k.place) as c
	from pg_index i cross join lateral unnest(i.indkey::int2[]) with ordinality as k (column_number, place)
	join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.column_number
	where i.indrelid = 'TABLE!'::regclass and i.indisunique and not i.indisprimary group by i.indexrelid) as u`

func TestSchemaWithoutAKeyKeepsWhatATableIsUniqueOn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ sql, want string }{
		"no table":           {"", "file_hash"},
		"no constraint":      {plain, "file_hash"},
		"on something else":  {plain + `alter table TABLE! add unique (id)`, "file_hash id"},
		"on hash":            {plain + `alter table TABLE! add unique (file_hash)`, "file_hash"},
		"on session":         {plain + `alter table TABLE! add unique (session_id)`, "session_id"},
		"on PC and hash":     {plain + `alter table TABLE! add unique (gfx_pc_id, file_hash)`, "gfx_pc_id,file_hash"},
		"in the other order": {plain + `create unique index on TABLE! (file_hash, gfx_pc_id)`, "file_hash,gfx_pc_id"},
		"on session, partial": {
			plain + `create unique index on TABLE! (session_id) where id > 0`, "file_hash session_id",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := at(t, "public", "gfx_sessions", 0, tt.sql)
			for range 2 {
				p.Exec(t, supabase.SchemaSQL(p.schema, p.table))
				if got := p.query(t, constraintsSQL); got[0] != tt.want {
					t.Errorf("unique on %q, want %q", got[0], tt.want)
				}
			}
		})
	}
}

func TestSchemaOverTheTableOfProduction(t *testing.T) {
	t.Parallel()
	for _, table := range supabasetest.ProductionTables {
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			p := at(t, table.Schema, "gfx_sessions", 0, table.SQL)
			before := p.query(t, constraintsSQL)
			triggers := p.query(t, triggersSQL)
			columns := p.query(t, columnsSQL)
			p.Exec(t, supabase.SchemaSQL(p.schema, p.table))
			if after := p.query(t, constraintsSQL); after[0] != before[0] {
				t.Errorf("unique on %q, before %q", after, before)
			}
			if after := p.query(t, triggersSQL); after[0] != triggers[0] {
				t.Errorf("triggers %q, before %q", after, triggers)
			}
			var added []string
			for _, c := range p.query(t, columnsSQL)[len(columns):] {
				if c != "gfx_pc_id" && c != "sync_source" {
					added = append(added, c)
				}
			}
			if strings.Join(added, " ") != "file_modified_at" {
				t.Errorf("columns added: %q", added)
			}
		})
	}
}

func TestSchemaSetsUpdatedAtOnEveryUpdate(t *testing.T) {
	t.Parallel()
	conditional := plain + `alter table TABLE! add updated_at timestamptz default now();
		create function odd() returns trigger language plpgsql as 'begin new.updated_at = now(); return new; end';
		create trigger odd before update of id on TABLE! for each row execute function odd()`
	own := strings.Replace(conditional, "of id", "", 1)
	places := map[string]struct {
		sql      string
		triggers string
	}{
		"new table":          {"", "gfxsync_raw_hands gfxsync_updated_at"},
		"existing table":     {plain, "gfxsync_raw_hands gfxsync_updated_at"},
		"of one column only": {conditional, "gfxsync_raw_hands gfxsync_updated_at odd"},
		"its own, switched off": {
			own + `; alter table TABLE! disable trigger odd`, "gfxsync_raw_hands gfxsync_updated_at odd",
		},
		"its own":    {own, "gfxsync_raw_hands odd"},
		"production": {supabasetest.ProductionTables[0].SQL, "update_gfx_sessions_updated_at"},
	}
	for name, tt := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := at(t, "public", "gfx_sessions", 0, tt.sql)
			p.Exec(t, supabase.SchemaSQL(p.schema, p.table))
			if got := p.query(t, triggersSQL); got[0] != tt.triggers {
				t.Errorf("triggers %s, want %s", got[0], tt.triggers)
			}
			p.exec(t, `insert into TABLE! (file_hash, file_name, raw_json, session_id, updated_at)
				values ('a', 'a.json', '{}', 1, '2020-01-01')`)
			p.exec(t, `update TABLE! set file_name = 'b.json'`)
			if got := p.query(t, `select updated_at > now() - interval '1 hour' from TABLE!`); got[0] != "t" {
				t.Error("updated_at is as it was before the update")
			}
		})
	}
}

func TestSchemaCountsTheHandsOfTheFile(t *testing.T) {
	t.Parallel()
	for kind, sql := range map[string]string{
		"new table": "",
		"json": `create table TABLE! (file_hash text not null unique, raw_json json,
			session_id bigint);`,
		"jsonb that may be null": `create table TABLE! (file_hash text not null unique, raw_json jsonb,
			session_id bigint);`,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := at(t, "public", "gfx_sessions", 0, sql)
			p.Exec(t, supabase.SchemaSQL(p.schema, p.table))
			for json, want := range map[string]string{
				`'` + hands(3) + `'`: "3", `'` + hands(0) + `'`: "0", `'{}'`: "0", `'{"Hands": null}'`: "0",
				`'{"Hands": {"a": 1}}'`: "0", `'{"Hands": "three"}'`: "0", `'[]'`: "0", `'null'`: "0", `null`: "",
			} {
				if json == "null" && kind == "new table" {
					continue
				}
				p.exec(t, `delete from TABLE!;
					insert into TABLE! (file_hash, raw_json, session_id, hand_count) values ('a', `+json+`, 1, 99)`)
				p.exec(t, `update TABLE! set raw_hands = 77, hand_count = 0`)
				for _, what := range []string{"gfx_session_hands(s)", "s.gfx_session_hands", "s.raw_hands"} {
					if got := p.query(t, `select `+what+` from TABLE! s`); got[0] != want {
						t.Errorf("%s of %s is %q, want %q", what, json, got[0], want)
					}
				}
			}
		})
	}
}

func TestSchemaFunctionsAreForTheAPIsRolesOnly(t *testing.T) {
	t.Parallel()
	p := at(t, "public", "gfx_sessions", 0, "")
	p.Exec(t, supabase.SchemaSQL(p.schema, p.table))
	got := p.query(t, `select proname || ': ' || string_agg(r, ' ' order by r)
		from pg_proc, unnest('{anon,authenticated,service_role}'::text[]) r
		where pronamespace = 'public'::regnamespace and proname like 'gfx\_session%'
			and has_function_privilege(r, oid, 'execute')
		group by proname order by 1`)
	want := "gfx_session_hands: authenticated service_role, gfx_sessions_delete_superseded: service_role"
	if strings.Join(got, ", ") != want {
		t.Errorf("%q, want %s", got, want)
	}
	if loose := p.query(t, `select proname from pg_proc where pronamespace = 'public'::regnamespace
		and proconfig is distinct from '{"search_path=\"\""}'`); len(loose) > 0 {
		t.Errorf("functions whose names anybody's search path can redirect: %q", loose)
	}
}
