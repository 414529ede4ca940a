package supabase_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

// hostileHands describes hands, each by a change in the JSON of a good hand. Some of them can be expanded.
var hostileHands = []struct {
	name, path string
	value      string // JSON; "" removes the field
	bad        bool   // it cannot be expanded
}{
	{"no number", "HandNum", "", true},
	{"number null", "HandNum", "null", true},
	{"number of another type", "HandNum", `"seven"`, true},
	{"number 2^63", "HandNum", "9223372036854775808", true},
	{"no start", "StartDateTimeUTC", "", true},
	{"start no time", "StartDateTimeUTC", `"yesterday evening"`, true},
	{"start a number", "StartDateTimeUTC", "12", true},
	{"no duration", "Duration", "", false},
	{"duration null", "Duration", "null", false},
	{"duration no duration", "Duration", `"long"`, true},
	{"duration in months", "Duration", `"P1M"`, false},
	{"duration negative", "Duration", `"PT-5S"`, false},
	{"duration beyond bounds", "Duration", `"P99999999999D"`, true},
	{"offset of another type", "RecordingOffsetStart", "{}", true},
	{"ante 2^63", "AnteAmt", "9223372036854775808", true},
	{"ante 1e400", "AnteAmt", "1e400", true},
	{"ante text", "AnteAmt", `"a lot"`, true},
	{"ante null", "AnteAmt", "null", false},
	{"ante true", "AnteAmt", "true", true},
	{"blinds a list", "FlopDrawBlinds", "[1]", false},
	{"no blinds", "FlopDrawBlinds", "", false},
	{"players no list", "Players", `{"a":1}`, true},
	{"players null", "Players", "null", false},
	{"no players", "Players", "", false},
	{"no events", "Events", "", false},
	{"events text", "Events", `"none"`, true},
	{"an event null", "Events", "[null]", true},
	{"an event without a type", "Events", `[{"Pot":5}]`, true},
	{"pot text", "Events", `[{"EventType":"BET","Pot":"x"}]`, true},
	{"a player null", "Players", "[null]", true},
	{"a seat twice", "Players", `[{"PlayerNum":3,"Name":"a"},{"PlayerNum":3,"Name":"b"}]`, true},
	{"a name twice", "Players", `[{"PlayerNum":3,"Name":"a"},{"PlayerNum":4,"Name":"a"}]`, false},
	{"empty names", "Players", `[{"PlayerNum":3,"Name":""},{"PlayerNum":4}]`, false},
	{"cards of another type", "Players", `[{"PlayerNum":3,"Name":"a","HoleCards":{"x":1}}]`, false},
	{"cards null", "Players", `[{"PlayerNum":3,"Name":"a","HoleCards":null}]`, false},
	{"cards with null", "Players", `[{"PlayerNum":3,"Name":"a","HoleCards":[null,"","8c  2s"]}]`, false},
	{"stack text", "Players", `[{"PlayerNum":3,"Name":"a","EndStackAmt":"x","StartStackAmt":1}]`, true},
	{"sitting out text", "Players", `[{"PlayerNum":3,"Name":"a","SittingOut":"perhaps"}]`, true},
	{"a name of 10,000", "Players", `[{"PlayerNum":3,"Name":"` + strings.Repeat("가", 10000) + `"}]`, false},
	{"a description that is SQL", "Description", `"'); drop table gfx_hands; --"`, false},
}

// hostileSession returns a session with each of these hands between two good ones. It also returns the positions of the
// hands that cannot be expanded.
func hostileSession(t *testing.T, seed int) (content []byte, bad []int, hands int) {
	t.Helper()
	session := decode(t, sample.New(seed).Play(2*len(hostileHands)+1).JSON())
	all := list(session["Hands"])
	for i, h := range hostileHands {
		hand := all[2*i+1].(object)
		if h.value == "" {
			delete(hand, h.path)
		} else {
			hand[h.path] = json.RawMessage(h.value)
		}
		if h.bad {
			bad = append(bad, 2*i+1)
		}
	}
	all = append(all, json.RawMessage("null"), json.RawMessage(`"a hand"`), json.RawMessage("[]"),
		json.RawMessage("{}"))
	for i := range 4 {
		bad = append(bad, len(all)-4+i)
	}
	session["Hands"] = all
	content, err := json.Marshal(session)
	if err != nil {
		t.Fatal(err)
	}
	return content, bad, len(all)
}

// A hand that cannot be expanded stops neither the other hands nor the session.
func TestAHandThatCannotBeExpandedCostsNoOther(t *testing.T) {
	eachExpanding(t, func(t *testing.T, x *expanding) {
		content, bad, hands := hostileSession(t, 5)
		for range 2 { // the second save tries the bad hands again
			x.save(t, 5, content)
			if n := x.QueryStrings(t, `select count(distinct session_id) from gfx_sessions`); n[0] != "1" {
				t.Fatal("the session was refused")
			}
			got := x.QueryStrings(t, `select position from gfx_expand_errors order by position`)
			if want := strings.Fields(strings.Trim(fmt.Sprint(bad), "[]")); !slices.Equal(got, want) {
				t.Errorf("hands with an error: %s, want %s\n%s", got, want, strings.Join(x.QueryStrings(t,
					`select position || ' ' || sqlstate || ' ' || message from gfx_expand_errors order by position`),
					"\n"))
			}
			if n := x.QueryStrings(t, `select count(*) from gfx_hands`); n[0] != fmt.Sprint(hands-len(bad)) {
				t.Errorf("%s hands are expanded, want %d of %d", n[0], hands-len(bad), hands)
			}
			if s := x.QueryStrings(t,
				`select state || ' ' || errors from gfx_expand_status`); s[0] != fmt.Sprintf("current %d", len(bad)) {
				t.Errorf("status: %s", s[0])
			}
			content = append(content, ' ')
		}
		s := sample.New(5).Play(2)
		x.save(t, 6, s.JSON())
		if n := x.QueryStrings(t, `select count(*) from gfx_hands where session_id = 6`); n[0] != "2" {
			t.Errorf("of another session %s hands are expanded, want 2", n[0])
		}
	})
}

// One session has many hands, and one hand has many players.
func TestHugeSessions(t *testing.T) {
	eachExpanding(t, func(t *testing.T, x *expanding) {
		x.save(t, 1, sample.New(1).Play(400).JSON())
		players := []any{}
		for seat := range 40 {
			players = append(players, object{"PlayerNum": seat + 1, "Name": fmt.Sprint("P", seat)})
		}
		session := decode(t, sample.New(2).Play(2).JSON())
		list(session["Hands"])[0].(object)["Players"] = players
		content, err := json.Marshal(session)
		if err != nil {
			t.Fatal(err)
		}
		x.save(t, 2, content)
		want := "400 2" // the tables of production have seats 1 to 10
		if x.byNum {
			want = "400 1"
		}
		if n := x.QueryStrings(t, `select string_agg(n::text, ' ' order by session_id)
			from (select session_id, count(*) n from gfx_hands group by 1) h`); n[0] != want {
			t.Errorf("%s hands are expanded, want %s", n[0], want)
		}
	})
}

// Several agents write the same and different sessions, whose players are in several sessions. There is no deadlock,
// and the totals are exact.
func TestAgentsThatWriteAtOnce(t *testing.T) {
	for _, key := range []store.ConflictKey{store.ByHash, store.BySession} {
		t.Run(key.String(), func(t *testing.T) {
			t.Parallel()
			x := &expanding{at(t, "public", "gfx_sessions", key, ""), false}
			x.Exec(t, withHands.SQL("public", "gfx_sessions", key))
			const agents, sessions, rounds = 4, 6, 12
			var running sync.WaitGroup
			for agent := range agents {
				running.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(agent), 1))
					for round := range rounds {
						if err := x.saveSeveral(t.Context(), key, rng, sessions, round+1); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			running.Wait()
			w := &wanted{}
			for session := range sessions {
				content := sample.New(40 + session).Play(rounds).JSON()
				x.save(t, 40+session, content)
				full := decode(t, content)
				full["ID"] = json.Number(fmt.Sprint(40 + session))
				w.add(full, false)
			}
			for range 3 {
				x.Exec(t, `select gfx_expand()`)
			}
			x.mustHold(t, w)
			if n := x.QueryStrings(t,
				`select deadlocks from pg_stat_database where datname = current_database()`); n[0] != "0" {
				t.Errorf("%s deadlocks", n[0])
			}
		})
	}
}

// saveSeveral writes some of the sessions, with this number of hands, in one statement. They are sorted by their keys,
// as Delivery sorts them.
func (x *expanding) saveSeveral(ctx context.Context, key store.ConflictKey, rng *rand.Rand, sessions, hands int) error {
	type version struct {
		session int
		hash    string
		content string
	}
	var versions []version
	for _, session := range rng.Perm(sessions)[:1+rng.IntN(sessions)] {
		content := sample.New(40 + session).Play(hands).JSON()
		versions = append(versions, version{40 + session, hashindex.XXH3.Sum(content), string(content)})
	}
	slices.SortFunc(versions, func(a, b version) int {
		if key == store.BySession {
			return a.session - b.session
		}
		return strings.Compare(a.hash, b.hash)
	})
	var values []string
	var args []any
	for i, v := range versions {
		values = append(values, fmt.Sprintf("($%d::bigint, $%d, $%d::text::jsonb, 'f.json', 'PC01')", 3*i+1, 3*i+2,
			3*i+3))
		args = append(args, v.session, v.hash, v.content)
	}
	_, err := x.DB().Exec(ctx, `insert into gfx_sessions (session_id, file_hash, raw_json, file_name, gfx_pc_id)
		values `+strings.Join(values, ", ")+` on conflict (`+key.String()+`) do update
		set file_hash = excluded.file_hash, raw_json = excluded.raw_json`, args...)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "40P01" {
		return fmt.Errorf("a deadlock: %w", err)
	}
	return err
}
