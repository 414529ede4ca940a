package supabasetest

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// helperTimeout bounds what a test's helper may take, a lock it waits for included. Only what hangs may reach it.
const helperTimeout = 3 * time.Minute

// M lets a package check for leaked goroutines as well:
//
//	goleak.VerifyTestMain(supabasetest.M{M: m})
//
// A test that checks by itself while the cluster runs needs
// goleak.IgnoreAnyFunction(supabasetest.OwnerGoroutine).
type M struct{ *testing.M }

// OwnerGoroutine is the function of the one goroutine that lives as long as the
// cluster does, waiting for PostgreSQL to end.
const OwnerGoroutine = "github.com/gfxsync/gfxsync/store/supabase/supabasetest.(*process).own"

// Run runs the tests and stops the cluster.
func (m M) Run() int {
	code := m.M.Run()
	if err := StopCluster(); err != nil {
		fmt.Fprintln(os.Stderr, "supabasetest: stop PostgreSQL:", err)
	}
	return code
}

// Main is the body of a TestMain: it runs the tests, stops the cluster and exits.
func Main(m *testing.M) { os.Exit(M{m}.Run()) }

// New starts a gateway over a fresh database; both go when the test ends. Where
// no PostgreSQL can be had the test is skipped, except under CI=true, where it
// fails: a skip nobody reads is a test nobody runs.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	if _, err := sharedCluster(context.Background()); err != nil {
		unavailable(t, err)
	}
	s, err := Serve(context.Background(), "127.0.0.1:0", io.Discard, opts...)
	if err != nil {
		t.Fatalf("supabasetest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("supabasetest: close: %v", err)
		}
	})
	return s
}

func unavailable(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("supabasetest: %v", err)
	}
	t.Skipf("SKIPPED, not tested: supabasetest: %v", err)
}

// Exec runs sql as the owner of the database, past row level security.
func (s *Server) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), helperTimeout)
	defer cancel()
	if _, err := s.owner.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("supabasetest: %s: %v", sql, err)
	}
}

// QueryStrings returns the first column of the rows as PostgreSQL prints it,
// "" for null.
func (s *Server) QueryStrings(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), helperTimeout)
	defer cancel()
	text := pgx.QueryResultFormats{pgx.TextFormatCode}
	rows, err := s.owner.Query(ctx, sql, append([]any{text}, args...)...)
	if err != nil {
		t.Fatalf("supabasetest: %s: %v", sql, err)
	}
	got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		return string(row.RawValues()[0]), nil
	})
	if err != nil {
		t.Fatalf("supabasetest: %s: %v", sql, err)
	}
	return got
}

// Count is the number of rows in a table of the default schema, or in a
// "schema.table".
func (s *Server) Count(t testing.TB, table string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), helperTimeout)
	defer cancel()
	var n int
	if err := s.owner.QueryRow(ctx, "select count(*) from "+s.qualify(table)).Scan(&n); err != nil {
		t.Fatalf("supabasetest: count %s: %v", table, err)
	}
	return n
}
