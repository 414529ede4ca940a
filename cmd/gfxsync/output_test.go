package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fullDisk takes some bytes, and then no more.
type fullDisk struct{ left int }

func (d *fullDisk) Write(b []byte) (int, error) {
	n := min(d.left, len(b))
	d.left -= n
	if n < len(b) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func TestAnOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	env := runSettings(t).with(environment{"GFX_SYNC_LOCAL_DB": filepath.Join(t.TempDir(), "local.db")})
	session := filepath.Join(env["GFX_SYNC_GFX_WATCH_PATH"], "session.json")
	if err := os.WriteFile(session, []byte(`{"ID":638961999170907267}`), 0o600); err != nil {
		t.Fatal(err)
	}
	gfxsync(t.Context(), env, "reconcile").ok(t)
	for _, line := range []string{
		"", "--help", "help run", "--version", "version", "version --json", "schema", "schema --json", "status", "status --json",
		"queue list", "queue list --json", "queue retry", "queue drop --all", "invalid list", "invalid list --json", "check",
		"check --json", "verify", "verify --json", "reconcile", "reconcile --json", "reconcile --dry-run", "queue drop 9 --json",
	} {
		for _, left := range []int{0, 2} {
			var stderr bytes.Buffer
			p := &program{
				lookupEnv: env.lookup, environ: env.list(), stdout: &fullDisk{left}, stderr: &stderr,
			}
			code := p.run(t.Context(), append([]string{"gfxsync"}, strings.Fields(line)...))
			// The last one fails anyway, and says why.
			want := "gfxsync: write the output: no space left on device\n"
			if line == "queue drop 9 --json" {
				want = "entry 9: no such entry in the queue\n"
			}
			if code != exitFailed || !strings.HasSuffix(stderr.String(), want) || strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("gfxsync %s: exit code %d, %q, want %q", line, code, stderr.String(), want)
			}
		}
	}
}

func TestACommandThatIsInterruptedSaysStopped(t *testing.T) {
	env := runSettings(t).with(environment{"GFX_SYNC_LOCAL_DB": filepath.Join(t.TempDir(), "local.db")})
	gfxsync(t.Context(), env, "reconcile").ok(t)
	for _, line := range []string{
		"reconcile", "reconcile --dry-run", "verify", "check", "check --watch-for 60", "status", "queue list", "queue drop --all",
		"invalid list", "demo",
	} {
		o := gfxsyncStopped(t, env, strings.Fields(line)...)
		if o.code != exitFailed || o.stderr != "gfxsync: stopped\n" && !strings.HasSuffix(o.stderr, "\ngfxsync: stopped\n") {
			t.Errorf("gfxsync %s: exit code %d, %q", line, o.code, o.stderr)
		}
	}
	if o := gfxsyncStopped(t, env, "status", "--json"); o.stdout != "{\n  \"error\": \"stopped\"\n}\n" {
		t.Errorf("in JSON it is %q", o.stdout)
	}
}
