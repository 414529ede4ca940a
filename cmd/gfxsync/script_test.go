package main

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/tidwall/gjson"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

var update = flag.Bool("update", false, "write what the scripts' cmp commands find into the scripts")

// TestScripts runs the sessions at a terminal that lie in testdata/script. The README there names their commands.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), Setup: setupScript, Cmds: scriptCommands,
		Condition: scriptCondition, WorkdirRoot: t.TempDir(), RequireUniqueNames: true, UpdateScripts: *update,
	})
}

var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":     scriptExits,
	"refused":   scriptRefused,
	"json":      scriptJSON,
	"let":       scriptLet,
	"printf":    scriptPrintf,
	"sqlite":    scriptSQLite,
	"records":   scriptRecords,
	"supabase":  scriptSupabase,
	"jwt":       scriptJWT,
	"sql":       scriptSQL,
	"snapshot":  scriptSnapshot,
	"unchanged": scriptUnchanged,
}

// script is what the commands of a script share.
type script struct {
	testing.TB
	gateway *supabasetest.Server // nil before the command supabase
	before  []string             // what snapshot saw
}

type scriptKey struct{}

// scriptVariables are in the environment of every script, and win over what else is there.
var scriptVariables []string

func scriptOf(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

func setupScript(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("USERPROFILE", home)
	config := filepath.Join(home, ".config")
	env.Setenv("XDG_CONFIG_HOME", config)
	env.Setenv("APPDATA", config)
	if runtime.GOOS == "darwin" {
		config = filepath.Join(home, "Library", "Application Support")
	}
	env.Setenv("CONFIG", config)
	env.Setenv("ProgramData", filepath.Join(env.WorkDir, "ProgramData"))
	for name, key := range map[string]string{
		"SECRET_KEY": testKey, "PUBLISHABLE_KEY": "sb_publishable_0123456789abcdefghijkl", "ANON_JWT": fakeJWT("anon"),
		"AUTHENTICATED_JWT": fakeJWT("authenticated"), "SERVICE_JWT": fakeJWT("service_role"),
		"HALF_A_JWT": fakeJWT("service_role")[:60], "EXPIRED_JWT": fakeJWTUntil("service_role", 1740830400),
	} {
		env.Setenv(name, key)
	}
	if zone, ok := os.LookupEnv("TZ"); ok {
		env.Setenv("TZ", zone) // or gfxsync would show the times of scriptRecords in another zone
	}
	env.Vars = append(env.Vars, scriptVariables...)
	env.Values[scriptKey{}] = &script{TB: env.T().(testing.TB)}
	return os.Mkdir(home, 0o755)
}

// scriptCondition knows [links]: there are symbolic links. Wine 8 says of some that it made them, and did not.
func scriptCondition(name string) (bool, error) {
	if name != "links" {
		return false, errors.New("there is no such condition")
	}
	dir, err := os.MkdirTemp("", "gfxsync-links-*")
	if err != nil {
		return false, err
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		return false, os.RemoveAll(dir)
	}
	_, err = os.Readlink(link)
	return err == nil, os.RemoveAll(dir)
}

// usage ends a script that uses a command wrongly.
func usage(ts *testscript.TestScript, wrong bool, text string) {
	if wrong {
		ts.Fatalf("usage: %s", text)
	}
}

// runsWith runs a program, which must end with the exit code.
func runsWith(ts *testscript.TestScript, want int, args []string) {
	err := ts.Exec(args[0], args[1:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// scriptExits is for an exit code that matters: ! says only that it is not 0.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	const text = "exits CODE PROGRAM [ARGUMENT…]"
	usage(ts, neg || len(args) < 2, text)
	code, err := strconv.Atoi(args[0])
	usage(ts, err != nil, text)
	runsWith(ts, code, args[1:])
}

// scriptRefused is for a command that cannot begin: it ends with exit code 2, prints nothing, and says why in one line.
func scriptRefused(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg || len(args) == 0, "refused PROGRAM [ARGUMENT…]")
	runsWith(ts, exitFailed, args)
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("it has printed something: %q", out)
	}
	errs := ts.ReadFile("stderr")
	if strings.Count(errs, "\n") != 1 || !strings.HasSuffix(errs, "\n") || !strings.HasPrefix(errs, "gfxsync: ") {
		ts.Fatalf("standard error is not one line of gfxsync: %q", errs)
	}
}

// scriptJSON compares what is at a path of the JSON that was printed last, or checks that anything is there. Paths are
// those of github.com/tidwall/gjson.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) < 1 || len(args) > 2, "[!] json PATH [VALUE]")
	printed := ts.ReadFile("stdout")
	if !gjson.Valid(printed) {
		ts.Fatalf("what was printed is not one JSON value")
	}
	found := gjson.Get(printed, args[0])
	got := strings.TrimSpace(found.String())
	if found.Type == gjson.Null {
		got = found.Raw
	}
	switch {
	case !found.Exists():
		if !neg {
			ts.Fatalf("there is no %s", args[0])
		}
	case len(args) == 1 && neg:
		ts.Fatalf("%s is %s", args[0], got)
	case len(args) == 2 && neg == (got == args[1]):
		ts.Fatalf("%s is %s", args[0], got)
	}
}

// scriptLet gives a variable what was printed last, without the line break at its end.
func scriptLet(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg || len(args) != 1, "let VARIABLE")
	ts.Setenv(args[0], strings.TrimRight(ts.ReadFile("stdout"), "\r\n"))
}

// scriptPrintf writes a file byte by byte, where an archive could not: the text has the escapes of Go.
func scriptPrintf(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg || len(args) != 2, "printf FILE TEXT")
	var content []byte
	for rest := args[1]; rest != ""; {
		char, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		ts.Check(err)
		if multibyte {
			content = append(content, string(char)...)
		} else {
			content = append(content, byte(char))
		}
		rest = tail
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

// scriptSQLite prints the rows of a query as the program sqlite3 does.
func scriptSQLite(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg || len(args) != 2, "sqlite FILE STATEMENT")
	_, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	rows, err := db.Query(args[1])
	ts.Check(err)
	defer rows.Close()
	columns, err := rows.Columns()
	ts.Check(err)
	for rows.Next() {
		row := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		ts.Check(rows.Scan(into...))
		texts := make([]string, len(row))
		for i := range row {
			texts[i] = row[i].String
		}
		fmt.Fprintln(ts.Stdout(), strings.Join(texts, "|"))
	}
	ts.Check(rows.Err())
}

// scriptRecords makes a queue database with the records of twoAndTwo, and says when they were made.
func scriptRecords(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg || len(args) != 1, "records FILE")
	ts.Check(makeQueue(scriptOf(ts).Context(), ts.MkAbs(args[0]), twoAndTwo))
	ts.Setenv("MADE", queueBegan.Local().Format("2006-01-02 15:04:05"))
	ts.Setenv("MADE_JSON", queueBegan.Local().Format("2006-01-02T15:04:05.999999999Z07:00"))
	ts.Setenv("LONG_ERROR", longError)
}

// scriptSnapshot remembers what scriptUnchanged is to find again: all files, and the rows of the table.
func scriptSnapshot(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg || len(args) != 0, "snapshot")
	scriptOf(ts).before = whatIsThere(ts)
}

func scriptUnchanged(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptOf(ts)
	usage(ts, neg || len(args) != 0 || s.before == nil, "unchanged, after snapshot")
	if now := whatIsThere(ts); !slices.Equal(now, s.before) {
		ts.Fatalf("there was\n%s\nand now there is\n%s", strings.Join(s.before, "\n"), strings.Join(now, "\n"))
	}
}
