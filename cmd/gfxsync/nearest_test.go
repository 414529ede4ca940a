package main

import (
	"strings"
	"testing"
)

func TestTheNearestName(t *testing.T) {
	commands := []string{"run", "check", "reconcile", "verify", "status", "queue", "invalid", "schema", "demo", "version", "help"}
	flags := []string{"env-file", "supabase-url", "watch", "queue-db", "batch-size", "full", "json", "dry-run"}
	for _, c := range []struct {
		typed string
		known []string
		want  string
	}{
		{"rnu", commands, "run"},
		{"stauts", commands, "status"},
		{"staus", commands, "status"},
		{"Verify", commands, "verify"},
		{"recon", commands, "reconcile"},
		{"versions", commands, "version"},
		{"frobnicate", commands, ""},
		{"x", commands, ""},
		{"", commands, ""},
		{"bogus", flags, ""},
		{"wathc", flags, "watch"},
		{"env", flags, "env-file"},
		{"url", flags, "supabase-url"},
		{"dryrun", flags, "dry-run"},
		{"queue-database", flags, "queue-db"},
	} {
		if got := nearest(c.typed, c.known); got != c.want {
			t.Errorf("for %q it is %q, want %q", c.typed, got, c.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "ab", 2},
		{"ab", "", 2},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "ac", 1},
		{"abc", "abxc", 1},
		{"abc", "acb", 1},
		{"kitten", "sitting", 3},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q it is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestAVariableThatIsMistypedIsNamedWithTheRightOne(t *testing.T) {
	for typed, want := range map[string]string{
		"GFX_SYNC_WATCH_PATH":           "GFX_SYNC_GFX_WATCH_PATH",
		"GFX_SYNC_URL":                  "GFX_SYNC_SUPABASE_URL",
		"GFX_SYNC_SUPABASE_SERVICE_KYE": "GFX_SYNC_SUPABASE_SERVICE_KEY",
		"GFX_SYNC_KEY":                  "GFX_SYNC_SUPABASE_KEY",
		"GFX_SYNC_QUEUE_PATH":           "GFX_SYNC_QUEUE_DB_PATH",
		"GFX_SYNC_BTACH_SIZE":           "GFX_SYNC_BATCH_SIZE",
		"GFX_SYNC_MAX_RETRY":            "GFX_SYNC_MAX_RETRIES",
		"GFX_SYNC_LOGLEVEL":             "GFX_SYNC_LOG_LEVEL",
		"GFX_SYNC_ENVFILE":              "GFX_SYNC_ENV_FILE",
		"GFXSYNC_TABLE":                 "GFX_SYNC_TABLE",
		"GFX_SYNK_HASH":                 "GFX_SYNC_HASH",
	} {
		for where, o := range map[string]outcome{
			"in the environment": gfxsyncStopped(t, runSettings(t).with(environment{typed: "x"}), "run"),
			"gfxsync.env":        gfxsyncStopped(t, runSettings(t), "run", "--env-file", writeEnvFile(t, typed+"=x\n")),
		} {
			o.refused(t, typed, where, "did you mean "+want+"?")
		}
	}
	// Without a name that is near, help is named.
	gfxsyncStopped(t, runSettings(t).with(environment{"GFX_SYNC_FROBNICATE": "x"}), "run").refused(t, "gfxsync run --help")
	// The key may stand in the wrong place there too.
	o := gfxsyncStopped(t, runSettings(t).with(environment{"GFX_SYNC_" + testKey: "x"}), "run")
	o.refused(t, "(not shown) in the environment is no setting")
	o.hides(t, testKey)
}

// What is known is known to every command, and names of other programs stop nothing.
func TestKnownVariablesStopNoCommand(t *testing.T) {
	env := runSettings(t)
	for _, name := range knownVariables() {
		if _, ok := env[name]; !ok {
			env[name] = ""
		}
	}
	env["PATH"], env["GFXSYNC_EXPORTS"], env["SYNC_TABLE"] = "x", "x", "x"
	if _, err := configured(t, env); err != nil {
		t.Error(err)
	}
	if len(knownVariables()) < 30 {
		t.Errorf("known are %s", strings.Join(knownVariables(), " "))
	}
}
