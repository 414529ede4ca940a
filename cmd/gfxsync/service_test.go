package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// fakeManager is a service manager that remembers what it was asked.
type fakeManager struct {
	asked  []string
	spec   service.Spec
	status service.Status
	err    error
	ready  error
}

func (m *fakeManager) Ready() error { return m.ready }

func (m *fakeManager) ask(what string) error {
	m.asked = append(m.asked, what)
	return m.err
}

func (m *fakeManager) Plan(s service.Spec) (string, error) {
	m.spec = s
	return "the plan\n", m.ask("plan")
}

func (m *fakeManager) Install(_ context.Context, s service.Spec) ([]string, error) {
	m.spec = s
	return []string{"Know this."}, m.ask("install")
}

func (m *fakeManager) Uninstall(context.Context) ([]string, error) {
	return []string{"/var/lib/gfxsync/pending.db"}, m.ask("uninstall")
}

func (m *fakeManager) Start(context.Context) error   { return m.ask("start") }
func (m *fakeManager) Stop(context.Context) error    { return m.ask("stop") }
func (m *fakeManager) Restart(context.Context) error { return m.ask("restart") }

func (m *fakeManager) Status(context.Context) (service.Status, error) {
	return m.status, m.ask("status")
}

// gfxsyncOn runs a command line on a machine with this service manager.
func gfxsyncOn(t *testing.T, m service.Manager, env environment, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{
		lookupEnv: env.lookup, stdout: &stdout, stderr: &stderr,
		services: func(bool) (service.Manager, error) { return m, nil },
	}
	code := p.run(t.Context(), append([]string{"gfxsync"}, args...))
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// serviceEnvFile writes a file with all that a service needs, and further lines.
func serviceEnvFile(t *testing.T, lines ...string) string {
	t.Helper()
	return writeEnvFile(t, strings.Join(append([]string{
		"GFX_SYNC_SUPABASE_URL=https://project.supabase.co", "GFX_SYNC_SUPABASE_SERVICE_KEY=" + testKey,
	}, lines...), "\n"))
}

// abs returns a path that is absolute on this system.
func abs(path string) string {
	if runtime.GOOS == "windows" {
		return `C:` + filepath.FromSlash(path)
	}
	return path
}

func TestAServiceHasTheSettingsOfFileAndFlags(t *testing.T) {
	watch, queue := abs("/srv/gfx"), abs("/srv/queue/pending.db")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		lines, flags []string
		args         []string // among those of the service
		folders      []string
		not          []string // how none of them begins
	}{
		"all in the file": {
			[]string{"GFX_SYNC_GFX_WATCH_PATH=" + watch, "GFX_SYNC_QUEUE_DB_PATH=" + queue},
			nil,
			nil,
			[]string{watch},
			[]string{"--watch", "--queue-db"},
		},
		"all in flags": {
			nil,
			[]string{"--watch", watch, "--queue-db", queue, "--table", "t", "--scan-schedule=", "--no-watch"},
			[]string{"--watch=" + watch, "--queue-db=" + queue, "--table=t", "--scan-schedule=", "--no-watch"},
			[]string{watch},
			nil,
		},
		"relative paths": {
			nil,
			[]string{"--watch", "PC01=gfx;PC02=" + watch, "--queue-db", queue},
			[]string{"--watch=PC01=" + filepath.Join(here, "gfx") + ";PC02=" + watch},
			[]string{filepath.Join(here, "gfx"), watch},
			nil,
		},
		"a flag wins over the file": {
			[]string{"GFX_SYNC_GFX_WATCH_PATH=" + abs("/srv/other")},
			[]string{"--watch", watch},
			[]string{"--watch=" + watch},
			[]string{watch},
			nil,
		},
		"no queue database is named": {
			[]string{"GFX_SYNC_GFX_WATCH_PATH=" + watch},
			nil,
			[]string{"--queue-db=" + absolute(serviceQueueDB(t))},
			[]string{watch},
			[]string{"--watch"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &fakeManager{}
			file := serviceEnvFile(t, c.lines...)
			args := append([]string{"service", "install", "--env-file", file}, c.flags...)
			out := gfxsyncOn(t, m, environment{}, args...)
			if said := out.ok(t); !strings.HasSuffix(said, "is doing.\nKnow this.\n") {
				t.Errorf("it says %q", said)
			}
			if m.spec.Settings != file || !slices.Equal(m.spec.Folders, c.folders) || m.spec.KeyFile != "" ||
				!filepath.IsAbs(m.spec.Program) || len(m.spec.Data) == 0 {
				t.Errorf("the service is %+v", m.spec)
			}
			for _, want := range c.args {
				if !slices.Contains(m.spec.Args, want) {
					t.Errorf("no %s in %q", want, m.spec.Args)
				}
			}
			for _, arg := range m.spec.Args {
				begins := func(begin string) bool { return strings.HasPrefix(arg, begin) }
				if slices.ContainsFunc(append(c.not, "--env-file"), begins) {
					t.Errorf("%s in %q", arg, m.spec.Args)
				}
			}
			if strings.Contains(strings.Join(m.spec.Args, " "), testKey) {
				t.Errorf("the key is in %q", m.spec.Args)
			}
		})
	}
}

// serviceQueueDB returns where the queue database of a service is unless somebody names another.
func serviceQueueDB(t *testing.T) string {
	t.Helper()
	for _, one := range slices.Concat(serviceSettings(false)...) {
		if one.flag == "queue-db" {
			return one.preset
		}
	}
	t.Fatal("there is no such setting")
	return ""
}

func TestAServiceThatCouldNotWorkIsNotInstalled(t *testing.T) {
	watch := "GFX_SYNC_GFX_WATCH_PATH=" + abs("/srv/gfx")
	for name, c := range map[string]struct {
		env   environment
		lines []string
		flags []string
		says  string
	}{
		"no folder":     {nil, nil, []string{"--watch="}, `--watch is ""`},
		"a wrong value": {nil, []string{watch}, []string{"--batch-size", "x"}, `--batch-size is "x"`},
		"a wrong key": {
			nil, []string{watch, "GFX_SYNC_SUPABASE_SERVICE_KEY=hunter2hunter2"}, nil, "not a usable Supabase key",
		},
		"a setting around it": {
			environment{"GFX_SYNC_TABLE": "t"},
			[]string{watch},
			nil,
			"GFX_SYNC_TABLE is set in the environment, which a service does not get",
		},
		"a key around it": {
			environment{"GFX_SYNC_SUPABASE_KEY": testKey},
			[]string{watch},
			nil,
			"GFX_SYNC_SUPABASE_KEY is set in the environment",
		},
		"a relative folder": {
			nil,
			[]string{"GFX_SYNC_GFX_WATCH_PATH=gfx"},
			nil,
			`GFX_SYNC_GFX_WATCH_PATH is "gfx": expected an absolute path`,
		},
		"relative folders": {
			nil, []string{"GFX_SYNC_GFX_WATCH_PATH=A=" + abs("/a") + ";B=b"}, nil, "expected an absolute path",
		},
		"a relative log": {nil, []string{watch, "GFX_SYNC_LOG_FILE=gfxsync.log"}, nil, "GFX_SYNC_LOG_FILE is"},
		"a key as a flag": {
			nil, []string{watch}, []string{"--pc-id", testKey}, "--pc-id is (not shown): it looks like a key",
		},
		"an argument":          {nil, []string{watch}, []string{"now"}, `"now" is not an argument`},
		"a flag that is wrong": {nil, []string{watch}, []string{"--supabase-key", "x"}, "no flag --supabase-key"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &fakeManager{}
			file := serviceEnvFile(t, c.lines...)
			out := gfxsyncOn(t, m, c.env, append([]string{"service", "install", "--env-file", file}, c.flags...)...)
			out.refused(t, c.says)
			out.hides(t, testKey)
			if len(m.asked) > 0 {
				t.Errorf("asked %q", m.asked)
			}
		})
	}
}

func TestAPlanInstallsNothing(t *testing.T) {
	m := &fakeManager{}
	file := serviceEnvFile(t, "GFX_SYNC_GFX_WATCH_PATH="+abs("/srv/gfx"))
	out := gfxsyncOn(t, m, environment{"GFX_SYNC_ENV_FILE": file}, "service", "install", "--print").ok(t)
	if out != "the plan\n" || !slices.Equal(m.asked, []string{"plan"}) || m.spec.Settings != file {
		t.Errorf("it says %q, and asked %q for %+v", out, m.asked, m.spec)
	}
}

// TestTheKeyOfAServiceMayBeInAFileOfItsOwn, and is tried before the service is installed.
func TestTheKeyOfAServiceMayBeInAFileOfItsOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows hands no files to a service")
	}
	file := filepath.Join(t.TempDir(), "key")
	install := func(m *fakeManager, more ...string) outcome {
		return gfxsyncOn(t, m, nil, append([]string{
			"service", "install", "--supabase-url", "https://project.supabase.co", "--watch", "/srv/gfx",
			"--key-file", file,
		}, more...)...)
	}
	m := &fakeManager{}
	install(m).refused(t, "no key is among the settings, and none in a file of its own: open "+file)
	for _, c := range unfitKeys {
		if err := os.WriteFile(file, []byte(c.key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out := install(m)
		out.refused(t, file+": not a usable Supabase key", c.want)
		out.hides(t, c.key)
	}
	if len(m.asked) > 0 {
		t.Errorf("asked %q", m.asked)
	}
	if err := os.WriteFile(file, []byte("\ufeff"+testKey+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	install(m).ok(t)
	if m.spec.KeyFile != file || strings.Contains(strings.Join(m.spec.Args, " "), testKey) {
		t.Errorf("the service is %+v", m.spec)
	}
}

// TestWhoMayNotInstallIsToldSo: not of a file of settings that this person cannot read either.
func TestWhoMayNotInstallIsToldSo(t *testing.T) {
	m := &fakeManager{ready: errors.New("use sudo")}
	gfxsyncOn(t, m, nil, "service", "install", "--env-file", "none.env").refused(t, "use sudo")
	if len(m.asked) > 0 {
		t.Errorf("asked %q", m.asked)
	}
	file := serviceEnvFile(t, "GFX_SYNC_GFX_WATCH_PATH="+abs("/srv/gfx"))
	gfxsyncOn(t, m, nil, "service", "install", "--print", "--env-file", file).ok(t)
}

func TestServiceCommands(t *testing.T) {
	for verb, says := range map[string]string{
		"start": "", "stop": "", "restart": "", "uninstall": "stay:\n  /var/lib/gfxsync/pending.db\n",
	} {
		m := &fakeManager{}
		out := gfxsyncOn(t, m, nil, "service", verb).ok(t)
		if !strings.HasSuffix(out, says) || says == "" && out != "" || !slices.Equal(m.asked, []string{verb}) {
			t.Errorf("%s: it says %q, and asked %q", verb, out, m.asked)
		}
		m.err = errors.New("not today")
		gfxsyncOn(t, m, nil, "service", verb).refused(t, "not today")
		gfxsyncOn(t, m, nil, "service", verb, "gfxsync").refused(t, `"gfxsync" is not an argument`)
	}
}

// rightArgs are arguments of a service that can work.
func rightArgs(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	return []string{
		"--env-file=" + serviceEnvFile(t), "--watch=" + filepath.Join(dir, "watch"), "--no-watch",
		"--queue-db=" + filepath.Join(dir, "pending.db"),
	}
}

func TestTheStatusOfAServiceIsAnExitCode(t *testing.T) {
	for name, c := range map[string]struct {
		status service.Status
		code   int
		says   string
	}{
		"it runs": {
			service.Status{Installed: true, Running: true, State: "active", Text: "all is well"},
			exitOK, "The service runs: all is well [active]\n",
		},
		"it does not": {
			service.Status{Installed: true, State: "failed", Text: "wrong setting"},
			exitRemain, "The service does not run: wrong setting [failed]\n",
		},
		"it waits": {
			service.Status{Installed: true, Running: true, State: "running", Args: []string{"--batch-size=x"}},
			exitRemain, "The service waits, and begins by itself when this is mended: wrong setting: --batch-size is " +
				"\"x\": expected a whole number from 1 to 10000 [running]\n",
		},
		"its settings are right": {
			service.Status{Installed: true, Running: true, State: "running", Args: rightArgs(t)},
			exitOK, "The service runs [running]\n",
		},
		"it is not installed": {
			service.Status{State: "none"},
			exitRemain,
			"The service is not installed: gfxsync service install does that.\n",
		},
	} {
		m := &fakeManager{status: c.status}
		out := gfxsyncOn(t, m, nil, "service", "status")
		if out.code != c.code || out.stdout != c.says || out.stderr != "" {
			t.Errorf("%s: %+v, want %d and %q", name, out, c.code, c.says)
		}
		out = gfxsyncOn(t, m, nil, "service", "status", "--json")
		if out.code != c.code || !strings.Contains(out.stdout, `"state": "`+c.status.State+`"`) {
			t.Errorf("%s, as JSON: %+v, want %d", name, out, c.code)
		}
	}
	m := &fakeManager{err: errors.New("nobody answers")}
	gfxsyncOn(t, m, nil, "service", "status").refused(t, "nobody answers")
}

// TestWhatMayPassIsNoWrongSetting: the service manager starts the service again after one, and not after the other.
func TestWhatMayPassIsNoWrongSetting(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows lets a process ask only once whether it is a service")
	}
	env := runSettings(t)
	wrong := env.with(environment{"GFX_SYNC_BATCH_SIZE": "x"})
	gfxsyncStopped(t, wrong, "service", "run").refused(t, "GFX_SYNC_BATCH_SIZE")
	s, err := state.Open(t.Context(), env["GFX_SYNC_QUEUE_DB_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Update(t.Context(), func(v state.View) error { return v.NoteAlwaysOn(t.Context()) }); err != nil {
		t.Fatal(err)
	}
	unlock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	out := gfxsync(t.Context(), env, "service", "run")
	if out.code != exitRemain || !strings.Contains(out.stderr, "gfxsync: ") {
		t.Errorf("beside another agent: %+v, want exit code %d", out, exitRemain)
	}
}
