package hashindex_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state/statetest"
)

// Each save decides the winner of its session. That must not take longer the more files there are.
func TestTheWinnerOfASessionIsFoundByTheIndexOnSessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pending.db")
	statetest.OpenAt(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	session := int64(7)
	for _, statement := range hashindex.DecideStatements(&session) {
		bySession := 0
		for _, step := range planOf(t, db, statement) {
			how, table, _ := strings.Cut(step, " ")
			table, index, _ := strings.Cut(table, " ")
			switch {
			case table != "files" && table != "f": // a subquery, or another table
			case how == "SEARCH" && index == "USING INDEX files_session (session_id=?)":
				bySession++
			case how == "SEARCH" && index == "USING PRIMARY KEY (root=? AND order_key=?)": // the files to update
			default:
				t.Errorf("the plan has %q:\n%s", step, statement)
			}
		}
		if bySession != 2 {
			t.Errorf("%d searches of files by session, want 2:\n%s", bySession, statement)
		}
	}
}

// planOf returns the steps of a statement (SQLite documentation, "EXPLAIN QUERY PLAN").
func planOf(t *testing.T, db *sql.DB, statement string) (steps []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+statement, 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}
