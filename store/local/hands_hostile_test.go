package local_test

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/hostile"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/storetest"
)

// cell returns the only value in a column of a view.
func cell(t *testing.T, path, view, column string) any {
	t.Helper()
	rows := table(t, path, "SELECT "+column+" AS value FROM "+view)
	if len(rows) != 1 {
		t.Fatalf("%s has %d rows, want one", view, len(rows))
	}
	return rows[0]["value"]
}

// A value of an unexpected type is null. All other values are there.
func TestHandsWithValuesOfOtherTypes(t *testing.T) {
	r, path := open(t)
	var all []string
	for _, tt := range []struct {
		json         string // JSON of a hand
		view, column string
		want         any
	}{
		{`{}`, "gfx_hands", "hand_num", nil},
		{`{}`, "gfx_hands", "ante_amt", int64(0)},
		{`{"AnteAmt":null}`, "gfx_hands", "ante_amt", int64(0)},
		{`{"AnteAmt":"5"}`, "gfx_hands", "ante_amt", nil},
		{`{"AnteAmt":true}`, "gfx_hands", "ante_amt", nil},
		{`{"AnteAmt":1.5}`, "gfx_hands", "ante_amt", nil},
		{`{"AnteAmt":[1]}`, "gfx_hands", "ante_amt", nil},
		{`{"AnteAmt":9223372036854775807}`, "gfx_hands", "ante_amt", int64(9223372036854775807)},
		{`{"AnteAmt":9223372036854775808}`, "gfx_hands", "ante_amt", nil},
		{`{"AnteAmt":1e400}`, "gfx_hands", "ante_amt", nil},
		{`{"GameVariant":5}`, "gfx_hands", "game_variant", nil},
		{`{"GameVariant":"일곱 포커"}`, "gfx_hands", "game_variant", "일곱 포커"},
		{`{"StartDateTimeUTC":"yesterday"}`, "gfx_hands", "start_time", nil},
		{`{"StartDateTimeUTC":"2460000"}`, "gfx_hands", "start_time", nil},
		{`{"StartDateTimeUTC":20251016}`, "gfx_hands", "start_time", nil},
		{`{"FlopDrawBlinds":[1]}`, "gfx_hands", "blinds", nil},
		{`{"StudLimits":"none"}`, "gfx_hands", "stud_limits", nil},
		{
			`{"Players":{"Name":"x"},"Events":"none"}`,
			"gfx_hands", "player_count || ' ' || pot_size || ' ' || board_cards", "0 0 []",
		},
		{`{"Players":[1,null,"x",[],true]}`, "gfx_hands", "player_count", int64(5)},
		{`{"Players":[1,null,"x",[],true]}`, "(SELECT count(*) AS n FROM gfx_hand_players)", "n", int64(0)},
		{
			`{"Events":["BOARD CARD",{"EventType":"BOARD CARD","BoardCards":["qd","kh"],"Pot":7},` +
				`{"EventType":9,"Pot":"9"},` +
				`{"EventType":"BOARD CARD","BoardCards":{}},{"EventType":"BOARD_CARD","BoardCards":"10c"}]}`,
			"gfx_hands", "pot_size || ' ' || board_cards", `7 ["qd","10c"]`,
		},
		{
			`{"Players":[{"Name":"a","PlayerNum":4,"EndStackAmt":5},{"Name":"b","PlayerNum":"x","EndStackAmt":7},` +
				`{"Name":"c","EndStackAmt":"99"}]}`, "gfx_hands", "winner_name || ' ' || coalesce(winner_seat, 'null')",
			"b null",
		},
		{
			`{"Players":[{"EndStackAmt":5,"StartStackAmt":5},{"EndStackAmt":1,"StartStackAmt":2}]}`,
			"gfx_hands", "winner_name", nil,
		},
		{
			`{"Players":[{"EndStackAmt":9223372036854775807,"StartStackAmt":-9223372036854775807,"Name":"a"}]}`,
			"gfx_hands", "winner_name", "a",
		},
		{`{"Players":[{"HoleCards":["8c 2s"]}]}`, "gfx_hand_players", "hole_cards || has_shown", `["8c","2s"]1`},
		{`{"Players":[{"HoleCards":["8c","","2S"]}]}`, "gfx_hand_players", "hole_cards || has_shown", `["8c","2S"]1`},
		{`{"Players":[{"HoleCards":["\"8c\\ 2s"]}]}`, "gfx_hand_players", "hole_cards", `["\"8c\\","2s"]`},
		{`{"Players":[{"HoleCards":[""]}]}`, "gfx_hand_players", "hole_cards || has_shown", `[]0`},
		{`{"Players":[{"HoleCards":[8,null,["8c"]]}]}`, "gfx_hand_players", "hole_cards || has_shown", `[]0`},
		{`{"Players":[{"HoleCards":"8c"}]}`, "gfx_hand_players", "hole_cards || has_shown", `[]0`},
		{
			`{"Players":[{"Name":5,"LongName":null}]}`,
			"gfx_hand_players", "coalesce(player_name, 'null') || player_id", `null:`,
		},
		{`{"Players":[{"Name":" A ","LongName":"B"}]}`, "gfx_players", "id || name", `a:b A `},
		{`{"Players":[{"SittingOut":1}]}`, "gfx_hand_players", "sitting_out", nil},
		{`{"Players":[{"SittingOut":true}]}`, "gfx_hand_players", "sitting_out", int64(1)},
		{`{"Players":[{"VPIPPercent":"a lot"}]}`, "gfx_hand_players", "vpip_percent", nil},
		{`{"Players":[{"EliminationRank":0}]}`, "gfx_hand_players", "elimination_rank", int64(-1)},
		{`{"Players":[{"EliminationRank":3}]}`, "gfx_hand_players", "elimination_rank", int64(3)},
		{
			`{"Events":[7,{"EventType":"ALL IN","BetAmt":true}]}`,
			"gfx_events", "event_order || event_type || coalesce(bet_amt, 'null')",
			"1ALL_INnull",
		},
	} {
		query(t, path, `DELETE FROM gfx_sessions`)
		upsert(t, r, []byte(`{"ID":7,"Hands":[`+tt.json+`]}`))
		if got := cell(t, path, tt.view, tt.column); got != tt.want {
			t.Errorf("%s: %s is %#v, want %#v", tt.json, tt.column, got, tt.want)
		}
		all = append(all, tt.json)
	}
	upsert(t, r, []byte(`{"ID":7,"Hands":[`+strings.Join(all, ",")+`]}`))
	readAll(t, path)
}

func TestHandsWithOddDurations(t *testing.T) {
	var hands []string
	var wanted []any
	for iso, want := range map[string]any{
		"PT1M30.5S": int64(90), "P739542DT13H6M38.43S": int64(63896475998), "PT0S": int64(0),
		"P1D": int64(86400), "P1W": int64(604800),
		"PT1.5H": int64(5400), "PT36H": int64(129600), "PT.5S": nil, "": nil, "P": nil, "PT": nil,
		"P1DT": nil, "PT1": nil, "1M": nil,
		"PT1S1M": nil, "P1H": nil, "PT1D": nil, "P1Y": nil, "P1M": nil,
		"PT1.2.3S": nil, "PTS": nil, "-PT1S": nil, "PT-1S": nil,
		"PT1E5S": nil, "PT0x10S": nil, "pt1s": nil, "PT1S ": nil, "PT99999999999999999999H": nil, "PT1M1M": nil,
		"PTT1S": nil, "PT" + strings.Repeat("9", 100_000) + "S": nil,
	} {
		wanted = append(wanted, want)
		hands = append(hands, `{"Duration":`+strconv.Quote(iso)+`}`)
	}
	r, path := open(t)
	upsert(t, r, []byte(`{"ID":7,"Hands":[`+strings.Join(hands, ",")+`]}`))
	for i, row := range table(t, path, "SELECT duration_seconds FROM gfx_hands ORDER BY position") {
		if got := row["duration_seconds"]; got != wanted[i] {
			t.Errorf("%.40s: %v, want %v", hands[i], got, wanted[i])
		}
	}
}

// readAll reads every column of every view in several ways. No query may fail.
func readAll(t *testing.T, path string) {
	t.Helper()
	for view, order := range handViews {
		rows := table(t, path, "SELECT * FROM "+view+" ORDER BY "+order)
		if len(rows) == 0 {
			continue
		}
		for column := range rows[0] {
			table(t, path, fmt.Sprintf("SELECT id FROM %s WHERE %s = 'x' OR %[2]s > 5", view, column))
		}
	}
	table(t, path, `SELECT h.winner_name, p.player_name, e.event_type, g.name FROM gfx_hands AS h
		JOIN gfx_hand_players AS p ON p.hand_id = h.id JOIN gfx_events AS e ON e.hand_id = h.id
		JOIN gfx_players AS g ON g.id = p.player_id
		WHERE e.event_type = 'FOLD' AND p.seat_num = 2 AND h.session_id = 7`)
}

// An element that is not a hand is left out. The other hands keep their positions.
func TestHandsThatAreNone(t *testing.T) {
	r, path := open(t)
	upsert(t, r, []byte(`{"ID":7,"Hands":[{"HandNum":1},null,5,"[",[{"HandNum":2}],true,{"HandNum":3}]}`),
		[]byte(`{"ID":8,"Hands":{"0":{"HandNum":1}}}`), []byte(`{"ID":9,"Hands":"none"}`), []byte(`{"ID":10}`),
		[]byte(`{"Hands":[{"HandNum":1}]}`))
	rows := table(t, path, `SELECT session_id_text || ' ' || position || ' ' || hand_num AS hand FROM gfx_hands`)
	if len(rows) != 2 || rows[0]["hand"] != "7 0 1" || rows[1]["hand"] != "7 6 3" {
		t.Errorf("hands %v", rows)
	}
	readAll(t, path)
}

// The views can be read with any content that the table takes.
func TestHandsOfHostileFiles(t *testing.T) {
	r, path := open(t)
	taken := 0
	for i, f := range hostile.Files() {
		record, err := store.MakeRecord(store.Origin{FileHash: fmt.Sprintf("%032x", i)}, f.Content)
		if err == nil && r.Upsert(t.Context(), []store.Record{record}) == nil {
			taken++
		}
	}
	if taken < 20 {
		t.Errorf("the table took only %d of the files", taken)
	}
	readAll(t, path)
}

// The views can also be read if any value of a session is replaced by any other.
func TestHandsWithAnythingAnywhere(t *testing.T) {
	r, path := open(t)
	rng := rand.New(rand.NewPCG(1, 2))
	others := []any{
		nil, true, false, 0, -1, 1.5, json.Number("9223372036854775808"), json.Number("1e400"), json.Number("-0"), "",
		"x", "[", "{}",
		`"`, "8c 2s", "PT1S", "2025-10-16T08:25:17Z",
		[]any{},
		[]any{nil},
		[]any{"8c"},
		[]any{[]any{}},
		map[string]any{},
		map[string]any{"Name": "x"},
		strings.Repeat("9", 30), "\U0001f0a1", "\ufffd", "\x7f\r\n",
	}
	var change func(v any) any
	change = func(v any) any {
		if rng.IntN(40) == 0 {
			return others[rng.IntN(len(others))]
		}
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				v[k] = change(v[k])
			}
		case []any:
			for i := range v {
				v[i] = change(v[i])
			}
		}
		return v
	}
	for seed := range 30 {
		var whole map[string]any
		if err := json.Unmarshal(sample.New(seed).Play(3).JSON(), &whole); err != nil {
			t.Fatal(err)
		}
		for i, h := range whole["Hands"].([]any) {
			whole["Hands"].([]any)[i] = change(h)
		}
		whole["ID"] = seed
		content, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		upsert(t, r, content)
	}
	for view := range handViews {
		table(t, path, "SELECT * FROM "+view)
	}
	if rows := table(t, path, `SELECT DISTINCT session_id FROM gfx_hands`); len(rows) < 25 {
		t.Errorf("only %d of 30 sessions have hands", len(rows))
	}
}

// The views show the winner of a session, in whatever order its versions arrive.
func TestHandsAreThoseOfTheWinner(t *testing.T) {
	s := sample.New(1)
	versions := [][]byte{s.Play(2).JSON(), s.Play(1).JSON(), s.Play(1).JSON()}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		r, path := open(t)
		for _, i := range order {
			upsert(t, r, versions[i])
		}
		if n := cell(t, path, "(SELECT count(*) AS n FROM gfx_hands)", "n"); n != int64(4) {
			t.Errorf("in the order %v: %d hands, want 4", order, n)
		}
		checkViews(t, path, versions[2:])
	}
}

// If two versions have the same number of hands, the views show the newest.
func TestHandsAreThoseOfTheNewestFile(t *testing.T) {
	for _, swap := range []bool{false, true} {
		r, path := open(t)
		older, newer := storetest.Record(t, 1, 1), storetest.Record(t, 1, 1)
		older.ModTime, newer.ModTime = 1_760_000_000_500_000_000, 1_760_000_000_510_000_000
		newer.FileHash, newer.RawJSON = strings.Repeat("0", 32), []byte(`{"Hands":[{"HandNum":77}]}`)
		records := []store.Record{older, newer}
		if swap {
			slices.Reverse(records)
		}
		for i := range records {
			if err := r.Upsert(t.Context(), records[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if n := cell(t, path, "gfx_hands", "hand_num"); n != int64(77) {
			t.Errorf("hand %v, want that of the newer file", n)
		}
	}
}

// A file of an older gfxsync gets the views. It keeps its rows, and what others have made in it.
func TestHandsOfAFileOfAnOlderVersion(t *testing.T) {
	var schema string
	for _, name := range []string{"gfx_sessions.sql", "002.sql"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		schema += string(text)
	}
	for _, own := range []string{"", `CREATE TABLE gfx_hands (mine TEXT); INSERT INTO gfx_hands VALUES ('kept');`} {
		path := filepath.Join(t.TempDir(), "gfx.db")
		query(t, path, schema+own+`INSERT INTO gfx_sessions (file_hash, session_id, hand_count, raw_json)
			VALUES ('a', 7, 1, '{"Hands":[{"Players":[{"Name":"A"}]}]}'); PRAGMA user_version = 2`)
		for range 2 {
			r, err := local.Open(t.Context(), path)
			if err != nil {
				t.Fatalf("after %q: %v", own, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := query(t, path, `SELECT player_name FROM gfx_hand_players`); !slices.Equal(got, []string{"A"}) {
			t.Errorf("players %q", got)
		}
		if own != "" {
			if got := query(t, path, `SELECT mine FROM gfx_hands`); !slices.Equal(got, []string{"kept"}) {
				t.Errorf("a table of another program holds %q", got)
			}
		}
	}
}

// The winner is found in the SQL index alone. In a row, the columns after raw_json are many pages away.
func TestHandsOfOneSessionReadNoOther(t *testing.T) {
	_, path := open(t)
	plan := table(t, path, `EXPLAIN QUERY PLAN SELECT * FROM gfx_hands WHERE session_id = 7`)
	var steps []string
	for _, step := range plan {
		steps = append(steps, step["detail"].(string))
	}
	all := strings.Join(steps, "\n")
	if !strings.Contains(all, "SEARCH v USING COVERING INDEX gfx_sessions_versions (session_id=?)") ||
		!strings.Contains(all, "SEARCH s USING ") {
		t.Error(all)
	}
}

// The views compute the MD5 of players with names of any length and script.
func TestPlayerHashIsTheMD5OfBothNames(t *testing.T) {
	r, path := open(t)
	want := map[string]string{}
	var players []string
	// lengths around whole blocks
	for _, n := range []int{0, 1, 17, 18, 52, 53, 54, 60, 61, 62, 63, 117, 118, 125, 126} {
		for _, letter := range []string{"a", "김", "\U0001f0a1"} {
			name := strings.Repeat(letter, n)
			players = append(players, `{"Name":"`+name+`","LongName":"L"}`)
			want[name] = fmt.Sprintf("%x", md5.Sum([]byte(name+":l")))
		}
	}
	upsert(t, r, []byte(`{"ID":7,"Hands":[{"Players":[`+strings.Join(players, ",")+`]}]}`))
	rows := table(t, path, `SELECT name, player_hash FROM gfx_players`)
	if len(rows) != len(want) {
		t.Errorf("%d players, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		if row["player_hash"] != want[row["name"].(string)] {
			t.Errorf("of %q: %v, want %s", row["name"], row["player_hash"], want[row["name"].(string)])
		}
	}
}
