package supabase_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

var withHands = supabase.SchemaParts{Hands: true}

// expanding is a table whose sessions the database expands.
type expanding struct {
	*place
	byNum bool // the table of hands is unique on session_id and hand_num
}

// eachExpanding runs a test on new tables with every key, and on the tables of production.
func eachExpanding(t *testing.T, test func(t *testing.T, x *expanding)) {
	t.Parallel()
	for name, key := range map[string]store.ConflictKey{
		"hash": store.ByHash, "PC and hash": store.ByPCAndHash, "session": store.BySession,
	} {
		t.Run("new, "+name, func(t *testing.T) {
			t.Parallel()
			x := &expanding{at(t, "public", "gfx_sessions", key, ""), false}
			x.Exec(t, withHands.SQL("public", "gfx_sessions", key))
			test(t, x)
		})
	}
	for _, table := range supabasetest.ProductionTables {
		if table.Unfilled != "" {
			continue // this table takes no row
		}
		t.Run("production, "+table.Name, func(t *testing.T) {
			t.Parallel()
			x := &expanding{at(t, table.Schema, "gfx_sessions", store.BySession, table.SQL), true}
			x.Exec(t, withHands.SQL(table.Schema, "gfx_sessions"))
			test(t, x)
		})
	}
}

// save stores a version of a session in the way an upsert of its record does.
func (x *expanding) save(t testing.TB, session any, content []byte) {
	t.Helper()
	x.Exec(t, `insert into gfx_sessions (session_id, file_hash, raw_json, file_name, gfx_pc_id)
		values ($1::text::bigint, $2, $3::text::jsonb, 'f.json', 'PC01')
		on conflict (`+x.key.String()+`) do update
		set session_id = excluded.session_id, file_hash = excluded.file_hash, raw_json = excluded.raw_json`,
		fmt.Sprint(session), hashindex.XXH3.Sum(content), string(content))
}

// rows returns the rows of a query whose result is JSON objects.
func (x *expanding) rows(t *testing.T, sql string) (rows []row) {
	t.Helper()
	for _, line := range x.QueryStrings(t, sql) {
		rows = append(rows, row(decode(t, []byte(line))))
	}
	return rows
}

const (
	handRows = `select to_jsonb(h) - 'id' - 'created_at' - 'updated_at' - 'source_hash' from gfx_hands h`
	seatRows = `select to_jsonb(p) - 'id' - 'created_at' - 'hand_id' - 'player_id'
		|| jsonb_build_object('hand', h.session_id || '/' || h.position, 'player_hash', pl.player_hash)
		from gfx_hand_players p join gfx_hands h on h.id = p.hand_id join gfx_players pl on pl.id = p.player_id`
	eventRows = `select to_jsonb(e) - 'id' - 'created_at' - 'hand_id'
		|| jsonb_build_object('hand', h.session_id || '/' || h.position)
		from gfx_events e join gfx_hands h on h.id = e.hand_id`
	playerRows = `select to_jsonb(p) - 'id' - 'created_at' - 'updated_at' - 'name' - 'long_name' from gfx_players p`
)

// mustHold fails unless the tables have exactly these rows, with all columns.
func (x *expanding) mustHold(t *testing.T, w *wanted) {
	t.Helper()
	if x.byNum {
		for _, h := range w.hands { // the tables of production have these defaults
			for _, column := range []string{"stud_limits", "blinds"} {
				if h[column] == nil {
					h[column] = object{}
				}
			}
		}
	}
	people := []row{}
	for _, r := range w.people {
		people = append(people, r)
	}
	for _, part := range []struct {
		name, sql string
		want      []row
	}{
		{"gfx_hands", handRows, w.hands},
		{"gfx_hand_players", seatRows, w.players},
		{"gfx_events", eventRows, w.events},
		{"gfx_players", playerRows, people},
	} {
		got, want := lines(t, x.rows(t, part.sql)), lines(t, part.want)
		if slices.Equal(got, want) {
			continue
		}
		t.Errorf("%s has %d rows, want %d", part.name, len(got), len(want))
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("the first that differs:\n%s\nwant\n%s", got[i], want[i])
				break
			}
		}
	}
	if bad := x.QueryStrings(t, `select state from gfx_expand_status where state <> 'current'`); len(bad) > 0 {
		t.Errorf("sessions are %q", bad)
	}
}

// realExports returns the files in the folder GFXSYNC_EXPORTS.
func realExports(t *testing.T) (contents [][]byte) {
	t.Helper()
	dir := os.Getenv("GFXSYNC_EXPORTS")
	if dir == "" {
		t.Log("SKIPPED: the real exports: set GFXSYNC_EXPORTS to a folder of them")
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		content, err := os.ReadFile(path)
		contents = append(contents, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

// lastVersions returns the version with the most hands of each session.
func lastVersions(t *testing.T, contents [][]byte) (versions [][]byte) {
	t.Helper()
	best, hands := map[string][]byte{}, map[string]int{}
	for _, content := range contents {
		session := decode(t, content)
		id, n := text(session["ID"]), len(list(session["Hands"]))
		if best[id] == nil || n > hands[id] {
			best[id], hands[id] = content, n
		}
	}
	return slices.Collect(maps.Values(best))
}

func TestHandsAreThoseOfTheFiles(t *testing.T) {
	eachExpanding(t, func(t *testing.T, x *expanding) {
		contents := realExports(t)
		for seed := range 12 {
			contents = append(contents, sample.New(seed).Play(1+seed*3).JSON())
		}
		// In some real sessions, two hands have the same HandNum.
		again := decode(t, contents[len(contents)-1])
		list(again["Hands"])[4].(object)["HandNum"] = json.Number("2")
		content, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		contents[len(contents)-1] = content
		w := &wanted{}
		for _, version := range lastVersions(t, contents) {
			session := decode(t, version)
			w.add(session, x.byNum)
			x.save(t, session["ID"], version)
		}
		x.mustHold(t, w)
		repeated := strings.Join(x.QueryStrings(t, `select sum(repeated) from gfx_expand_status`), "")
		if x.byNum == (repeated == "0") {
			t.Errorf("%s hands gave way to a later one", repeated)
		}
		if n := x.QueryStrings(t, `select count(*) from gfx_expand_errors`); n[0] != "0" {
			t.Errorf("%s hands could not be expanded", n[0])
		}
	})
}
