package supabase_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

var withHands = supabase.SchemaParts{Hands: true}

func TestScratch(t *testing.T) {
	sql := withHands.SQL("public", "gfx_sessions", store.ByHash)
	s := supabasetest.New(t, supabasetest.WithSQL(sql))
	s.Exec(t, `insert into gfx_sessions(session_id, file_hash, raw_json) values (1, 'aa', $1::jsonb)`, string(sample.New(1).Play(5).JSON()))
	for _, q := range []string{
		`select count(*)::text from gfx_hands`, `select count(*)::text from gfx_hand_players`, `select count(*)::text from gfx_events`,
		`select row_to_json(g)::text from gfx_hands g`, `select row_to_json(g)::text from gfx_hand_players g limit 2`, `select row_to_json(g)::text from gfx_events g limit 2`,
		`select row_to_json(g)::text from gfx_players g`, `select row_to_json(g)::text from gfx_expand_status g`, `select row_to_json(g)::text from gfx_expand_sessions g`,
		`select row_to_json(g)::text from gfx_expand_errors g`, `select row_to_json(g)::text from gfx_expand() g`, `select row_to_json(g)::text from gfx_expand_summary g`,
		`select row_to_json(g)::text from gfx_expand(2, true) g`,
	} {
		t.Log(q, s.QueryStrings(t, q))
	}
}
