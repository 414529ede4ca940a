package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestAStopWhileTheAgentStartsIsNoFailure(t *testing.T) {
	dir := t.TempDir()
	o := gfxsyncStopped(t, environment{}, "run", "--watch", dir, "--local", filepath.Join(t.TempDir(), "local.db"),
		"--queue-db", filepath.Join(t.TempDir(), "pending.db"))
	if o.code != exitOK || !strings.Contains(o.stderr, "msg=stopped") {
		t.Errorf("exit code %d, %q, want that it has stopped", o.code, o.stderr)
	}
}
