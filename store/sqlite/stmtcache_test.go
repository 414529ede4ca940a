package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"sync"
	"testing"
)

// counting counts how often each statement is prepared.
type counting struct {
	sqliteConn

	mu       *sync.Mutex
	prepared map[string]int
}

func (c *counting) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.mu.Lock()
	c.prepared[query]++
	c.mu.Unlock()
	return c.sqliteConn.PrepareContext(ctx, query)
}

// A connection prepares a statement once, however often the statement runs.
func TestAStatementIsPreparedOnce(t *testing.T) {
	c := &connector{dsn: uri(filepath.Join(t.TempDir(), "a.db"), nil), explain: func(err error) error { return err }}
	inner, err := c.driver.Open(c.dsn)
	if err != nil {
		t.Fatal(err)
	}
	counts := &counting{inner.(sqliteConn), &sync.Mutex{}, map[string]int{}}
	db := sql.OpenDB(single{&conn{sqliteConn: counts, explain: c.explain, statements: stmtCache{conn: counts}}})
	db.SetMaxOpenConns(1)
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	const insert, count = "\n\tINSERT INTO a (x) VALUES (?)", `SELECT count(*) FROM a WHERE x < ?`
	if _, err := db.Exec(`CREATE TABLE a (x INTEGER)`); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		var n int
		if _, err := db.Exec(insert, i); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow(count, i).Scan(&n); err != nil || n != i {
			t.Fatalf("%d rows below %d (%v)", n, i, err)
		}
	}
	for _, query := range []string{insert, count} {
		if n := counts.prepared[query]; n != 1 {
			t.Errorf("%q was prepared %d times, want once", query, n)
		}
	}
}

// single is a connector with one connection.
type single struct{ driver.Conn }

func (s single) Connect(context.Context) (driver.Conn, error) { return s.Conn, nil }
func (s single) Driver() driver.Driver                        { return nil }

func TestOnlyWhatWorksWhenItIsRunIsKept(t *testing.T) {
	for query, want := range map[string]bool{
		`SELECT 1`: true, "SELECT\n1": true, " \n\twith x as (select 1) select * from x": true,
		`INSERT INTO a VALUES (1)`: true, `UPDATE a SET x = 1`: true, `DELETE FROM a`: true,
		`PRAGMA synchronous = FULL`: false, `VACUUM INTO ?`: false, ``: false,
		`INSERT INTO a VALUES (1); DELETE FROM a`: false,
	} {
		if got := mayCache(query); got != want {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
}
