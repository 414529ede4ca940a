package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

var handsSQL = supabase.SchemaParts{Hands: true}.SQL("public", "gfx_sessions")

// expandingProduction is a table in production with sessions of an agent of before, over which the expansion was
// applied.
func expandingProduction(t *testing.T, sessions int) *production {
	t.Helper()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "auto")
	for seed := range sessions {
		p.save(seed, 3)
	}
	if r := p.reconcile(Quick); !r.InSync || r.Expansion != nil {
		t.Fatalf("without the expansion: %+v", r)
	}
	p.server.Exec(t, handsSQL)
	return p
}

func (p *production) reconcile(mode Mode) *Report {
	p.t.Helper()
	r, err := Reconcile(p.t.Context(), p.cfg, mode, PassOptions{}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *production) verify() *Report {
	p.t.Helper()
	s := (&place{cfg: p.cfg}).state(p.t)
	r, err := Verify(p.t.Context(), &Survey{Config: p.cfg, State: s}, Quick)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *production) hands() string {
	p.t.Helper()
	return p.server.QueryStrings(p.t, `select count(*) from gfx_hands where source_hash is not null`)[0]
}

// TestAReconcileExpandsWhatIsThere: verify reports it before, and changes nothing.
func TestAReconcileExpandsWhatIsThere(t *testing.T) {
	t.Parallel()
	const sessions = 30
	p := expandingProduction(t, sessions)
	if r := p.verify(); r.InSync || r.ExpandStale != sessions || p.hands() != "0" {
		t.Errorf("verify: %+v; %s hands", r, p.hands())
	}
	if r := p.reconcile(Quick); !r.InSync || r.Expanded != sessions || r.ExpandStale != 0 {
		t.Errorf("reconcile: %+v", r)
	}
	if p.hands() != fmt.Sprint(3*sessions) {
		t.Errorf("%s hands, want %d", p.hands(), 3*sessions)
	}
	if r := p.verify(); !r.InSync || r.Expansion == nil || r.Expansion.Hands != 3*sessions {
		t.Errorf("verify: %+v", r)
	}
	if st := p.status(); st.Hands == nil || st.Hands.Hands != 3*sessions {
		t.Errorf("status: %+v", st)
	}
	if r := p.reconcile(Quick); r.Expanded != 0 {
		t.Errorf("another reconcile: %+v", r)
	}
	p.server.Exec(t, `delete from gfx_events where event_order = 1`)
	if r := p.reconcile(Full); !r.InSync || r.Expanded != sessions {
		t.Errorf("full reconcile: %+v", r)
	}
}

// TestHandsThatCannotBeExpandedAreKnown: nothing is in sync while one is.
func TestHandsThatCannotBeExpandedAreKnown(t *testing.T) {
	t.Parallel()
	p := expandingProduction(t, 3)
	content := string(sample.New(1).Play(4).JSON())
	p.write("s1.json", []byte(strings.Replace(content, `"HOLDEM"`, `"PINEAPPLE"`, 1)))
	for name, r := range map[string]*Report{"reconcile": p.reconcile(Quick), "verify": p.verify()} {
		if r.InSync || r.ExpandErrors != 1 || r.ExpandStale != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if text := fmt.Sprint(r.Problems); !strings.Contains(text, "PINEAPPLE") || !strings.Contains(text, "position 0") {
			t.Errorf("%s does not name the hand: %s", name, text)
		}
	}
	if p.hands() != "9" && p.hands() != "10" {
		t.Errorf("%s hands are expanded", p.hands())
	}
	p.server.Exec(t, `alter type game_variant add value 'PINEAPPLE'`)
	if r := p.reconcile(Full); !r.InSync || r.ExpandErrors != 0 {
		t.Errorf("after the type has the value: %+v", r)
	}
}

// TestAStepThatFails leaves the pass incomplete, and the next one goes on.
func TestAStepThatFails(t *testing.T) {
	t.Parallel()
	p := expandingProduction(t, 5)
	p.server.Exec(t, `alter function gfx_expand rename to gfx_expand_away;
		create function gfx_expand(seconds double precision, again boolean default false, after bigint default null)
		returns table (expanded integer) language plpgsql as 'begin perform pg_sleep(60); end'`)
	p.server.SetStatementTimeout(200 * time.Millisecond)
	r := p.reconcile(Quick)
	if r.InSync || r.Outcome != Incomplete || !strings.Contains(fmt.Sprint(r.Problems), "expand sessions into hands") {
		t.Errorf("reconcile: %+v", r)
	}
	p.server.SetStatementTimeout(time.Minute)
	p.server.Exec(t, `drop function gfx_expand(double precision, boolean, bigint);
		alter function gfx_expand_away rename to gfx_expand`)
	if r := p.reconcile(Quick); !r.InSync || r.Expanded != 5 {
		t.Errorf("the next reconcile: %+v", r)
	}
}

// rowsOfHands are the rows of hands, players and events, each with the transaction that wrote it.
const rowsOfHands = `select id || ' ' || xmin from gfx_hands union all select id || ' ' || xmin from gfx_hand_players
	union all select id || ' ' || xmin from gfx_events`

// TestASaveIsAHandAtOnce: a session grows as it does at a table, on the tables in production and by default settings.
// With the row the hand is there, and no row of another hand was written.
func TestASaveIsAHandAtOnce(t *testing.T) {
	t.Parallel()
	versions := savedHandByHand(t)
	for _, table := range supabasetest.ProductionTables {
		if table.Unfilled != "" {
			continue
		}
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			p := newProduction(t, table.SQL, table.Schema, "auto")
			p.server.Exec(t, handsSQL)
			stop := p.run()
			var before []string
			for n, content := range versions {
				p.await(p.write("session.json", content))
				if p.hands() != fmt.Sprint(n+1) {
					t.Fatalf("with the row of hand %d there are %s hands", n+1, p.hands())
				}
				after := p.server.QueryStrings(t, rowsOfHands)
				have := map[string]bool{}
				for _, row := range after {
					have[row] = true
				}
				if i := slices.IndexFunc(before, func(row string) bool { return !have[row] }); i >= 0 {
					t.Fatalf("the save of hand %d has written a row of another hand: %s", n+1, before[i])
				}
				before = after
			}
			stop()
			p.allIsWell()
			if state := p.server.QueryStrings(t, `select state from gfx_expand_status`); state[0] != "current" {
				t.Errorf("the session is %s", state[0])
			}
		})
	}
}

// savedHandByHand are the versions of a session, from its first hand to its last: of the longest of the real exports in which
// no number of a hand repeats, if GFXSYNC_EXPORTS names a folder of them.
func savedHandByHand(t *testing.T) (versions [][]byte) {
	t.Helper()
	content, most := sample.New(1).Play(10).JSON(), 0
	if dir := os.Getenv("GFXSYNC_EXPORTS"); dir == "" {
		t.Log("SKIPPED: the real exports: set GFXSYNC_EXPORTS to a folder of them")
	} else if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		file, err := os.ReadFile(path)
		if n := len(handsIn(t, file)); err == nil && n > most {
			content, most = file, n
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var session map[string]json.RawMessage
	if err := json.Unmarshal(content, &session); err != nil {
		t.Fatal(err)
	}
	hands := handsIn(t, content)
	if raced {
		hands = hands[:min(len(hands), 10)] // the work grows with their square; all of them are saved without it
	}
	for n := range hands {
		var err error
		if session["Hands"], err = json.Marshal(hands[:n+1]); err != nil {
			t.Fatal(err)
		}
		version, err := json.Marshal(session)
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, version)
	}
	return versions
}

// handsIn returns the hands of a session, none if the number of one repeats.
func handsIn(t *testing.T, content []byte) []json.RawMessage {
	t.Helper()
	var raw struct{ Hands []json.RawMessage }
	var numbers struct{ Hands []struct{ HandNum int } }
	if err := errors.Join(json.Unmarshal(content, &raw), json.Unmarshal(content, &numbers)); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, h := range numbers.Hands {
		if seen[h.HandNum] {
			return nil
		}
		seen[h.HandNum] = true
	}
	return raw.Hands
}

func TestExpanderIsFoundBehindTheKey(t *testing.T) {
	t.Parallel()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "auto")
	if _, ok := expander(&confirmingTable{SessionTable: p.cfg.Remote.(store.SessionTable)}); !ok {
		t.Error("a table that waits for its key expands nothing")
	}
}
