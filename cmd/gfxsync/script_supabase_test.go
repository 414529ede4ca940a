package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// scriptSupabase sets up a Supabase project, and names it and its keys in the environment. Its table is that of gfxsync
// schema, or one of supabasetest.ProductionTables.
func scriptSupabase(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptOf(ts)
	usage(ts, neg || len(args) > 1 || s.gateway != nil, "supabase [TABLE], once")
	if runtime.GOOS == "windows" {
		s.Skip("SKIPPED: the Supabase project of the tests needs PostgreSQL on this machine")
	}
	table := supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)
	if len(args) == 1 {
		named := func(t supabasetest.ProductionTable) bool { return t.Name == args[0] }
		i := slices.IndexFunc(supabasetest.ProductionTables, named)
		usage(ts, i < 0, "supabase [TABLE], one of supabasetest.ProductionTables")
		table = supabasetest.ProductionTables[i].SQL
	}
	s.gateway = supabasetest.New(s, supabasetest.WithSQL(table))
	for name, value := range map[string]string{
		"GFX_SYNC_SUPABASE_URL": s.gateway.URL, "GFX_SYNC_SUPABASE_SERVICE_KEY": s.gateway.SecretKey,
		"URL": s.gateway.URL, "SECRET_KEY": s.gateway.SecretKey, "SERVICE_JWT": s.gateway.ServiceJWT,
		"ANON_JWT": s.gateway.AnonJWT, "PUBLISHABLE_KEY": s.gateway.PublishableKey,
	} {
		ts.Setenv(name, value)
	}
}

// scriptJWT gives a variable a key of the project with these claims.
func scriptJWT(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptOf(ts)
	usage(ts, neg || len(args) != 2 || s.gateway == nil, "jwt VARIABLE CLAIMS, after supabase")
	var claims map[string]any
	ts.Check(json.Unmarshal([]byte(args[1]), &claims))
	ts.Setenv(args[0], s.gateway.JWT(claims))
}

// scriptSQL runs statements, or those that were printed last, as the owner of the project's database. It prints the
// first column of a select.
func scriptSQL(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptOf(ts)
	usage(ts, neg || len(args) != 1 || s.gateway == nil, "sql STATEMENT, or sql stdout, after supabase")
	if args[0] == "stdout" {
		s.gateway.Exec(s, ts.ReadFile("stdout"))
		return
	}
	if !strings.HasPrefix(args[0], "select ") {
		s.gateway.Exec(s, "select 1; "+args[0]) // several statements go only without parameters
		return
	}
	for _, value := range s.gateway.QueryStrings(s, args[0]) {
		fmt.Fprintln(ts.Stdout(), value)
	}
}

// whatIsThere lists all files of the script, but for what SQLite and its users keep beside a database, and the rows of
// the table as PostgreSQL keeps them.
func whatIsThere(ts *testscript.TestScript) (found []string) {
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(name string, d os.DirEntry, err error) error {
		beside := func(end string) bool { return strings.HasSuffix(name, end) }
		if err != nil || slices.ContainsFunc([]string{"-wal", "-shm", ".lock"}, beside) {
			return err
		}
		found = append(found, name)
		return nil
	}))
	s := scriptOf(ts)
	if s.gateway == nil || s.gateway.QueryStrings(s, `select to_regclass('public.gfx_sessions')`)[0] == "" {
		return found
	}
	rows := s.gateway.QueryStrings(s, `select concat_ws(' ', ctid, xmin, xmax, md5(g::text)) from gfx_sessions g`)
	return append(found, rows...)
}
