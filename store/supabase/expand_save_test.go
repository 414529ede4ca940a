package supabase_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

// written returns the rows of all tables, each with the transaction that wrote it.
const written = `
	select 'hand ' || session_id || '/' || hand_num || ' ' || xmin from gfx_hands
	union all select 'seat ' || id || ' ' || xmin from gfx_hand_players
	union all select 'event ' || id || ' ' || xmin from gfx_events
	union all select 'player ' || name || ' ' || xmin from gfx_players
	union all select 'session ' || session_id || ' ' || xmin from gfx_expand_sessions
	order by 1`

// A save writes only the new hand, and the totals of its players.
func TestASaveWritesTheHandThatIsNew(t *testing.T) {
	eachExpanding(t, func(t *testing.T, x *expanding) {
		other := sample.New(7).Play(3)
		x.save(t, other.ID, other.JSON())
		s := sample.New(8)
		for n := range 12 {
			before := x.QueryStrings(t, written)
			content := s.Play(1).JSON()
			x.save(t, s.ID, content)
			w := &wanted{}
			w.add(decode(t, other.JSON()), x.byNum)
			w.add(decode(t, content), x.byNum)
			x.mustHold(t, w)
			after := x.QueryStrings(t, written)
			for _, line := range before {
				kind, _, _ := strings.Cut(line, " ")
				if kind != "player" && kind != "session" && !slices.Contains(after, line) {
					t.Fatalf("the save of hand %d has written a row of before: %s", n+1, line)
				}
			}
			if i := slices.IndexFunc(before, func(line string) bool {
				return strings.HasPrefix(line, fmt.Sprintf("session %d ", other.ID)) && !slices.Contains(after, line)
			}); i >= 0 {
				t.Fatalf("the save of hand %d has written what is kept of another session", n+1)
			}

			x.Exec(t, `update gfx_sessions set raw_json = raw_json, nas_path = 'elsewhere'`)
			if again := x.QueryStrings(t, written); !slices.Equal(again, after) {
				t.Fatalf("the same hands are written again: %s", differing(after, again))
			}
		}
	})
}

// The winner of a session is expanded, in whatever order the versions arrive.
func TestTheWinnerIsExpanded(t *testing.T) {
	t.Parallel()
	for _, key := range []store.ConflictKey{store.ByHash, store.ByPCAndHash} {
		for _, order := range [][]int{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}} {
			t.Run(fmt.Sprint(key, order), func(t *testing.T) {
				t.Parallel()
				x := &expanding{at(t, "public", "gfx_sessions", key, ""), false}
				x.Exec(t, withHands.SQL("public", "gfx_sessions", key))
				for _, hands := range order {
					x.save(t, 8, sample.New(8).Play(hands).JSON())
				}
				w := &wanted{}
				session := decode(t, sample.New(8).Play(3).JSON())
				session["ID"] = json.Number("8")
				w.add(session, false)
				x.mustHold(t, w)
				x.Exec(t, `delete from gfx_sessions where gfx_session_hands(gfx_sessions) = 3`)
				if got := x.QueryStrings(t, `select state from gfx_expand_status`); got[0] != "stale" {
					t.Errorf("without the winner the session is %s", got)
				}
				x.Exec(t, `select gfx_expand()`)
				w = &wanted{}
				session["Hands"] = list(session["Hands"])[:2]
				w.add(session, false)
				people := x.QueryStrings(t, `select count(*) from gfx_players where total_hands_played = 2`)
				x.mustHold(t, w)
				if people[0] != fmt.Sprint(len(w.people)) {
					t.Errorf("%s players have played two hands, want %d", people[0], len(w.people))
				}
			})
		}
	}
}

// A hand that a later version lacks is removed, with its players and events, even without a foreign key.
func TestAHandThatIsGoneIsRemoved(t *testing.T) {
	eachExpanding(t, func(t *testing.T, x *expanding) {
		if x.key != store.BySession {
			t.Skip("there the version with more hands wins")
		}
		x.Exec(t, `alter table gfx_events drop constraint gfx_events_hand_id_fkey;
			alter table gfx_hand_players drop constraint gfx_hand_players_hand_id_fkey`)
		s := sample.New(8).Play(5)
		x.save(t, s.ID, s.JSON())
		session := decode(t, s.JSON())
		hands := list(session["Hands"])
		session["Hands"] = []any{hands[0], hands[2], hands[3]}
		content, err := json.Marshal(session)
		if err != nil {
			t.Fatal(err)
		}
		x.save(t, s.ID, content)
		w := &wanted{}
		w.add(session, x.byNum)
		x.mustHold(t, w)
		if n := x.QueryStrings(t, `select count(*) from gfx_events e where not exists (
			select from gfx_hands h where h.id = e.hand_id)`); n[0] != "0" {
			t.Errorf("%s events are of no hand", n[0])
		}
	})
}

// Any part of the tables may be lost or restored from an old backup. One round of steps corrects it.
func TestAnOldBackupIsMended(t *testing.T) {
	eachExpanding(t, func(t *testing.T, x *expanding) {
		w := &wanted{}
		for seed := range 6 {
			s := sample.New(20 + seed).Play(4)
			x.save(t, s.ID, s.JSON())
			if seed == 3 {
				x.Exec(t, `create table hands as select * from gfx_hands; create table seats as select *
					from gfx_hand_players;
					create table events as select * from gfx_events; create table players as select * from gfx_players`)
			}
			if seed == 2 {
				continue
			}
			w.add(decode(t, s.JSON()), x.byNum)
		}
		grown := sample.New(22).Play(6)
		x.save(t, grown.ID, grown.JSON())
		w.add(decode(t, grown.JSON()), x.byNum)
		x.mustHold(t, w)

		columns := strings.Join(x.QueryStrings(t, `select string_agg(quote_ident(attname), ',') from pg_attribute
			where attrelid = 'gfx_hands'::regclass and attnum > 0 and not attisdropped and attgenerated = ''`), "")
		x.Exec(t, `delete from gfx_events; delete from gfx_hand_players; delete from gfx_hands; delete from gfx_players;
			insert into gfx_players select * from players;
			insert into gfx_hands (`+columns+`) select `+columns+` from hands;
			insert into gfx_hand_players select * from seats; insert into gfx_events select * from events`)
		if n := x.QueryStrings(t, `select stale from gfx_expand_summary`); n[0] != "3" {
			t.Errorf("%s sessions are stale, want 3", n[0])
		}
		x.Exec(t, `select gfx_expand()`)
		x.mustHold(t, w)

		// Only a comparison of all hands notices what is missing within a hand.
		x.Exec(t, `delete from gfx_events where event_order > 2; update gfx_players set total_hands_played = 0`)
		x.Exec(t, `select gfx_expand(2, true)`)
		x.mustHold(t, w)
	})
}

// If the time does not suffice, the session stays stale, and later steps finish it.
func TestWhatTimeDoesNotSufficeForIsStale(t *testing.T) {
	eachExpanding(t, func(t *testing.T, x *expanding) {
		w := &wanted{}
		x.Exec(t, `alter table gfx_sessions disable trigger gfxsync_expand_written`)
		for seed := range 4 {
			s := sample.New(30 + seed).Play(60)
			x.save(t, s.ID, s.JSON())
			w.add(decode(t, s.JSON()), x.byNum)
		}
		x.Exec(t, `alter table gfx_sessions enable trigger gfxsync_expand_written`)
		steps := 0
		for ; ; steps++ {
			answer := decode(t, []byte(x.QueryStrings(t, `select row_to_json(g) from gfx_expand(0.02) g`)[0]))
			if text(answer["remaining"]) == "0" {
				break
			}
			if steps > 1000 {
				t.Fatalf("no end: %v", answer)
			}
		}
		x.mustHold(t, w)
		t.Logf("%d steps", steps)
	})
}
