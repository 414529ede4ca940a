package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fakeSystemctl is a systemctl that remembers what it was asked, and answers what it was told to.
type fakeSystemctl struct {
	asked []string
	fails string // the verb that fails
	shows string // the answer to show
}

func (f *fakeSystemctl) run(_ context.Context, args ...string) (string, error) {
	f.asked = append(f.asked, strings.Join(args, " "))
	verb := strings.TrimPrefix(strings.Join(args, " ")+" ", "--user ")
	verb, _, _ = strings.Cut(verb, " ")
	switch {
	case verb == f.fails:
		return "", fmt.Errorf("systemctl %s: no", verb)
	case verb == "show":
		return f.shows, nil
	}
	return "", nil
}

const (
	showsRunning = "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nExecMainStatus=0\n" +
		"StatusText=all is well\n"
	showsFailed = "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=2\n" +
		"StatusText=wrong setting: x=y\n"
	showsKilled = "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=watchdog\n" +
		"ExecMainStatus=6\nStatusText=all is well\n"
	showsUnstarted = "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\n" +
		"ExecMainStatus=243\nStatusText=\n"
	showsStopped = "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nStatusText=stopped\n"
	showsNone    = "LoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\nStatusText=\n"
)

// here is a Systemd of a folder of units, and of a fake systemctl.
func here(t *testing.T, user bool) (*Systemd, *fakeSystemctl) {
	f := &fakeSystemctl{shows: showsRunning}
	return &Systemd{User: user, Dir: filepath.Join(t.TempDir(), "units"), Run: f.run}, f
}

func TestAnInstallationAndItsEnd(t *testing.T) {
	for _, user := range []bool{false, true} {
		t.Run(fmt.Sprintf("user %v", user), func(t *testing.T) {
			m, f := here(t, user)
			spec, flag := local, ""
			if user {
				spec, flag = mine, "--user "
			}
			notes, err := m.Install(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			if user != slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "loginctl") }) {
				t.Errorf("the notes are %q", notes)
			}
			text, err := os.ReadFile(filepath.Join(m.Dir, "gfxsync.service"))
			if want, failed := m.unit(spec); err != nil || failed != nil || string(text) != want {
				t.Errorf("the unit is %q (%v, %v), want %q", text, err, failed, want)
			}
			asked := []string{
				flag + "daemon-reload", flag + "enable gfxsync.service", flag + "restart gfxsync.service",
			}
			if !slices.Equal(f.asked, asked) {
				t.Errorf("asked %q, want %q", f.asked, asked)
			}
			f.asked = nil
			f.fails = "reset-failed" // it fails where nothing has failed
			stays, err := m.Uninstall(t.Context())
			if err != nil || !slices.Equal(stays, spec.stays()) {
				t.Errorf("uninstalled: %q stays (%v), want %q", stays, err, spec.stays())
			}
			asked = []string{
				flag + "disable --now gfxsync.service", flag + "daemon-reload", flag + "reset-failed gfxsync.service",
			}
			if !slices.Equal(f.asked, asked) {
				t.Errorf("asked %q, want %q", f.asked, asked)
			}
			if left, err := os.ReadDir(m.Dir); err != nil || len(left) > 0 {
				t.Errorf("%v is left (%v)", left, err)
			}
			if _, err := m.Uninstall(t.Context()); !errors.Is(err, ErrNotInstalled) {
				t.Errorf("uninstalled again: %v", err)
			}
		})
	}
}

// TestAPlanIsWhatIsInstalled: every line of it, with its path and what is asked of systemctl, and nothing is done.
func TestAPlanIsWhatIsInstalled(t *testing.T) {
	m, f := here(t, true)
	plan, err := m.Plan(mine)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.Dir); err == nil || len(f.asked) > 0 {
		t.Errorf("something was done: %q (%v)", f.asked, err)
	}
	if _, err := m.Install(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(m.Dir, "gfxsync.service")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range append([]string{"# " + file + "\n" + string(text)}, f.asked...) {
		if !strings.Contains(plan, part) {
			t.Errorf("the plan does not say %q", part)
		}
	}
}

func TestAnInstallationThatIsRefusedLeavesNothing(t *testing.T) {
	m, f := here(t, false)
	if _, err := m.Install(t.Context(), with(local, func(s *Spec) { s.Account = "a b" })); !errors.Is(err, ErrRefused) {
		t.Errorf("a wrong account: %v", err)
	}
	refuses := errors.New("not on this machine")
	m.Check = func(Spec) error { return refuses }
	if _, err := m.Install(t.Context(), local); !errors.Is(err, refuses) {
		t.Errorf("a machine that is not fit: %v", err)
	}
	if _, err := os.Stat(m.Dir); err == nil || len(f.asked) > 0 {
		t.Errorf("something was done: %q (%v)", f.asked, err)
	}
}

// TestAServiceThatDoesNotStartIsInstalled: what is wrong is said, and stays to be mended.
func TestAServiceThatDoesNotStartIsInstalled(t *testing.T) {
	m, f := here(t, false)
	f.fails, f.shows = "restart", showsFailed
	_, err := m.Install(t.Context(), local)
	if !errors.Is(err, ErrNotStarted) || !strings.Contains(err.Error(), "wrong setting: x=y (journalctl -u gfxsync") {
		t.Errorf("installed: %v", err)
	}
	if _, err := os.Stat(m.unitFile()); err != nil {
		t.Error(err)
	}
	f.fails = "start"
	if err := m.Start(t.Context()); !errors.Is(err, ErrNotStarted) || !strings.Contains(err.Error(), "x=y") {
		t.Errorf("started: %v", err)
	}
	f.fails = "enable"
	if _, err := m.Install(t.Context(), local); err == nil || errors.Is(err, ErrNotStarted) {
		t.Errorf("not enabled: %v", err)
	}
}

func TestHowAServiceIsDoing(t *testing.T) {
	for name, c := range map[string]struct {
		shows string
		want  Status
	}{
		"it runs":            {showsRunning, Status{true, true, "active (running)", "all is well", nil}},
		"a setting is wrong": {showsFailed, Status{true, false, "failed (failed)", "wrong setting: x=y", nil}},
		"it hung":            {showsKilled, Status{true, false, "activating (auto-restart)", "(watchdog, 6)", nil}},
		"it never began": {
			showsUnstarted, Status{true, false, "activating (auto-restart)", "(exit-code, 243)", nil},
		},
		"it was stopped":      {showsStopped, Status{true, false, "inactive (dead)", "stopped", nil}},
		"it is not installed": {showsNone, Status{false, false, "inactive (dead)", "", nil}},
	} {
		m, f := here(t, false)
		f.shows = c.shows
		if got, err := m.Status(t.Context()); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v (%v), want %+v", name, got, err, c.want)
		}
	}
	m, f := here(t, false)
	f.shows = ""
	if got, err := m.Status(t.Context()); err == nil {
		t.Errorf("nothing is shown: %+v", got)
	}
	f.fails = "show"
	if got, err := m.Status(t.Context()); err == nil {
		t.Errorf("systemctl fails: %+v", got)
	}
}

func TestAServiceIsControlled(t *testing.T) {
	for verb, control := range map[string]func(*Systemd, context.Context) error{
		"start": (*Systemd).Start, "stop": (*Systemd).Stop, "restart": (*Systemd).Restart,
	} {
		m, f := here(t, true)
		if err := control(m, t.Context()); err != nil || f.asked[len(f.asked)-1] != "--user "+verb+" gfxsync.service" {
			t.Errorf("%s: asked %q (%v)", verb, f.asked, err)
		}
		f.asked, f.shows = nil, showsNone
		if err := control(m, t.Context()); !errors.Is(err, ErrNotInstalled) || len(f.asked) != 1 {
			t.Errorf("%s of what is not installed: %v, asked %q", verb, err, f.asked)
		}
	}
}
