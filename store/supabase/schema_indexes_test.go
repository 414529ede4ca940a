package supabase_test

import (
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
)

// The most frequent queries of agents and readers use an index. They do not read the table.
func TestSchemaIndexesServeWhatIsAsked(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, "")
		p.apply(t)
		versions := "10" // number of versions of each session
		if key == store.BySession {
			versions = "1"
		}
		// VACUUM only marks pages whose transactions are on the disk.
		p.exec(t, `set local synchronous_commit = on;
			insert into TABLE! (file_hash, session_id, session_created_at, file_modified_at, gfx_pc_id, raw_json)
			select md5(n::text), n / `+versions+`, '2026-01-01'::timestamptz + n / `+versions+` * interval '1 s',
				now(), 'PC' || n % 100,
				jsonb_build_object('EventTitle', repeat('x', 500)) -- the least that a session has
			from generate_series(1, 50000) as n`)
		p.exec(t, `vacuum analyze TABLE!`)
		asked := map[string]string{
			"page": `select file_hash from TABLE! where file_hash > '80'
				order by file_hash limit 1000`,
			"session":               `select * from gfx_sessions_current where session_id = 77`,
			"latest twenty by ID":   `select * from gfx_sessions_current order by session_id desc limit 20`,
			"latest twenty by time": `select * from gfx_sessions_current order by session_created_at desc limit 20`,
		}
		if key == store.ByPCAndHash {
			asked["page of a PC"] = `select file_hash from TABLE! where file_hash > '80' and gfx_pc_id = 'PC7'
				order by file_hash limit 1000`
			asked["digest of a PC"] = `select prefix, rows, xor from gfx_session_digest where gfx_pc_id = 'PC7'
				order by prefix`
		}
		if key == store.ByHash {
			asked["digest"] = `select prefix, rows, xor from gfx_session_digest order by prefix`
		}
		for name, sql := range asked {
			plan := strings.Join(p.query(t, `explain (costs off) `+sql), "\n")
			whole := strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort Key: t.session")
			if whole || !strings.Contains(plan, "Index ") ||
				name == "digest" && !strings.Contains(plan, "Index Only Scan") {
				t.Errorf("%s:\n%s", name, plan)
			}
		}
	})
}

// A row counts even if the table was not vacuumed yet, so that the index alone does not know whether the row is
// visible.
func TestSchemaDigestOfAFreshTable(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, "")
		p.apply(t)
		var hashes []string
		for seed := range 30 {
			r := p.record(t, seed, 1, "PC01")
			p.upsert(t, r)
			hashes = append(hashes, r.FileHash)
		}
		p.exec(t, `delete from TABLE! where file_hash = '`+hashes[0]+`'`)
		for range 2 {
			if p.digest(t, "PC01") != digestOf(hashes[1:]...) {
				t.Error("the digest is not that of the rows")
			}
			p.exec(t, `vacuum analyze TABLE!`)
		}
	})
}

// A row without content counts as missing, and an agent must send it.
func TestSchemaDigestLeavesOutRowsWithoutContent(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, strings.Replace(plain, "raw_json jsonb not null", "raw_json jsonb", 1))
		p.apply(t)
		a, b := p.record(t, 1, 3, "PC01"), p.record(t, 2, 3, "PC01")
		p.upsert(t, a, b)
		p.exec(t, `update TABLE! set raw_json = null where file_hash = '`+b.FileHash+`'`)
		if p.digest(t, "PC01") != digestOf(a.FileHash) {
			t.Error("the digest counts the row without content")
		}
	})
}

func TestSchemaDoesWithoutTheDigestIndexWhereRowsGoBySession(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.BySession, "")
	p.apply(t)
	indexes := strings.Join(p.query(t, `select indexname from pg_indexes where tablename = 'gfx_sessions'`), " ")
	if strings.Contains(indexes, "digest") || strings.Contains(indexes, "versions") {
		t.Errorf("indexes %s", indexes)
	}
}
