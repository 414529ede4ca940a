package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

var (
	// runGroups are the settings of an agent: all there are.
	runGroups = [][]setting{
		remoteSettings, fileSettings, deliverySettings, scheduleSettings, hotScanSettings, passSettings, stateSettings, logSettings,
	}
	keyVariables = []string{"GFX_SYNC_SUPABASE_SERVICE_KEY", "GFX_SYNC_SUPABASE_SECRET_KEY", "GFX_SYNC_SUPABASE_KEY"}
)

// environment holds environment variables.
type environment map[string]string

func (e environment) with(more environment) environment {
	all := maps.Clone(e)
	maps.Copy(all, more)
	return all
}

func (e environment) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

// list returns the variables as os.Environ does.
func (e environment) list() (list []string) {
	for name, value := range e {
		list = append(list, name+"="+value)
	}
	return list
}

// outcome is what a command line came to.
type outcome struct {
	code           int
	stdout, stderr string
}

func gfxsync(ctx context.Context, env environment, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	p := &program{lookupEnv: env.lookup, environ: env.list(), stdout: &stdout, stderr: &stderr}
	code := p.run(ctx, append([]string{"gfxsync"}, args...))
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// gfxsyncStopped runs a command line that is stopped from the beginning, so that no agent goes on whose settings should have been
// refused.
func gfxsyncStopped(t *testing.T, env environment, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return gfxsync(ctx, env, args...)
}

// refused checks that the command could not begin, and that one line on standard error says all of this.
func (o outcome) refused(t *testing.T, says ...string) {
	t.Helper()
	if o.code != exitFailed || o.stdout != "" {
		t.Errorf("exit code %d, want %d; standard output %q, want none", o.code, exitFailed, o.stdout)
	}
	if strings.Count(o.stderr, "\n") != 1 || !strings.HasSuffix(o.stderr, "\n") || !strings.HasPrefix(o.stderr, "gfxsync: ") {
		t.Errorf("standard error is not one line of gfxsync: %q", o.stderr)
	}
	for _, s := range says {
		if !strings.Contains(o.stderr, s) {
			t.Errorf("standard error does not say %q: %q", s, o.stderr)
		}
	}
}

func (o outcome) hides(t *testing.T, secret string) {
	t.Helper()
	if strings.Contains(o.stdout+o.stderr, secret) {
		t.Errorf("the secret is shown: %q %q", o.stdout, o.stderr)
	}
}

// ok checks that the command did what it was asked to, and returns what it printed.
func (o outcome) ok(t *testing.T) string {
	t.Helper()
	if o.code != exitOK || o.stderr != "" {
		t.Fatalf("exit code %d, standard error %q", o.code, o.stderr)
	}
	return o.stdout
}

// configured reads all settings as the run command does.
func configured(t *testing.T, env environment, args ...string) (s *settings, err error) {
	t.Helper()
	p := &program{lookupEnv: env.lookup, environ: env.list()}
	app := &cli.App{
		Name: "gfxsync", Flags: flags(runGroups...), ExitErrHandler: func(*cli.Context, error) {}, OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			s, err = p.configure(c, runGroups...)
			return nil
		},
	}
	if err := app.RunContext(t.Context(), append([]string{"gfxsync"}, args...)); err != nil {
		t.Fatal(err)
	}
	return s, err
}

func writeEnvFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "gfxsync.env")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// What is wrong names where it is from, so a value that is wrong everywhere tells which one is taken.
func TestAFlagWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	wrong := "\x00" + strings.Repeat("[", 201)
	count := 0
	for _, group := range runGroups {
		for _, s := range group {
			if s.parse == nil {
				continue
			}
			count++
			t.Run(s.env[0], func(t *testing.T) {
				file := writeEnvFile(t, s.env[0]+"="+wrong+"\n")
				base := runSettings(t)
				right := base[s.env[0]]
				delete(base, s.env[0])
				set := base.with(environment{s.env[0]: wrong})
				gfxsyncStopped(t, set, "run", "--env-file", file, "--"+s.flag, wrong).refused(t, "--"+s.flag+" is ")
				gfxsyncStopped(t, set, "run", "--env-file", file).refused(t, s.env[0]+" is ")
				gfxsyncStopped(t, base, "run", "--env-file", file).refused(t, s.env[0]+" is ")
				if right == "" {
					return
				}
				// What wins hides what is wrong below it.
				if _, err := configured(t, set, "--env-file", file, "--"+s.flag, right); err != nil {
					t.Errorf("right flag: %v", err)
				}
				if _, err := configured(t, base.with(environment{s.env[0]: right}), "--env-file", file); err != nil {
					t.Errorf("right variable: %v", err)
				}
			})
		}
	}
	if count < 20 {
		t.Errorf("%d settings, want all of them", count)
	}
}

func TestEnvFiles(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		pcID string
	}{
		"plain":                  {"GFX_SYNC_PC_ID=pc-1\n", "pc-1"},
		"no line break":          {"GFX_SYNC_PC_ID=pc-1", "pc-1"},
		"byte order mark":        {"\ufeffGFX_SYNC_PC_ID=pc-1\n", "pc-1"},
		"CRLF":                   {"# settings\r\nGFX_SYNC_PC_ID=pc-1\r\nGFX_SYNC_BATCH_SIZE=7\r\n", "pc-1"},
		"byte order mark, CRLF":  {"\ufeffGFX_SYNC_PC_ID=pc-1\r\nGFX_SYNC_BATCH_SIZE=7\r\n", "pc-1"},
		"double quotes":          {`GFX_SYNC_PC_ID="pc 1 # left"` + "\n", "pc 1 # left"},
		"single quotes":          {`GFX_SYNC_PC_ID='pc 1 # left'` + "\n", "pc 1 # left"},
		"comments":               {"# one\n\n  # two\nGFX_SYNC_PC_ID=pc-1 # three\n#GFX_SYNC_PC_ID=pc-2\n", "pc-1"},
		"export":                 {"export GFX_SYNC_PC_ID=pc-1\n", "pc-1"},
		"export, quotes, CRLF":   {"export GFX_SYNC_PC_ID=\"pc 1\"\r\n", "pc 1"},
		"spaces":                 {"  GFX_SYNC_PC_ID = pc-1  \n", "pc-1"},
		"Korean":                 {"GFX_SYNC_PC_ID=방송실 1\n", "방송실 1"},
		"last one wins":          {"GFX_SYNC_PC_ID=pc-1\nGFX_SYNC_PC_ID=pc-2\n", "pc-2"},
		"others are left alone":  {"PATH=/nowhere\nGFX_SYNC_PC_ID=pc-1\nOTHER=x\n", "pc-1"},
		"backslashes":            {`GFX_SYNC_PC_ID=C:\GFX\new` + "\n", `C:\GFX\new`},
		"backslashes, quoted":    {`GFX_SYNC_PC_ID="C:\GFX\new run"` + "\r\n", `C:\GFX\new run`},
		"UNC path, quoted":       {`export GFX_SYNC_PC_ID="\\nas\gfx\output"` + "\n", `\\nas\gfx\output`},
		"UNC path after another": {`GFX_SYNC_GFX_WATCH_PATH="C:\a b"` + "\n" + `GFX_SYNC_PC_ID="\\nas\gfx"`, `\\nas\gfx`},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := configured(t, runSettings(t), "--env-file", writeEnvFile(t, c.text))
			if err != nil {
				t.Fatal(err)
			}
			if s.pcID != c.pcID {
				t.Errorf("PC is %q, want %q", s.pcID, c.pcID)
			}
			if wantBatch := strings.Contains(c.text, "BATCH_SIZE=7"); wantBatch != (s.batchSize == 7) {
				t.Errorf("batch size is %d", s.batchSize)
			}
		})
	}
}

func TestWrongValuesDoNotStopWhatHasNoUseForThem(t *testing.T) {
	env := environment{}
	for _, group := range runGroups {
		for _, s := range group {
			for _, name := range s.env {
				env[name] = "\x00wrong/[:"
			}
		}
	}
	env["GFX_SYNC_QUEUE_DB_PATH"] = filepath.Join(t.TempDir(), "pending.db")
	s, err := state.Open(t.Context(), env["GFX_SYNC_QUEUE_DB_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range stateCommands {
		gfxsync(t.Context(), env, args...).ok(t)
	}
	gfxsync(t.Context(), env, "version").ok(t)
	gfxsyncStopped(t, env, "run").refused(t, "GFX_SYNC_SUPABASE_URL is ")
}

// stateCommands need the queue database alone.
var stateCommands = [][]string{
	{"status"},
	{"status", "--json"},
	{"queue", "list"},
	{"queue", "list", "--json"},
	{"queue", "retry"},
	{"queue", "drop", "--all"},
	{"invalid", "list"},
	{"invalid", "list", "--json"},
}
