package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

func TestCheckFindsDamageThatOpeningDoesNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	migrations := []string{`CREATE TABLE t (v TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
		INSERT INTO t SELECT hex(randomblob(50)) FROM n`}
	db, err := sqlite.Open(t.Context(), path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Errorf("a new file: %v", err)
	}
	var tables int
	if err := db.Read().QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil || tables != 1 {
		t.Errorf("%d tables (%v): the check has left something behind", tables, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(content) / 2; i < len(content)/2+8192; i++ {
		content[i] = 0xff
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err = sqlite.OpenExisting(t.Context(), path, migrations)
	if err != nil {
		t.Fatalf("opening looks at the beginning alone: %v", err)
	}
	if err := db.Check(t.Context()); !errors.Is(err, sqlite.ErrCorrupt) {
		t.Errorf("error = %v, want ErrCorrupt", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestCheckPlaceMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := sqlite.CheckPlace(filepath.Join(dir, "a", "b", "x.db")); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "x.db"), filepath.Join(file, "a", "x.db")} {
		if err := sqlite.CheckPlace(path); err == nil {
			t.Errorf("%s can be made below a file", path)
		}
	}
	if parent, err := sqlite.ExistingParent(filepath.Join(dir, "a", "b", "x.db")); parent != dir || err != nil {
		t.Errorf("parent %q, %v", parent, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
