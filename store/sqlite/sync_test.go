package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// The values of PRAGMA synchronous.
const (
	normal = 1
	full   = 2
)

func syncLevel(t *testing.T, update func(context.Context, func(*sql.Tx) error) error) (level int) {
	t.Helper()
	err := update(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), `PRAGMA synchronous`).Scan(&level)
	})
	if err != nil {
		t.Fatal(err)
	}
	return level
}

// An Update is FULL and an UpdateWithoutSync is NORMAL, in any order, also after failures.
func TestUpdateSyncsWhateverCameBefore(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"), steps)
	if mode := query[string](t, db, `PRAGMA journal_mode`); mode != "wal" {
		t.Errorf("journal_mode = %s, want wal", mode)
	}
	fail := func(*sql.Tx) error { return errors.New("mine") }
	for i, step := range []struct {
		update func(context.Context, func(*sql.Tx) error) error
		want   int
	}{
		{db.Update, full},
		{db.UpdateWithoutSync, normal},
		{db.UpdateWithoutSync, normal},
		{db.Update, full},
		{db.Update, full},
		{db.UpdateWithoutSync, normal},
	} {
		if got := syncLevel(t, step.update); got != step.want {
			t.Errorf("transaction %d: synchronous = %d, want %d", i, got, step.want)
		}
		if err := step.update(t.Context(), fail); err == nil {
			t.Error("a transaction that fails passes")
		}
		if got := syncLevel(t, step.update); got != step.want {
			t.Errorf("transaction %d, after one that failed: synchronous = %d, want %d", i, got, step.want)
		}
	}
}

// Updates of both kinds run concurrently. Each is committed with the level that it asked for.
func TestBothKindsOfUpdateTakeTurns(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"), steps)
	const writers, each = 6, 50
	var wg sync.WaitGroup
	for w := range writers {
		update, want := db.Update, full
		if w%2 == 1 {
			update, want = db.UpdateWithoutSync, normal
		}
		wg.Go(func() {
			for range each {
				err := update(t.Context(), func(tx *sql.Tx) error {
					var level int
					err := tx.QueryRowContext(t.Context(), `PRAGMA synchronous`).Scan(&level)
					if err != nil || level != want {
						t.Errorf("synchronous = %d, %v, want %d", level, err, want)
					}
					_, err = tx.ExecContext(t.Context(), `UPDATE a SET x = x + 1`)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := query[int](t, db, `SELECT x FROM a`); n != 1+writers*each {
		t.Errorf("%d transactions are in the table, want %d", n-1, writers*each)
	}
}

// A cached statement runs correctly while its own rows are being read, after it failed, and after its table changed.
func TestAStatementIsRunAnew(t *testing.T) {
	schema := []string{`CREATE TABLE a (x INTEGER UNIQUE); INSERT INTO a VALUES (1), (2), (3)`}
	db := open(t, filepath.Join(t.TempDir(), "a.db"), schema)
	const all = `SELECT x FROM a ORDER BY x`
	err := db.Update(t.Context(), func(tx *sql.Tx) error {
		outer, err := tx.QueryContext(t.Context(), all)
		if err != nil {
			return err
		}
		defer outer.Close()
		for want := 1; outer.Next(); want++ {
			var x, first int
			err := errors.Join(outer.Scan(&x), tx.QueryRowContext(t.Context(), all).Scan(&first))
			if err != nil || x != want || first != 1 {
				t.Errorf("row %d: %d, its first row meanwhile: %d (%v)", want, x, first, err)
			}
		}
		return outer.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range []int{4, 4, 5} {
		if err := insertX(t, db, x); (err != nil) != (i == 1) {
			t.Errorf("insert %d, number %d: %v", x, i, err)
		}
	}
	err = db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := insertX(t, db, 6); err != nil {
		t.Error(err)
	}
	if n := query[int](t, db, `SELECT sum(y) FROM a`); n != 6*7 {
		t.Errorf("the sum is %d, want %d: six rows", n, 6*7)
	}
}

func insertX(t *testing.T, db *sqlite.DB, x int) error {
	t.Helper()
	return db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO a (x) VALUES (?)`, x)
		return err
	})
}

// These are more statements than a connection keeps.
func TestManyDifferentStatements(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"), steps)
	for round := range 2 {
		for i := range 200 {
			if got := query[int](t, db, fmt.Sprintf("SELECT %d", i)); got != i {
				t.Fatalf("round %d: %d, want %d", round, got, i)
			}
		}
	}
}
