package local_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/storetest"
)

// table reads a table of the file in the way another program does.
func table(t *testing.T, path, text string, args ...any) (rows []map[string]any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it only reads
	result, err := db.QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer result.Close() //nolint:errcheck // result.Err tells
	names, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for result.Next() {
		values, row := make([]any, len(names)), map[string]any{}
		pointers := make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := result.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			row[name] = values[i]
		}
		rows = append(rows, row)
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return rows
}

// handViews maps each view to an order of its rows that does not depend on the view.
var handViews = map[string]string{
	"gfx_hands":        "session_id, position",
	"gfx_hand_players": "id",
	"gfx_events":       "id",
	"gfx_players":      "id",
}

// checkViews compares each view with the rows that the test computes from the sessions.
func checkViews(t *testing.T, path string, sessions [][]byte) {
	t.Helper()
	want := expand(t, sessions)
	for view, order := range handViews {
		rows := table(t, path, "SELECT * FROM "+view+" ORDER BY "+order)
		byID := func(a, b map[string]any) int { return strings.Compare(a["id"].(string), b["id"].(string)) }
		slices.SortFunc(rows, byID)
		slices.SortFunc(want[view], byID)
		if len(rows) != len(want[view]) || len(rows) == 0 {
			t.Errorf("%s: %d rows, want %d", view, len(rows), len(want[view]))
			continue
		}
		for i, row := range rows {
			for column := range want[view][i] {
				if row[column] != want[view][i][column] {
					t.Errorf("%s, %s: %s is %#v, want %#v", view, row["id"], column, row[column], want[view][i][column])
				}
			}
			if len(row) != len(want[view][i]) {
				t.Fatalf("%s has %d columns, want %d", view, len(row), len(want[view][i]))
			}
		}
	}
}

func upsert(t *testing.T, r *local.Remote, contents ...[]byte) {
	t.Helper()
	for _, content := range contents {
		hash := fmt.Sprintf("%x", sha256.Sum256(content))[:32]
		if err := r.Upsert(t.Context(), []store.Record{storetest.RecordOf(t, hash, "s.json", content)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHandsOfMadeUpSessions(t *testing.T) {
	r, path := open(t)
	var sessions [][]byte
	for seed := range 5 {
		s := sample.New(seed)
		for range 4 {
			upsert(t, r, s.Play(3).JSON())
		}
		sessions = append(sessions, s.JSON())
	}
	checkViews(t, path, sessions)
}

func TestHandsOfRealExports(t *testing.T) {
	dir := os.Getenv("GFXSYNC_EXPORTS")
	if dir == "" {
		t.Skip("SKIPPED: GFXSYNC_EXPORTS names no folder of real PokerGFX exports")
	}
	r, path := open(t)
	best := map[int64][]byte{} // by session, the content with the most hands
	count := func(content []byte) (id int64, hands int) {
		var s session
		if err := json.Unmarshal(content, &s); err != nil {
			t.Fatal(err)
		}
		return s.ID, len(s.Hands)
	}
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".json" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		upsert(t, r, content)
		id, hands := count(content)
		if _, most := count(append([]byte(nil), orEmpty(best[id])...)); hands >= most {
			best[id] = content
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkViews(t, path, slices.Collect(maps.Values(best)))
}

func orEmpty(content []byte) []byte {
	if content == nil {
		return []byte("{}")
	}
	return content
}
