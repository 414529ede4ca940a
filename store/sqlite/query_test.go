package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

func TestRowsAreClosedWhenTheLoopEnds(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"),
		[]string{`CREATE TABLE a (x); INSERT INTO a VALUES (1), (2), (3)`})
	for row, err := range sqlite.Rows(t.Context(), db.Read(), `SELECT x FROM a ORDER BY x`) {
		if err != nil {
			t.Fatal(err)
		}
		if x, err := sqlite.Column[int](row); x != 1 || err != nil {
			t.Errorf("the first row is %d (%v), want 1", x, err)
		}
		break
	}
	if n := db.Read().Stats().InUse; n != 0 {
		t.Errorf("%d connections are in use, want none", n)
	}
}

func TestSelect(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"),
		[]string{`CREATE TABLE a (x); INSERT INTO a VALUES (1), (2), (3)`})
	in, args := sqlite.In([]int{3, 1})
	got, err := sqlite.Select(t.Context(), db.Read(), sqlite.Column[int],
		`SELECT x FROM a WHERE x IN `+in+` ORDER BY x`, args...)
	if err != nil || fmt.Sprint(got) != "[1 3]" {
		t.Errorf("got %v (%v), want 1 and 3", got, err)
	}
	for name, query := range map[string]string{
		"a query that cannot run":      `SELECT x FROM b`,
		"a row that cannot be scanned": `SELECT 'text'`,
		"a query that fails at a row":  `SELECT x / (x < 3) + abs(-9223372036854775808 * (x > 2)) FROM a`,
	} {
		if got, err := sqlite.Select(t.Context(), db.Read(), sqlite.Column[int], query); err == nil || got != nil {
			t.Errorf("%s: %v, want an error alone", name, got)
		}
	}
}
