//go:build unix

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// A session of forty hands, saved after each of them, on every table of production, with the default settings, an
// outage in the middle, and an agent that is killed: the row is the last version, nothing is dead, and verify finds
// nothing. Of earlier agents there may be a row whose raw_json is null or of one hand, and whose hand_count another
// program has rewritten.
func TestASessionOfFortyHandsOnTheTablesInProduction(t *testing.T) {
	t.Parallel()
	for _, table := range supabasetest.ProductionTables {
		if table.Unfilled != "" {
			continue // it takes no row
		}
		for _, earlier := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, rows of an earlier agent %v", table.Name, earlier), func(t *testing.T) {
				t.Parallel()
				g := supabasetest.New(t, supabasetest.WithSQL(table.SQL), supabasetest.WithSchemas(table.Schema))
				s := newScene(t).onSupabase(g, g.SecretKey)
				s.env = append(s.env, "GFX_SYNC_SCHEMA="+table.Schema)
				session := sample.New(40)
				if earlier {
					leaveRow(t, g, table, session)
				}
				playForty(t, s, g, session)
				last := hashindex.XXH3.Sum(session.JSON())
				rows := func() []string {
					return g.QueryStrings(t, `select concat_ws(' ', file_hash, jsonb_array_length(raw_json->'Hands'))
						from `+table.Schema+`.gfx_sessions`)
				}
				eventually(t, "the row is the last version", func() bool {
					return slices.Equal(rows(), []string{last + " 40"})
				})
				s.waitStatus("nothing waits, and nothing is dead", func(st *reconcile.Status) bool {
					return st.Queued+st.Dead+st.Pending == 0
				})
				s.mustPass(0, "verify", "--full")
				s.stop()
				s.mustPass(0, "verify", "--full")
			})
		}
	}
}

// playForty saves a session after each of its forty hands, and waits each time until the agent has seen that.
func playForty(t *testing.T, s *scene, g *supabasetest.Server, session *sample.Session) {
	t.Helper()
	for hands := 1; hands <= 40; hands++ {
		content := session.Play(1).JSON()
		writeFile(t, filepath.Join(s.watch, session.FileName()), content)
		switch hands {
		case 1:
			s.start()
		case 15:
			g.Stop()
		case 20:
			s.kill()
			s.start()
		case 25:
			g.Start()
		}
		hash := hashindex.XXH3.Sum(content)
		eventually(t, fmt.Sprintf("save %d is in the index", hands), func() bool {
			return s.indexed(session.FileName()) == hash
		})
	}
}

// indexed returns the hash that the index has of a file.
func (s *scene) indexed(path string) string {
	s.t.Helper()
	index, err := state.OpenExisting(s.t.Context(), s.queue)
	if err != nil {
		return "" // it is being made
	}
	entry, _, err := index.Index.Get(s.t.Context(), fileid.ID{Path: path})
	if err != nil {
		s.t.Error(err)
	}
	if err := index.Close(); err != nil {
		s.t.Error(err)
	}
	return entry.Hash
}

// leaveRow makes the row that an earlier agent has left of a session.
func leaveRow(t *testing.T, g *supabasetest.Server, table supabasetest.ProductionTable, session *sample.Session) {
	t.Helper()
	raw, pc := `'{"Hands":[{}]}'`, ""
	if table.Name == "raw_json may be null" {
		raw = "null"
	}
	if g.QueryStrings(t, `select count(*)::text from information_schema.columns
		where table_schema = '`+table.Schema+`' and table_name = 'gfx_sessions'
			and column_name = 'gfx_pc_id'`)[0] == "1" {
		pc = "gfx_pc_id, "
	}
	value := map[bool]string{true: "'PC00', ", false: ""}[pc != ""]
	g.Exec(t, `insert into `+table.Schema+`.gfx_sessions (`+pc+`session_id, file_name, file_hash, raw_json, hand_count)
		values (`+value+`$1, 'earlier.json', 'of an earlier agent', `+raw+`, 9999)`, session.ID)
}
