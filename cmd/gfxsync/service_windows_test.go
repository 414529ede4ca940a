package main

import (
	"slices"
	"strings"
	"testing"
)

// TestThePasswordOfAnAccount comes from the environment where it cannot be asked for, and goes to Windows alone.
func TestThePasswordOfAnAccount(t *testing.T) {
	const password = "correct horse"
	file := serviceEnvFile(t, "GFX_SYNC_GFX_WATCH_PATH=//NAS/gfx")
	install := []string{"service", "install", "--env-file", file, "--account"}
	for account, want := range map[string]string{
		`STUDIO\gfx`: password, `STUDIO\gfx$`: "", `NT AUTHORITY\LocalService`: "",
	} {
		m := &fakeManager{}
		out := gfxsyncOn(t, m, environment{passwordVariable: password}, append(install, account)...)
		out.ok(t)
		out.hides(t, password)
		if m.spec.Password != want || strings.Contains(strings.Join(m.spec.Args, " "), password) {
			t.Errorf("%s: the password is %q", account, m.spec.Password)
		}
		m = &fakeManager{}
		if out := gfxsyncOn(t, m, nil, append(install, account)...); want == "" {
			out.ok(t)
		} else {
			out.refused(t, passwordVariable)
		}
	}
}

// TestAServiceOfWindowsLogsToAFile beside its queue database, unless another is named: it has no standard error.
func TestAServiceOfWindowsLogsToAFile(t *testing.T) {
	for lines, want := range map[string]string{
		"":                                 `C:\GFX\sync_queue\gfxsync.log`,
		`GFX_SYNC_QUEUE_DB_PATH=D:\q\p.db`: `D:\q\gfxsync.log`,
		`GFX_SYNC_LOG_FILE=D:\log\x.log`:   `D:\log\x.log`,
	} {
		m := &fakeManager{}
		gfxsyncOn(t, m, nil, "service", "install", "--env-file", serviceEnvFile(t, lines)).ok(t)
		if !slices.Contains(m.spec.Data, want) {
			t.Errorf("%q: the files are %q, want %s", lines, m.spec.Data, want)
		}
		inFile := strings.HasPrefix(lines, "GFX_SYNC_LOG")
		if slices.Contains(m.spec.Args, "--log-file="+want) == inFile {
			t.Errorf("%q: the arguments are %q", lines, m.spec.Args)
		}
	}
}
