//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// handsAndFiles compares for each session what the tables hold with what its best version says.
const handsAndFiles = `
	select s.session_id || ': ' || concat_ws(', ', h.n || ' hands', p.n || ' seats', e.n || ' events') || ' of ' ||
		concat_ws(', ', j.hands || ' hands', j.seats || ' seats', j.events || ' events')
	from gfx_sessions_current s
	cross join lateral (select count(*) n from gfx_hands h where h.session_id = s.session_id) h
	cross join lateral (select count(*) n from gfx_hand_players p join gfx_hands h on h.id = p.hand_id
		where h.session_id = s.session_id) p
	cross join lateral (select count(*) n from gfx_events e join gfx_hands h on h.id = e.hand_id
		where h.session_id = s.session_id) e
	cross join lateral (select count(*) hands, sum(jsonb_array_length(h->'Players')) seats,
		sum(jsonb_array_length(h->'Events')) events from jsonb_array_elements(s.raw_json->'Hands') h) j
	where (h.n, p.n, e.n) is distinct from (j.hands, j.seats, j.events)`

// handsOfPlayers compares the totals of the players with the hands in the tables.
const handsOfPlayers = `
	select p.name || ': ' || p.total_hands_played || ' hands of ' || n.hands from gfx_players p
	cross join lateral (select count(distinct x.hand_id) hands from gfx_hand_players x where x.player_id = p.id) n
	where p.total_hands_played is distinct from n.hands`

// TestTwoAgentsThatAreKilledExpandEverything: they write the same sessions and sessions of their own. After one
// reconcile of each the hands are those of the best versions, and no transaction has had to be given up.
func TestTwoAgentsThatAreKilledExpandEverything(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"by hash":    supabase.SchemaSQL("public", "gfx_sessions", store.ByHash),
		"by session": supabasetest.ProductionTables[2].SQL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := supabasetest.New(t, supabasetest.WithSQL(sql))
			g.Exec(t, supabase.SchemaParts{Hands: true}.SQL("public", "gfx_sessions"))
			agents := []*scene{newScene(t).onSupabase(g, g.SecretKey), newScene(t).onSupabase(g, g.SecretKey)}
			for i, s := range agents {
				s.env = append(s.env, fmt.Sprintf("GFX_SYNC_PC_ID=PC%02d", i+1))
				s.start()
			}
			playAndKill(t, agents)
			for _, s := range agents {
				s.waitStatus("nothing waits", func(st *reconcile.Status) bool { return st.Queued+st.Pending == 0 })
				s.stop()
				s.mustPass(0, "reconcile")
			}
			for _, query := range []string{
				handsAndFiles, handsOfPlayers,
				`select session_id || ' is ' || state from gfx_expand_status where state <> 'current'`,
				`select position || ' ' || message from gfx_expand_errors`,
			} {
				if wrong := g.QueryStrings(t, query); len(wrong) > 0 {
					t.Errorf("not as it should be:\n%s", strings.Join(wrong, "\n"))
				}
			}
			n := g.QueryStrings(t, `select deadlocks from pg_stat_database where datname = current_database()`)
			if n[0] != "0" {
				t.Errorf("%s deadlocks", n[0])
			}
		})
	}
}

// playAndKill saves sessions hand by hand, some in the folders of both agents, and kills one of them now and then.
func playAndKill(t *testing.T, agents []*scene) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var sessions []*sample.Session
	for i := range 8 {
		sessions = append(sessions, sample.New(60+i))
	}
	saves, pause := 120, 20*time.Millisecond
	if long() {
		saves, pause = 1200, 50*time.Millisecond // a minute
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := range saves {
		i := rng.IntN(len(sessions))
		s := sessions[i].Play(1)
		for who, agent := range agents {
			if i < 4 || i%2 == who {
				writeFile(t, filepath.Join(agent.watch, s.FileName()), s.JSON())
			}
		}
		if n%40 == 39 {
			agent := agents[rng.IntN(len(agents))]
			agent.kill()
			agent.start()
		}
		<-tick.C
	}
}
