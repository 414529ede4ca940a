package supabase_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
)

func TestSchemaCurrentIsTheBestRowOfEachSession(t *testing.T) {
	t.Parallel()
	for _, key := range []store.ConflictKey{store.ByHash, store.ByPCAndHash} { // by session there is only one
		p := inPublic(t, key, "")
		p.apply(t)
		p.exec(t, `insert into TABLE! (file_hash, session_id, hand_count, created_at, gfx_pc_id, raw_json) values
			('a1', 1,    5,    '2026-01-01', 'PC01', '{}'), ('a2', 1,    7,    '2026-01-02', 'PC01', '{}'), ('a3', 1,    6,    '2026-01-03', 'PC01', '{}'),
			('b1', 2,    3,    '2026-01-01', 'PC01', '{}'), ('b2', 2,    3,    '2026-01-03', 'PC02', '{}'), ('b3', 2,    3,    '2026-01-02', 'PC01', '{}'),
			('c1', 3,    null, '2026-01-03', 'PC01', '{}'), ('c2', 3,    0,    '2026-01-01', 'PC01', '{}'),
			('d1', null, 1,    '2026-01-01', 'PC01', '{}'), ('d2', null, 1,    '2026-01-01', 'PC01', '{}'),
			('e2', 4,    1,    '2026-01-01', 'PC01', '{}'), ('e1', 4,    1,    '2026-01-01', 'PC01', '{}')`)
		if got := p.query(t, `select file_hash from gfx_sessions_current order by 1`); strings.Join(got, " ") != "a2 b2 c2 d1 d2 e1" {
			t.Errorf("%s: rows %q", key, got)
		}
		if n := p.query(t, `select count(*) from pg_attribute a where attrelid = 'TABLE!'::regclass and attnum > 0 and not exists (
			select from pg_attribute v where v.attrelid = 'gfx_sessions_current'::regclass and v.attname = a.attname)`); n[0] != "0" {
			t.Errorf("%s: %s columns of the table are not in the view", key, n[0])
		}
	}
}

func TestSchemaCurrentTakesRowsWithoutATimeForOlder(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, plain+`insert into TABLE! values ('old', '{}', 'PC01', 1)`)
	p.apply(t)
	p.exec(t, `insert into TABLE! values ('new', '{}', 'PC01', 1)`)
	if got := p.query(t, `select file_hash from gfx_sessions_current`); !slices.Equal(got, []string{"new"}) {
		t.Errorf("rows %q", got)
	}
}

func TestSchemaViewsFollowTheTable(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"column added":    `alter table TABLE! add column venue text`,
		"column dropped":  `alter table TABLE! drop column nas_path cascade`,
		"column renamed":  `alter table TABLE! rename column id to number`,
		"view of others":  `drop view gfx_sessions_current; create view gfx_sessions_current as select file_hash, session_id as id from TABLE!`,
		"type changed":    `drop view gfx_sessions_current; alter table TABLE! alter session_id type numeric`,
		"digest of early": `drop view gfx_session_digest; create view gfx_session_digest as select 'a' as prefix, 1 as n`,
	} {
		t.Run(name, func(t *testing.T) {
			forEachKey(t, func(t *testing.T, key store.ConflictKey) {
				p := inPublic(t, key, "")
				p.apply(t)
				p.exec(t, change)
				p.apply(t)
				p.apply(t)
				r := p.record(t, 1, 1, "PC01")
				p.upsert(t, r)
				want := p.query(t, columnsSQL)
				if got := p.query(t, strings.ReplaceAll(columnsSQL, "TABLE!", "gfx_sessions_current")); !slices.Equal(got, want) {
					t.Errorf("the view has %q, the table %q", got, want)
				}
				if n := p.query(t, `select count(*) from pg_class where relkind = 'v' and relname like 'gfx%' and reloptions = '{security_invoker=on}'`); n[0] != "2" {
					t.Errorf("%s views go by the rights of who reads", n[0])
				}
				if p.digest(t, "PC01") != digestOf(r.FileHash) {
					t.Error("the digest is not that of the row")
				}
			})
		})
	}
}

func TestSchemaChangesItsConflictKey(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, "")
	p.apply(t)
	p.exec(t, `grant select on gfx_session_digest to authenticated; create role viewer; grant select on gfx_session_digest to viewer`)
	granted := `select string_agg(distinct a.grantee::regrole::text, ' ') from pg_class, aclexplode(relacl) a where relname = 'gfx_session_digest'
		and a.privilege_type = 'SELECT' and a.grantee = 'viewer'::regrole`
	r := p.record(t, 1, 1, "PC01")
	p.upsert(t, r)
	for _, key := range []store.ConflictKey{store.ByPCAndHash, store.ByHash, store.ByPCAndHash, store.BySession, store.ByPCAndHash} {
		p.key = key
		p.apply(t)
		p.upsert(t, r)
		if p.digest(t, "PC01") != digestOf(r.FileHash) {
			t.Errorf("%s: the digest is not that of the row", key)
		}
		if got := p.query(t, granted); got[0] != "viewer" {
			t.Errorf("%s: viewer may not read the digest any more", key)
		}
	}
	p.exec(t, `drop owned by viewer; drop role viewer`)
}

// What rests on a view is not for the schema to drop.
func TestSchemaNamesWhatRestsOnAView(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByPCAndHash, "")
	p.apply(t)
	p.exec(t, `create view mine as select * from gfx_session_digest`)
	p.key = store.ByHash
	if text := p.applyError(t).Error(); !strings.Contains(text, "cannot drop view gfx_session_digest") {
		t.Errorf("error %q", text)
	}
	if status, body := p.get(t, "mine?limit=1", p.ServiceJWT); status != http.StatusOK {
		t.Errorf("the view that rests on it: HTTP %d, %.100s", status, body)
	}
}

// What an agent and its readers ask most is answered by an index, not by reading the table.
func TestSchemaIndexesServeWhatIsAsked(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, "")
		p.apply(t)
		p.exec(t, `insert into TABLE! (file_hash, session_id, gfx_pc_id, raw_json)
			select md5(n::text), n, 'PC' || n % 100, '{}' from generate_series(1, 20000) as n`)
		p.exec(t, `analyze TABLE!`)
		asked := map[string]string{
			"page":    `select file_hash from TABLE! where file_hash > '80' order by file_hash limit 1000`,
			"session": `select * from gfx_sessions_current where session_id = 77`,
		}
		if key == store.ByPCAndHash {
			asked["page of a PC"] = `select file_hash from TABLE! where file_hash > '80' and gfx_pc_id = 'PC7' order by file_hash limit 1000`
			asked["digest of a PC"] = `select prefix, rows, xor from gfx_session_digest where gfx_pc_id = 'PC7' order by prefix`
		}
		for name, sql := range asked {
			if plan := strings.Join(p.query(t, `explain (costs off) `+sql), "\n"); strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index Cond") {
				t.Errorf("%s:\n%s", name, plan)
			}
		}
	})
}

func TestSchemaQuotesEveryName(t *testing.T) {
	t.Parallel()
	p := at(t, "Select", "Order", store.ByHash, "")
	p.apply(t)
	p.apply(t)
	p.upsert(t, p.record(t, 1, 1, "PC01"))
	got := p.QueryStrings(t, `select relname from pg_class where relnamespace = '"Select"'::regnamespace and relkind in ('r', 'v') order by relname collate "C"`)
	if want := "Order Order_current Order_digest"; strings.Join(got, " ") != want {
		t.Errorf("made %q, want %s", got, want)
	}
	if n := fmt.Sprint(p.QueryStrings(t, `select count(*) from pg_class where relnamespace = 'public'::regnamespace`)); n != "[0]" {
		t.Errorf("%s relations in the wrong schema", n)
	}
}
