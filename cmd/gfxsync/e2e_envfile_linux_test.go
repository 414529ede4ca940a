package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSettingsThatMayNotBeRead: settings that are there and may not be read must not be passed over. Nor may another
// account's home stop a command.
func TestSettingsThatMayNotBeRead(t *testing.T) {
	s := newScene(t)
	s.asAnother()
	home := filepath.Join(t.TempDir(), "home")
	config := filepath.Join(home, ".config")
	makeDirs(t, config)
	letThrough(t, config)
	file := filepath.Join(config, "gfxsync", envFileName)
	writeFile(t, file, []byte("GFX_SYNC_TABLE=from_file\n"))
	schema := func() outcome {
		t.Helper()
		var stdout, stderr strings.Builder
		cmd := s.command("schema")
		cmd.Env = append(cleanEnv(), "XDG_CONFIG_HOME="+config)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return outcome{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	}
	checkLine(t, schema().ok(t), "CREATE TABLE", `"from_file"`)
	if err := os.Chmod(file, 0); err != nil {
		t.Fatal(err)
	}
	schema().refused(t, "the settings are in "+file, "which this account may not read", "--env-file", "permission denied")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	schema().refused(t, "the settings are in "+file)
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	checkLine(t, schema().ok(t), "CREATE TABLE", `"gfx_sessions"`)
}
