package sqlite_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// valuesOf returns values of every type of SQLite. Some are so large that they need overflow pages.
func valuesOf(i int) []any {
	return []any{
		nil, int64(0), int64(1), int64(-1), int64(200), int64(-30_000), int64(1 << 22), int64(-1 << 30), int64(1 << 45),
		int64(math.MinInt64), 1.5, "", "가", strings.Repeat("x", i*37%20_000),
		[]byte{},
		bytes.Repeat([]byte{0, 255}, i*11%3_000),
	}
}

// Rows are recovered from the file and from its log, after the root page of the table was overwritten.
func TestLeavesAreRead(t *testing.T) {
	const rows = 400
	path := filepath.Join(t.TempDir(), "a.db")
	var columns []string
	for i := range valuesOf(0) {
		columns = append(columns, fmt.Sprintf("c%d", i))
	}
	names := strings.Join(columns, ", ")
	migrations := []string{`CREATE TABLE a (` + names + `)`}
	add := func(db *sqlite.DB, i int) {
		t.Helper()
		err := db.Update(t.Context(), func(tx *sql.Tx) error {
			values := append([]any{idOf(i)}, valuesOf(i)...)
			in, args := sqlite.In(values)
			_, err := tx.ExecContext(t.Context(), `INSERT INTO a (rowid, `+names+`) VALUES `+in, args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	first, err := sqlite.Open(t.Context(), path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows / 2 {
		add(first, i)
	}
	if err := first.Close(); err != nil { // moves its rows from the log to the file
		t.Fatal(err)
	}
	db := open(t, path, migrations)
	for i := rows / 2; i < rows; i++ {
		add(db, i)
	}
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() < 1<<20 {
		t.Fatalf("the log holds nothing (%v)", err)
	}

	copied := filepath.Join(t.TempDir(), "b.db")
	root := query[int64](t, db, `SELECT rootpage FROM sqlite_schema WHERE name = 'a'`)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if suffix == "" {
			clear(content[(root-1)*sqlite.PageSize : root*sqlite.PageSize])
		}
		if err := os.WriteFile(copied+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := map[int64]string{}
	wanted := func(rowid int64) bool { return rowid%2 != 0 }
	err = sqlite.RecoverRows(copied, wanted, func(rowid int64, columns []any) {
		found[rowid] = fmt.Sprintf("%#v", columns)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		want := ""
		if wanted(idOf(i)) {
			want = fmt.Sprintf("%#v", valuesOf(i))
		}
		if found[idOf(i)] != want {
			t.Errorf("row %d is %.200q, want %.200q", idOf(i), found[idOf(i)], want)
		}
		delete(found, idOf(i))
	}
	if len(found) != 0 {
		t.Errorf("%d rows found that nobody has written", len(found))
	}
}

func idOf(i int) int64 { return int64(i-10) * int64(i-10) * int64(i-10) }

// Any page is read to its end, and no row is larger than the file.
func FuzzLeaves(f *testing.F) {
	page := make([]byte, sqlite.PageSize)
	page[0], page[4], page[8], page[9] = 0x0d, 1, 0x0f, 0xf0
	copy(page[0x0ff0:], []byte{6, 1, 3, 1, 15, 8, 'x'})
	f.Add(page)
	f.Add(bytes.Repeat([]byte{0x0d, 0xff}, sqlite.PageSize))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "a.db")
		if err := os.WriteFile(path, append(make([]byte, sqlite.PageSize), content...), 0o600); err != nil {
			t.Fatal(err)
		}
		err := sqlite.RecoverRows(path, func(int64) bool { return true }, func(_ int64, columns []any) {
			row := 0
			for _, value := range columns {
				switch v := value.(type) {
				case string:
					row += len(v)
				case []byte:
					row += len(v)
				}
			}
			if row > len(content)+sqlite.PageSize {
				t.Errorf("a row of %d bytes in a file of %d", row, len(content)+sqlite.PageSize)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
