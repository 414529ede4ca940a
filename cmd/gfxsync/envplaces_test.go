package main

import (
	"bytes"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// inPlaces runs gfxsync schema, which prints the name of the table, with these places for the file of settings.
func inPlaces(t *testing.T, places ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{lookupEnv: environment{}.lookup, envPlaces: places, stdout: &stdout, stderr: &stderr}
	code := p.run(t.Context(), []string{"gfxsync", "schema"})
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

func TestTheFirstPlaceWithAFileIsTaken(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent", envFileName)
	first, second := writeEnvFile(t, "GFX_SYNC_TABLE=from_first\n"), writeEnvFile(t, "GFX_SYNC_TABLE=from_second\n")
	for _, c := range []struct {
		places []string
		want   string
	}{
		{nil, "gfx_sessions"},
		{[]string{absent}, "gfx_sessions"},
		{[]string{absent, second}, "from_second"},
		{[]string{first, second}, "from_first"},
		{[]string{first, absent}, "from_first"},
	} {
		checkLine(t, inPlaces(t, c.places...).ok(t), "CREATE TABLE", `"`+c.want+`"`)
	}
}

func TestWhereTheFileOfSettingsIsLookedFor(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Setenv("AppData", `C:\Users\gfx\AppData\Roaming`)
		for given, want := range map[string]string{"": `C:\ProgramData`, "relative": `C:\ProgramData`, `D:\Data`: `D:\Data`} {
			t.Setenv("ProgramData", given)
			want := []string{`C:\Users\gfx\AppData\Roaming\gfxsync\gfxsync.env`, want + `\gfxsync\gfxsync.env`}
			if got := envPlaces(); !slices.Equal(got, want) {
				t.Errorf("with ProgramData=%s they are %q, want %q", given, got, want)
			}
		}
		return
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	user := filepath.Join(dir, "config")
	if runtime.GOOS == "darwin" {
		user = filepath.Join(dir, "Library", "Application Support")
	}
	if got, want := envPlaces(), []string{user + "/gfxsync/gfxsync.env", "/etc/gfxsync/gfxsync.env"}; !slices.Equal(got, want) {
		t.Errorf("they are %q, want %q", got, want)
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	if got := envPlaces(); !slices.Equal(got, []string{"/etc/gfxsync/gfxsync.env"}) {
		t.Errorf("without a home they are %q", got)
	}
}
