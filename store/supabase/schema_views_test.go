package supabase_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
)

// hands returns a raw_json with this number of hands.
func hands(n int) string {
	return `{"ID": 638963849867159576, "Hands": [` + strings.TrimSuffix(strings.Repeat("{},", n), ",") + "]}"
}

// The winner of a session depends on the file, not on hand_count, which other programs write too.
func TestSchemaCurrentIsTheBestRowOfEachSession(t *testing.T) {
	t.Parallel()
	for _, key := range []store.ConflictKey{store.ByHash, store.ByPCAndHash} { // with BySession, there is only one row
		p := inPublic(t, key, "")
		p.apply(t)
		for _, row := range []struct{ values, json string }{
			{`'a1', 1, 99, '2026-01-09', '2026-01-09', 'PC01'`, hands(5)},
			{`'a2', 1, 0, '2026-01-01', '2026-01-01', 'PC01'`, hands(7)}, // the most hands
			{`'a3', 1, 99, '2026-01-09', '2026-01-09', 'PC01'`, hands(6)},
			{`'b1', 2, 3, '2026-01-01', '2026-01-09', 'PC01'`, hands(3)},
			// the same number of hands, and the newest file
			{`'b2', 2, 3, '2026-01-03', '2026-01-01', 'PC02'`, hands(3)},
			{`'b3', 2, 3, '2026-01-02', '2026-01-09', 'PC01'`, hands(3)},
			{`'c1', 3, 9, '2026-01-03', '2026-01-03', 'PC01'`, `{"Hands": {"not": "a list"}}`},
			{`'c2', 3, 0, '2026-01-01', '2026-01-01', 'PC01'`, hands(1)},
			// without a session: each row stands for itself
			{`'d1', null, 1, '2026-01-01', '2026-01-01', 'PC01'`, hands(1)},
			{`'d2', null, 1, '2026-01-01', '2026-01-01', 'PC01'`, hands(1)},
			{`'e1', 4, 1, null, '2026-01-02', 'PC01'`, hands(1)},
			{`'e2', 4, 1, '2025-01-01', '2026-01-01', 'PC01'`, hands(1)}, // any time is newer than none
			{`'f1', 5, 1, '2026-01-01', '2026-01-01', 'PC01'`, hands(1)},
			{`'f2', 5, 1, '2026-01-01', '2026-01-01', 'PC01'`, hands(1)}, // they differ only in the hash
		} {
			p.exec(t, `insert into TABLE! (file_hash, session_id, hand_count, file_modified_at, created_at,
				gfx_pc_id, raw_json)
				values (`+row.values+`, '`+row.json+`')`)
		}
		const want = "a2 b2 c2 d1 d2 e2 f2"
		for _, change := range []string{
			``, `update TABLE! set hand_count = 0`,
			// as in rows from before the column existed
			`alter table TABLE! disable trigger all; update TABLE! set raw_hands = null`,
		} {
			p.exec(t, change)
			got := p.query(t, `select file_hash from gfx_sessions_current order by 1`)
			if strings.Join(got, " ") != want {
				t.Errorf("%s, after %q: rows %q, want %s", key, change, got, want)
			}
		}
	}
}

func TestSchemaCurrentTakesRowsWithoutATimeForOlder(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, plain+`insert into TABLE! values ('zzz', '{}', 'PC01', 1)`)
	p.apply(t)
	p.exec(t, `insert into TABLE! values ('new', '{}', 'PC01', 1)`)
	if got := p.query(t, `select file_hash from gfx_sessions_current`); !slices.Equal(got, []string{"new"}) {
		t.Errorf("rows %q", got)
	}
}

// JavaScript would round a number of 18 digits.
func TestSchemaCurrentHasTheIDsAsText(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, "")
		p.apply(t)
		const id = "638963849867159576"
		const query = "gfx_sessions_current?select=session_id_text,file_id_text&session_id_text=eq."
		p.exec(t, `insert into TABLE! (file_hash, session_id, gfx_pc_id, raw_json)
			values ('a', `+id+`, 'PC01', '`+hands(1)+`')`)
		_, body := p.get(t, query+id, p.ServiceJWT)
		want := `[{"session_id_text":"` + id + `","file_id_text":"` + id + `"}]`
		if strings.ReplaceAll(string(body), ", ", ",") != want {
			t.Errorf("%s, want %s", body, want)
		}
	})
}

func TestSchemaViewsFollowTheTable(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"column added":   `alter table TABLE! add column venue text`,
		"column dropped": `alter table TABLE! drop column nas_path cascade`,
		"column renamed": `alter table TABLE! rename column id to number`,
		"view of others": `drop view gfx_sessions_current;
			create view gfx_sessions_current as select file_hash, session_id as id from TABLE!`,
		"type changed": `drop view gfx_sessions_current; alter table TABLE! alter session_id type numeric`,
		"digest of early": `drop view gfx_session_digest;
			create view gfx_session_digest as select 'a' as prefix, 1 as n`,
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
				want := append(p.query(t, columnsSQL), "session_id_text", "file_id_text")
				got := p.query(t, strings.ReplaceAll(columnsSQL, "TABLE!", "gfx_sessions_current"))
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("the view has %q, the table %q", got, want)
				}
				if n := p.query(t, `select count(*) from pg_class where relkind = 'v' and relname like 'gfx%'
					and reloptions = '{security_invoker=on}'`); n[0] != "2" {
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
	p.exec(t, `grant select on gfx_session_digest to authenticated; create role viewer;
		grant select on gfx_session_digest to viewer`)
	granted := `select string_agg(distinct a.grantee::regrole::text, ' ') from pg_class, aclexplode(relacl) a
		where relname = 'gfx_session_digest'
		and a.privilege_type = 'SELECT' and a.grantee = 'viewer'::regrole`
	r := p.record(t, 1, 1, "PC01")
	p.upsert(t, r)
	for _, key := range []store.ConflictKey{
		store.ByPCAndHash, store.ByHash, store.ByPCAndHash, store.BySession, store.ByPCAndHash,
	} {
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

// The schema must not drop objects that depend on a view.
func TestSchemaNamesWhatRestsOnAView(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByPCAndHash, "")
	p.apply(t)
	p.exec(t, `create view mine as select * from gfx_session_digest`)
	p.key = store.ByHash
	if text := p.applyError(t).Error(); !strings.Contains(text, "cannot drop view public.gfx_session_digest") {
		t.Errorf("error %q", text)
	}
	if status, body := p.get(t, "mine?limit=1", p.ServiceJWT); status != http.StatusOK {
		t.Errorf("the view that rests on it: HTTP %d, %.100s", status, body)
	}
}

func TestSchemaQuotesEveryName(t *testing.T) {
	t.Parallel()
	p := at(t, "Select", "Order", store.ByHash, "")
	p.apply(t)
	p.apply(t)
	p.upsert(t, p.record(t, 1, 1, "PC01"))
	got := p.QueryStrings(t, `select relname from pg_class where relnamespace = '"Select"'::regnamespace
		and relkind in ('r', 'v') order by relname collate "C"`)
	if want := "Order Order_current Order_digest"; strings.Join(got, " ") != want {
		t.Errorf("made %q, want %s", got, want)
	}
	n := fmt.Sprint(p.QueryStrings(t, `select count(*) from pg_class where relnamespace = 'public'::regnamespace`))
	if n != "[0]" {
		t.Errorf("%s relations in the wrong schema", n)
	}
}
