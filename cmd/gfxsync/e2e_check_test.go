//go:build unix

package main

import (
	"bytes"
	"encoding/json"
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

// checkup is a scene's set-up, with what the command check is to find out about it.
type checkup struct {
	*scene
	gateway *supabasetest.Server
	key     string
}

// newCheckup is a set-up in which all is well: a table as gfxsync schema makes it, with one row, and a folder with a session.
func newCheckup(t *testing.T) *checkup {
	t.Helper()
	g := supabasetest.New(t, supabasetest.WithSQL(supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)))
	g.Exec(t, `insert into gfx_sessions (file_hash, raw_json) values ('00112233445566778899aabbccddeeff', '{}')`)
	c := &checkup{scene: newScene(t), gateway: g}
	c.withKey(g.SecretKey)
	s := sample.New(1)
	writeFile(t, filepath.Join(c.watch, s.FileName()), s.Play(1).JSON())
	return c
}

func (c *checkup) withKey(key string) {
	c.key = key
	c.onSupabase(c.gateway, key)
}

// rows are the table's rows as PostgreSQL keeps them; none without a table.
func (c *checkup) rows() []string {
	c.t.Helper()
	if c.gateway.QueryStrings(c.t, `select to_regclass('public.gfx_sessions')`)[0] == "" {
		return nil
	}
	return c.gateway.QueryStrings(c.t, `select concat_ws(' ', ctid, xmin, xmax, md5(g::text)) from gfx_sessions g`)
}

// check runs the command, and checks what holds of all its runs: it changes neither table nor folders, and shows no key.
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
	if c.key != "" && strings.Contains(out.String()+errs.String(), c.key) {
		c.t.Errorf("the key is shown:\n%s%s", &out, &errs)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// files are the names of all that is in the scene's folder, but for what SQLite and its users keep beside a database.
func (c *checkup) files() (names []string) {
	c.t.Helper()
	err := filepath.WalkDir(filepath.Dir(filepath.Dir(c.queue)), func(name string, _ os.DirEntry, err error) error {
		if !slices.ContainsFunc([]string{"-wal", "-shm", ".lock"}, func(end string) bool { return strings.HasSuffix(name, end) }) {
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

func TestCheckOfASetUpInWhichAllIsWell(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	c.expect(0, "-", "hands", "not set up", "gfxsync schema --hands")
	c.gateway.Exec(t, supabase.SchemaParts{Hands: true}.SQL("public", "gfx_sessions"))
	c.expect(0, "✓", "hands", "hands of")
	c.expect(0, "✓", "url", c.gateway.URL+" answers")
	code, stdout, _ := c.check("--superseded", "delete")
	if code != 0 || strings.Count(stdout, "\n") != strings.Count(stdout, "✓") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
	if line := lineOf(stdout, "rights"); !strings.Contains(line, "may select, insert, update, delete") {
		t.Errorf("%q: the right to delete is needed now", line)
	}
	c.withKey(c.gateway.ServiceJWT)
	c.expect(0, "✓", "key", "legacy service_role key, accepted, valid until")

	c.start()
	c.waitStatus("the agent has delivered", func(st *reconcile.Status) bool { return st.Synced == 1 })
	c.expect(0, "✓", "queue", "an agent runs on it")
	c.stop()
	c.expect(0, "✓", "queue", "no agent runs on it")
}

func TestCheckAsJSON(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	c.gateway.Exec(t, `drop view gfx_session_digest; revoke update on gfx_sessions from service_role`)
	code, stdout, stderr := c.check("--json")
	var got struct {
		OK       bool
		Findings []store.Finding
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 1 || stderr != "" || got.OK {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	verdicts := map[string]store.Verdict{}
	for _, f := range got.Findings {
		verdicts[f.Part] = f.Verdict
	}
	for part, want := range map[string]store.Verdict{"url": store.OK, "rights": store.Fail, "digest": store.Warn, "watch": store.OK, "disk": store.OK} {
		if verdicts[part] != want {
			t.Errorf("%s is %q, want %q", part, verdicts[part], want)
		}
	}
}

func TestCheckOfATable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, sql  string
		code       int
		mark, part string
		says       []string
	}{
		{"no table", `drop table gfx_sessions cascade`, 1, "✗", "table", []string{"no table public.gfx_sessions → ", "gfxsync schema"}},
		{
			"no unique constraint", `alter table gfx_sessions drop constraint gfx_sessions_file_hash_key`, 1, "✗", "constraint",
			[]string{
				"unique on none of session_id, file_hash",
				"ALTER TABLE public.gfx_sessions ADD UNIQUE (file_hash)", "gfxsync schema",
			},
		},
		{"no digest view", `drop view gfx_session_digest`, 0, "!", "digest", []string{"no view public.gfx_session_digest", "gfxsync schema"}},
		{
			"optional columns missing", `drop view gfx_sessions_current; alter table gfx_sessions drop column nas_path, drop column event_title`, 0, "!", "columns",
			[]string{"has no event_title, nas_path; rows are written without", "gfxsync schema"},
		},
		{"no right to insert", `revoke insert on gfx_sessions from service_role`, 1, "✗", "rights", []string{"may not insert", "GRANT INSERT ON public.gfx_sessions"}},
		{"no right to update", `revoke update on gfx_sessions from service_role`, 1, "✗", "rights", []string{"may not update", "GRANT UPDATE ON public.gfx_sessions"}},
		{"no right to select", `revoke select on gfx_sessions from service_role`, 1, "✗", "rights", []string{"may not select", "GRANT SELECT ON public.gfx_sessions"}},
		{"no need to delete", `revoke delete on gfx_sessions from service_role`, 0, "✓", "rights", []string{"may select, insert, update"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCheckup(t)
			c.gateway.Exec(t, tc.sql)
			c.expect(tc.code, tc.mark, tc.part, tc.says...)
		})
	}
}

func TestCheckOfAKey(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	const needed = "use the secret key (sb_secret_…) or the legacy service_role key: Supabase dashboard, Project Settings, API Keys"
	expired := c.gateway.JWT(map[string]any{"role": "service_role", "exp": time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC).Unix()})
	for _, tc := range []struct {
		name, key string
		says      []string
	}{
		{"of another project", "sb_secret_Zm9vYmFyYmF6cXV4_c0ffee", []string{"does not accept the secret key", "GFX_SYNC_SUPABASE_SERVICE_KEY", needed}},
		{"anon", c.gateway.AnonJWT, []string{`its role is "anon"`, needed, "GFX_SYNC_SUPABASE_SERVICE_KEY"}},
		{"publishable", c.gateway.PublishableKey, []string{"publishable key", needed, "GFX_SYNC_SUPABASE_SERVICE_KEY"}},
		{"expired", expired, []string{"has expired, on 2025-03-01", needed}},
		{"no key at all", "correct-horse-battery-staple", []string{"neither sb_secret_… nor a JWT", needed}},
	} {
		c.withKey(tc.key)
		c.expect(1, "✗", "key", tc.says...)
		_, stdout, _ := c.check()
		if !strings.HasPrefix(lineOf(stdout, "url"), "✓") || !strings.HasPrefix(lineOf(stdout, "rights"), "- ") {
			t.Errorf("%s: the URL is tested without a key, and the rights are not:\n%s", tc.name, stdout)
		}
	}
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
	c.expect(1, "✗", "url", "cannot be reached", systemSays("connection refused", "Connection refused"), "GFX_SYNC_SUPABASE_URL")
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

func TestCheckOfThisMachine(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	watch := c.watch
	c.watch = filepath.Join(t.TempDir(), "nowhere")
	c.expect(1, "✗", "watch", shown(c.watch)+" cannot be read", systemSays("no such file", "File not found"), "GFX_SYNC_GFX_WATCH_PATH")
	c.watch = watch
	c.expect(0, "✓", "queue", "not there yet, and can be made")

	writeFile(t, c.queue, bytes.Repeat([]byte("no database "), 1000))
	c.expect(1, "✗", "queue", shown(c.queue), "damaged", "start the agent anew")
}

func TestCheckOfALocalTable(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	db := filepath.Join(t.TempDir(), "local.db")
	c.args, c.env = []string{"--local", db}, []string{"GFX_SYNC_LOCAL_DB=" + db}
	c.expect(0, "✓", "local", "not there yet, and can be made")
	c.start()
	c.waitStatus("the agent has delivered", func(st *reconcile.Status) bool { return st.Synced == 1 })
	c.stop()
	c.expect(0, "✓", "local", shown(db)+": 1 row")
	if c.gateway.Connections() > 0 {
		t.Error("Supabase was asked")
	}
}

func TestCheckThatCannotBegin(t *testing.T) {
	t.Parallel()
	c := newCheckup(t)
	for name, env := range map[string][]string{
		"GFX_SYNC_SUPABASE_URL": {c.env[1]}, "GFX_SYNC_SUPABASE_SERVICE_KEY": {c.env[0]}, "GFX_SYNC_BATCH_SIZE": append(c.env, "GFX_SYNC_BATCH_SIZE=many"),
	} {
		c.env = env
		code, stdout, stderr := c.check()
		if code != 2 || stdout != "" || !strings.Contains(stderr, name) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %q", name, code, stdout, stderr)
		}
	}
}
