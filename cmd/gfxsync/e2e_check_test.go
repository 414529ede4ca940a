//go:build unix

package main

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// checkup is a set-up with what only a running agent, a fault of the server or a mount shows. What else the command
// check finds is in testdata/script/check*.txtar.
type checkup struct {
	*scene
	gateway *supabasetest.Server
}

// newCheckup is a set-up in which all is well: a table as gfxsync schema makes it, with one row, and a folder with a
// session.
func newCheckup(t *testing.T) *checkup {
	t.Helper()
	g := supabasetest.New(t, supabasetest.WithSQL(supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)))
	g.Exec(t, `insert into gfx_sessions (file_hash, raw_json) values ('00112233445566778899aabbccddeeff', '{}')`)
	c := &checkup{scene: newScene(t).onSupabase(g, g.SecretKey), gateway: g}
	s := sample.New(1)
	writeFile(t, filepath.Join(c.watch, s.FileName()), s.Play(1).JSON())
	return c
}

// rows are the table's rows as PostgreSQL keeps them.
func (c *checkup) rows() []string {
	c.t.Helper()
	return c.gateway.QueryStrings(c.t, `select concat_ws(' ', ctid, xmin, xmax, md5(g::text)) from gfx_sessions g`)
}

// check runs the command, and checks what holds of all its runs: it changes neither table nor folders, and shows no
// key.
func (c *checkup) check(flags ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	rows, files := c.rows(), c.files()
	cmd := c.command(append([]string{"check", "--watch", c.watch, "--queue-db", c.queue}, flags...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	if after := c.rows(); !slices.Equal(after, rows) {
		c.t.Errorf("the table has changed from %q to %q", rows, after)
	}
	if after := c.files(); !slices.Equal(after, files) {
		c.t.Errorf("files have changed from %q to %q", files, after)
	}
	if strings.Contains(out.String()+errs.String(), c.gateway.SecretKey) {
		c.t.Errorf("the key is shown:\n%s%s", &out, &errs)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// files are the names of all that is in the scene's folder, but for what SQLite and its users keep beside a database.
func (c *checkup) files() (names []string) {
	c.t.Helper()
	err := filepath.WalkDir(filepath.Dir(filepath.Dir(c.queue)), func(name string, _ os.DirEntry, err error) error {
		beside := func(end string) bool { return strings.HasSuffix(name, end) }
		if !slices.ContainsFunc([]string{"-wal", "-shm", ".lock"}, beside) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return names
}

// expect checks the exit code, and that the line of a part begins with the mark and says all of this.
func (c *checkup) expect(code int, mark, part string, says ...string) {
	c.t.Helper()
	got, stdout, stderr := c.check()
	if got != code || stderr != "" {
		c.t.Errorf("exit code %d, want %d; standard error %q\n%s", got, code, stderr, stdout)
	}
	line := lineOf(stdout, part)
	if !strings.HasPrefix(line, mark+" ") {
		c.t.Errorf("%q does not begin with %s in\n%s", line, mark, stdout)
	}
	for _, s := range says {
		if !strings.Contains(line, s) {
			c.t.Errorf("%q does not say %q", line, s)
		}
	}
	if strings.Count(stdout, "✗") > 1 {
		c.t.Errorf("more than one thing is to be mended:\n%s", stdout)
	}
}

func lineOf(stdout, part string) string {
	for line := range strings.Lines(stdout) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == part {
			return line
		}
	}
	return ""
}

func TestCheckKnowsWhetherAnAgentRuns(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	c.start()
	c.waitStatus("the agent has delivered", func(st *reconcile.Status) bool { return st.Synced == 1 })
	c.expect(0, "✓", "queue", "an agent runs on it")
	c.stop()
	c.expect(0, "✓", "queue", "no agent runs on it")
}

func TestCheckOfAServer(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	late := http.Header{"Date": {time.Now().Add(-10 * time.Minute).UTC().Format(http.TimeFormat)}}
	c.gateway.Answer(1, supabasetest.Canned{Header: late, Body: "[]"})
	c.expect(0, "!", "clock", "this machine's clock is 10m", "ahead of the server's")
	c.expect(0, "✓", "clock")

	c.gateway.Answer(-1, supabasetest.HTML(http.StatusBadGateway))
	c.expect(1, "✗", "url", "cannot serve now", "Bad Gateway")
	c.gateway.Heal()
	c.env[0] = "GFX_SYNC_SUPABASE_URL=http://" + closedPort(t)
	c.expect(1, "✗", "url", "cannot be reached", systemSays("connection refused", "Connection refused"),
		"GFX_SYNC_SUPABASE_URL")
}

// closedPort is an address on which nothing listens any more.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}
