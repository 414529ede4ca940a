package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCommandLinesThatCannotBeUnderstood(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"bogus"}, `"bogus"`},
		{[]string{"bogus", "--help-me"}, `"bogus"`},
		{[]string{"queue", "bogus"}, "bogus"},
		{[]string{"invalid", "bogus"}, "bogus"},
		{[]string{"--bogus"}, "-bogus; see --help"},
		{[]string{"run", "--bogus"}, "-bogus; see --help"},
		{[]string{"run", "--bogus=1"}, "-bogus; see --help"},
		{[]string{"run", "--batch-size"}, "-batch-size; see --help"},
		{[]string{"run", "--supabase-service-key", "x"}, "-supabase-service-key; see --help"},
		{[]string{"status", "--bogus"}, "-bogus; see --help"},
		{[]string{"status", "--watch", "x"}, "-watch; see --help"},
		{[]string{"status", "--json=maybe"}, "-json"},
		{[]string{"version", "--bogus"}, "-bogus; see --help"},
		{[]string{"demo", "--bogus"}, "-bogus; see --help"},
		{[]string{"queue", "--bogus"}, "-bogus; see --help"},
		{[]string{"queue", "list", "--bogus"}, "-bogus; see --help"},
		{[]string{"queue", "retry", "--json"}, "-json; see --help"},
		{[]string{"queue", "drop", "--bogus"}, "-bogus; see --help"},
		{[]string{"invalid", "list", "--bogus"}, "-bogus; see --help"},
		// An argument where none belongs was meant for something, as the folder to watch.
		{[]string{"run", "C:/GFX/output"}, `"C:/GFX/output" is not an argument of this command; see --help`},
		{[]string{"status", "pending.db"}, `"pending.db" is not an argument of this command; see --help`},
		{[]string{"queue", "list", "3"}, `"3" is not an argument of this command; see --help`},
		{[]string{"invalid", "list", "3"}, `"3" is not an argument of this command; see --help`},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			gfxsyncStopped(t, runSettings(t), c.args...).refused(t, c.says)
		})
	}
}

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args   []string
		groups [][]setting
		says   []string
	}{
		{nil, nil, []string{"run", "status", "queue", "invalid", "demo", "version"}},
		{[]string{"run"}, runGroups, nil},
		{[]string{"status"}, [][]setting{stateSettings}, []string{"--json"}},
		{[]string{"queue"}, nil, []string{"list", "retry", "drop"}},
		{[]string{"queue", "list"}, [][]setting{stateSettings}, []string{"--json"}},
		{[]string{"queue", "retry"}, [][]setting{stateSettings}, []string{"[ID …]"}},
		{[]string{"queue", "drop"}, [][]setting{stateSettings}, []string{"[ID …]"}},
		{[]string{"invalid"}, nil, []string{"list"}},
		{[]string{"invalid", "list"}, [][]setting{stateSettings}, []string{"--json"}},
		{[]string{"demo"}, nil, []string{"needs no settings"}},
		{[]string{"version"}, nil, []string{"print the version"}},
	} {
		t.Run(strings.Join(append([]string{"gfxsync"}, c.args...), " "), func(t *testing.T) {
			help := gfxsyncStopped(t, nil, append(c.args, "--help")...).ok(t)
			wanted := slices.Clone(c.says)
			if c.groups != nil {
				wanted = append(wanted, "--env-file", "[GFX_SYNC_ENV_FILE]")
			}
			for _, group := range c.groups {
				for _, s := range group {
					wanted = append(wanted, s.usage)
					if s.flag != "" {
						wanted = append(wanted, "--"+s.flag+" ", "["+s.env[0]+"]")
					} else {
						wanted = append(wanted, s.env...)
					}
					if s.preset != "" {
						wanted = append(wanted, "(default: "+s.preset+")")
					}
				}
			}
			for _, want := range wanted {
				if !strings.Contains(help, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			for line := range strings.Lines(help) {
				if strings.Contains(line, "KEY") && strings.Contains(line, "default") {
					t.Errorf("a key has no default: %s", line)
				}
			}
			if t.Failed() {
				t.Log(help)
			}
		})
	}
}

// The environment of whoever asks for help does not show in it.
func TestHelpShowsNoSettings(t *testing.T) {
	gfxsyncStopped(t, runSettings(t), "run", "--help").hides(t, testKey)
	if help := gfxsyncStopped(t, runSettings(t).with(environment{"GFX_SYNC_PC_ID": "pc-of-the-test"}), "run", "--help").ok(t); strings.Contains(help, "pc-of-the-test") {
		t.Error(help)
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	help := gfxsync(t.Context(), nil, "--help").ok(t)
	if bare := gfxsync(t.Context(), nil).ok(t); bare != help {
		t.Errorf("without a command it prints %q", bare)
	}
	_, list, _ := strings.Cut(help, "COMMANDS:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	count := 0
	for line := range strings.Lines(list) {
		name := strings.Fields(line)[0]
		count++
		out := gfxsyncStopped(t, nil, name, "--help").ok(t)
		if !strings.Contains(out, "gfxsync "+name) || !strings.Contains(out, "USAGE:") {
			t.Errorf("%s --help prints %q", name, out)
		}
	}
	if count < 6 {
		t.Errorf("%d commands in %q", count, help)
	}
}

func TestVersion(t *testing.T) {
	was := version
	defer func() { version = was }()
	for given, want := range map[string]string{"v1.2.3": "gfxsync v1.2.3\n", "": "gfxsync " + versionText() + "\n"} {
		version = given
		if got := gfxsync(t.Context(), nil, "version").ok(t); got != want || got == fmt.Sprintln("gfxsync ") {
			t.Errorf("it prints %q, want %q", got, want)
		}
	}
}
