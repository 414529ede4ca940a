package supabase_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gfxsync/gfxsync/store"
)

// retained makes rows that are a month old: three versions of session 1, two of session 2, and one without a session.
func retained(t *testing.T, key store.ConflictKey) *place {
	t.Helper()
	p := inPublic(t, key, "")
	p.apply(t)
	p.exec(t, `
		insert into TABLE! (file_hash, session_id, gfx_pc_id, hand_count, raw_json, file_modified_at,
			created_at, updated_at)
		select hash, session, 'PC01', 99 - hands, jsonb_build_object('Hands', array_fill(1, array[hands])), modified,
			month, month
		from (values ('a1', 1, 1, '2026-01-03'::timestamptz), ('a2', 1, 3, '2026-01-01'), ('a3', 1, 2, '2026-01-02'),
			('b1', 2, 2, '2026-01-01'), ('b2', 2, 2, '2026-01-02'), ('c1', null, 1, null), ('c2', null, 1, null)
		) as r (hash, session, hands, modified), (select now() - interval '30 days' as month) as m`)
	return p
}

func (p *place) wantKept(t *testing.T, want string) {
	t.Helper()
	if got := p.query(t, `select file_hash from TABLE! order by 1`); strings.Join(got, " ") != want {
		t.Errorf("kept %q, want %s", got, want)
	}
}

func (p *place) deleteSuperseded(t *testing.T, arguments, want string) {
	t.Helper()
	if got := p.query(t, `select gfx_sessions_delete_superseded(`+arguments+`)`); got[0] != want {
		t.Errorf("deleted %s with (%s), want %s", got[0], arguments, want)
	}
}

func TestDeleteSupersededKeepsTheBestVersionOfEachSession(t *testing.T) {
	t.Parallel()
	for _, key := range []store.ConflictKey{store.ByHash, store.ByPCAndHash} {
		p := retained(t, key)
		current := p.query(t, `select file_hash from gfx_sessions_current order by 1`)
		p.deleteSuperseded(t, `'1 day'`, "3")
		p.wantKept(t, "a2 b2 c1 c2")
		if now := p.query(t, `select file_hash from gfx_sessions_current order by 1`); !slices.Equal(now, current) {
			t.Errorf("%s: readers see %q, before %q", key, now, current)
		}
		p.deleteSuperseded(t, `'1 day'`, "0")
	}
}

func TestDeleteSupersededKeepsWhatIsYoung(t *testing.T) {
	t.Parallel()
	p := retained(t, store.ByHash)
	p.deleteSuperseded(t, `'31 days'`, "0")
	p.exec(t, `update TABLE! set nas_path = 'x' where file_hash = 'a1'`) // this also sets updated_at
	p.deleteSuperseded(t, `'1 day'`, "2")
	p.wantKept(t, "a1 a2 b2 c1 c2")
	p.deleteSuperseded(t, `null`, "0")
}

func TestDeleteSupersededTakesBoundedSteps(t *testing.T) {
	t.Parallel()
	p := retained(t, store.ByHash)
	for _, want := range []string{"2", "1", "0"} {
		p.deleteSuperseded(t, `'1 day', 2`, want)
	}
	p.wantKept(t, "a2 b2 c1 c2")
}

func TestDeleteSupersededKeepsWhatOthersReferTo(t *testing.T) {
	t.Parallel()
	p := retained(t, store.ByHash)
	p.exec(t, `create table notes (hash text references TABLE! (file_hash)); insert into notes values ('a1');
		create table marks ("the ID" bigint references TABLE! (id) on delete cascade);
		insert into marks select id from TABLE! where file_hash = 'b1'`)
	p.deleteSuperseded(t, `'1 day', 1`, "1") // a row that stays does not count against max_rows
	p.deleteSuperseded(t, `'1 day', 1`, "0")
	p.wantKept(t, "a1 a2 b1 b2 c1 c2")
	if n := p.query(t, `select count(*) from marks`); n[0] != "1" {
		t.Error("a row of another table is gone")
	}
}

// If the key has the PC in it, each PC has its own versions of a session.
func TestDeleteSupersededTellsPCsApart(t *testing.T) {
	t.Parallel()
	for key, want := range map[store.ConflictKey]string{
		store.ByHash:      "a2 b2 c1 c2",
		store.ByPCAndHash: "a1 a2 b2 c1 c2",
	} {
		p := retained(t, key)
		p.exec(t, `update TABLE! set gfx_pc_id = 'PC02' where file_hash = 'a1'`)
		p.exec(t, `alter table TABLE! disable trigger gfxsync_updated_at; update TABLE! set updated_at = created_at`)
		p.deleteSuperseded(t, `'1 day'`, map[store.ConflictKey]string{store.ByHash: "3", store.ByPCAndHash: "2"}[key])
		p.wantKept(t, want)
	}
}

// A row that is being written is left to the next call. Nobody waits for it.
func TestDeleteSupersededWaitsForNobody(t *testing.T) {
	t.Parallel()
	p := retained(t, store.ByHash)
	err := pgx.BeginFunc(t.Context(), p.DB(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `select from gfx_sessions where file_hash = 'a1' for update`); err != nil {
			return err
		}
		p.exec(t, `alter function gfx_sessions_delete_superseded set lock_timeout = '1 s'`)
		p.deleteSuperseded(t, `'1 day'`, "2")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.deleteSuperseded(t, `'1 day'`, "1")
}

// A table with one row for each session has no superseded rows, and gets no function that deletes them.
func TestDeleteSupersededIsNotThereWhereSessionsAreUnique(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.BySession, "")
	p.apply(t)
	if n := p.query(t, `select count(*) from pg_proc where proname like '%superseded'`); n[0] != "0" {
		t.Errorf("%s functions", n[0])
	}
}
