package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// steps are migrations. Each depends on the one before it, and none can be applied twice.
var steps = []string{
	`CREATE TABLE a (x INTEGER)`,
	`INSERT INTO a VALUES (1); ALTER TABLE a ADD COLUMN y TEXT`,
	`UPDATE a SET y = 'two'; CREATE INDEX a_y ON a (y)`,
}

func open(t *testing.T, path string, migrations []string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func insert(t *testing.T, db *sqlite.DB, x int) error {
	t.Helper()
	return db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO a (x) VALUES (?)`, x)
		return err
	})
}

func query[T any](t *testing.T, db *sqlite.DB, text string) (v T) {
	t.Helper()
	if err := db.Read().QueryRowContext(t.Context(), text).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestNewFileIsForItsOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	dir := filepath.Join(t.TempDir(), "state", "gfxsync")
	db := open(t, filepath.Join(dir, "pending.db"), steps)
	if err := insert(t, db, 1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		"": 0o700, "pending.db": 0o600, "pending.db-wal": 0o600, "pending.db-shm": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}
}

func TestMigrationsAreAppliedOnceAndInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	for version := range len(steps) + 1 {
		for range 2 {
			db, err := sqlite.Open(t.Context(), path, steps[:version])
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if got := query[int](t, db, `PRAGMA user_version`); got != version {
				t.Errorf("user_version = %d, want %d", got, version)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := query[string](t, open(t, path, steps), `SELECT group_concat(x || y) FROM a`); got != "1two" {
		t.Errorf("table a holds %s", got)
	}
}

func TestMigrationThatFailsLeavesThePreviousVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	_, err := sqlite.Open(t.Context(), path, []string{steps[0], `INSERT INTO a VALUES (7); nonsense`})
	if err == nil || !strings.Contains(err.Error(), "schema step 2") || !strings.Contains(err.Error(), path) {
		t.Fatalf("error = %v, want one that names the step and the file", err)
	}
	db := open(t, path, steps[:1])
	if n := query[int](t, db, `SELECT count(*) FROM a`); n != 0 {
		t.Errorf("%d rows of the failed step are left", n)
	}
}

func TestManyMayOpenANewFileAtOnce(t *testing.T) {
	for range 10 {
		path := filepath.Join(t.TempDir(), "a.db")
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				db, err := sqlite.Open(t.Context(), path, steps)
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				if err := errors.Join(insert(t, db, i), db.Close()); err != nil {
					t.Errorf("write and close: %v", err)
				}
			})
		}
		wg.Wait()
		if n := query[int](t, open(t, path, steps), `SELECT count(*) FROM a`); n != 9 {
			t.Errorf("%d rows, want the migration's and eight more", n)
		}
	}
}

func TestNewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path, steps)
	if _, err := sqlite.Open(t.Context(), path, steps[:2]); !errors.Is(err, sqlite.ErrNewer) ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("Open: %v, want ErrNewer with the path", err)
	}
	if _, err := sqlite.OpenExisting(t.Context(), path, steps[:2]); !errors.Is(err, sqlite.ErrNewer) {
		t.Errorf("OpenExisting: %v, want ErrNewer", err)
	}
}

func TestOpenExistingMakesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "no", "a.db")
	if _, err := sqlite.OpenExisting(t.Context(), path, steps); !errors.Is(err, sqlite.ErrMissing) ||
		!strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v, want ErrMissing with the path", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
	old := filepath.Join(dir, "old.db")
	open(t, old, steps[:1])
	if _, err := sqlite.OpenExisting(t.Context(), old, steps); !errors.Is(err, sqlite.ErrMissing) {
		t.Errorf("older schema: %v, want ErrMissing", err)
	}
	now := filepath.Join(dir, "now.db")
	open(t, now, steps)
	db, err := sqlite.OpenExisting(t.Context(), now, steps)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(insert(t, db, 2), db.Close()); err != nil {
		t.Error(err)
	}
}

func TestGarbageIsDamaged(t *testing.T) {
	for name, content := range map[string][]byte{
		"text":               bytes.Repeat([]byte("this is no database\n"), 500),
		"header and garbage": append([]byte("SQLite format 3\x00"), bytes.Repeat([]byte{0xff}, 8192)...),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			for call, open := range map[string]func(context.Context, string, []string) (*sqlite.DB, error){
				"Open": sqlite.Open, "OpenExisting": sqlite.OpenExisting,
			} {
				if _, err := open(t.Context(), path, steps); !errors.Is(err, sqlite.ErrCorrupt) ||
					!strings.Contains(err.Error(), path) {
					t.Errorf("%s: %v, want ErrCorrupt with the path", call, err)
				}
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the file was changed (%v): it may be all that is left to rescue", err)
			}
		})
	}
}

func TestOverwrittenPagesAreDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := sqlite.Open(t.Context(), path, steps)
	if err != nil {
		t.Fatal(err)
	}
	fill := `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO a SELECT i, 'row ' || i FROM n`
	err = db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), fill)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 16*4096), 4096)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	db = open(t, path, steps) // this succeeds, because the first page is not corrupt
	if err := insert(t, db, 1); !errors.Is(err, sqlite.ErrCorrupt) || !strings.Contains(err.Error(), path) {
		t.Errorf("Update: %v, want ErrCorrupt with the path", err)
	}
}

func TestOddPaths(t *testing.T) {
	for _, name := range []string{
		"with space", "100%", "%41", "a?b=c", "a#b", "a&b", "한글", "a+b", "'quoted'", `"x"`, "semi;colon",
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.ContainsAny(name, `?"`) {
				t.Skip("Windows allows no such name")
			}
			dir := filepath.Join(t.TempDir(), "d "+name)
			db := open(t, filepath.Join(dir, name+".db"), steps)
			if err := insert(t, db, 1); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || entries[0].Name() != name+".db" {
				t.Errorf("the directory holds %v, %v", entries, err)
			}
		})
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	open(t, filepath.Join("sub dir", "a.db"), steps)
	if _, err := os.Stat("sub dir/a.db"); err != nil {
		t.Error(err)
	}
}

func TestUpdateLeavesNothingBehindOnError(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"), steps)
	before := query[int](t, db, `SELECT count(*) FROM a`)
	mine := errors.New("mine")
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO a (x) VALUES (5)`); err != nil {
			return err
		}
		return mine
	})
	if !errors.Is(err, mine) {
		t.Errorf("error = %v", err)
	}
	if n := query[int](t, db, `SELECT count(*) FROM a`); n != before {
		t.Errorf("%d rows, want %d", n, before)
	}
	if err := insert(t, db, 6); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
}

func TestReadersSeeTheLastCommitWhileAWriterWrites(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"), steps)
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `DELETE FROM a`)
		if n := query[int](t, db, `SELECT count(*) FROM a`); n != 1 {
			t.Errorf("a reader sees %d rows, want the one of the last commit", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
