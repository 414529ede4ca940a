package local_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) (*local.Remote, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gfx.db")
	r, err := local.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, path
}

// query reads the file in the way another program does. It returns the first column.
func query(t *testing.T, path, text string) (found []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		found = append(found, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func rowsAsJSON() string {
	var pairs []string
	for _, c := range store.Columns() {
		pairs = append(pairs, "'"+c+"', "+c)
	}
	return "SELECT json_object(" + strings.Join(pairs, ", ") + ") FROM gfx_sessions"
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		r, path := open(t)
		return storetest.Subject{
			Remote: r, BadJSON: `{"x":`, Verbatim: true,
			Rows: func(t *testing.T) []string { return query(t, path, rowsAsJSON()) },
		}
	})
}

func TestCurrentViewShowsTheFullestVersionOfASession(t *testing.T) {
	r, path := open(t)
	newer, older := storetest.Record(t, 1, 2), storetest.Record(t, 1, 1)
	twin := newer
	twin.FileHash = strings.Repeat("e", 32)
	none := storetest.RecordOf(t, strings.Repeat("f", 32), "x.json", []byte(`{}`))
	for _, records := range [][]store.Record{{newer}, {older}, {twin}, {none}} {
		if err := r.Upsert(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	got := query(t, path, `SELECT file_hash FROM gfx_sessions_current ORDER BY file_hash`)
	if len(got) != 2 || got[0] != twin.FileHash || got[1] != none.FileHash {
		t.Errorf("current: %v, want the newest of those with most hands, and the one without a session", got)
	}
}

// If two saves have the same number of hands, the newer file wins, whichever arrived last.
func TestCurrentViewShowsTheNewerOfEquallyManyHands(t *testing.T) {
	r, path := open(t)
	older, newer := storetest.Record(t, 1, 1), storetest.Record(t, 1, 1)
	newer.FileHash = strings.Repeat("0", 32)
	older.ModTime, newer.ModTime = 1_760_000_000_500_000_000, 1_760_000_000_510_000_000
	for _, records := range [][]store.Record{{newer}, {older}} {
		if err := r.Upsert(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	got := query(t, path, `SELECT file_hash || ' ' || file_modified_at FROM gfx_sessions_current`)
	if len(got) != 1 || got[0] != newer.FileHash+" 2025-10-09T08:53:20.510000Z" {
		t.Errorf("current: %v, want the newer", got)
	}
}

// Check reads a file of an older gfxsync as it is. Open migrates it and keeps its rows.
func TestFileOfAnOlderVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gfx.db")
	schema, err := os.ReadFile("gfx_sessions.sql")
	if err != nil {
		t.Fatal(err)
	}
	query(t, path, string(schema)+`INSERT INTO gfx_sessions (file_hash, raw_json) VALUES ('a', '{}');
		PRAGMA user_version = 1`)
	if f := local.Check(t.Context(), path); f.Verdict != store.OK || !strings.Contains(f.Text, "1 row") {
		t.Errorf("check: %+v", f)
	}
	r, err := local.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Upsert(t.Context(), []store.Record{storetest.Record(t, 1, 1)}), r.Close()); err != nil {
		t.Error(err)
	}
	if got := query(t, path, `SELECT count(*) FROM gfx_sessions_current`); got[0] != "2" {
		t.Errorf("%s rows, want two", got[0])
	}
}

func TestUpdateMovesUpdatedAtOnly(t *testing.T) {
	r, path := open(t)
	a := storetest.Record(t, 1, 1)
	if err := r.Upsert(t.Context(), []store.Record{a}); err != nil {
		t.Fatal(err)
	}
	query(t, path, `UPDATE gfx_sessions SET created_at = '2020', updated_at = '2020' RETURNING id`)
	if err := r.Upsert(t.Context(), []store.Record{a}); err != nil {
		t.Fatal(err)
	}
	got := query(t, path, `SELECT (created_at = '2020') || (updated_at > '2021') FROM gfx_sessions`)
	if len(got) != 1 || got[0] != "11" {
		t.Errorf("created_at kept, updated_at moved: %v", got)
	}
}

func TestFileOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gfx.db")
	for round := range 2 {
		r, err := local.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Upsert(t.Context(), []store.Record{storetest.Record(t, round, 1)})
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if got := query(t, path, `SELECT count(*) FROM gfx_sessions`); got[0] != "2" {
		t.Errorf("%s rows, want 2", got[0])
	}
}

func TestTableThatIsGoneIsNoFaultOfTheRecords(t *testing.T) {
	r, path := open(t)
	query(t, path, `DROP TABLE gfx_sessions`)
	for call, err := range map[string]error{
		"Ping": r.Ping(t.Context()), "Upsert": r.Upsert(t.Context(), []store.Record{storetest.Record(t, 1, 1)}),
	} {
		var re *store.RemoteError
		if !errors.As(err, &re) || re.Class != store.Outage {
			t.Errorf("%s: %v, want an outage", call, err)
		}
	}
}
