//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// TestAFolderThatWasNeverReadable: of such a folder the index knows nothing, so nothing in it is missing by any
// comparison. It is known to be wrong all the same.
func TestAFolderThatWasNeverReadable(t *testing.T) {
	s, _ := onLocal(t, "")
	s.asAnother()
	letThrough(t, s.watch)
	state := t.TempDir()
	if err := os.Chown(state, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	letThrough(t, filepath.Dir(state))
	s.queue = filepath.Join(state, "pending.db")
	s.args = []string{"--local", filepath.Join(state, "local.db")}
	writeFile(t, filepath.Join(s.watch, "a.json"), sample.New(1).Play(1).JSON())
	closed := filepath.Join(s.watch, "table 2")
	makeDirs(t, closed)
	writeFile(t, filepath.Join(closed, "b.json"), sample.New(2).Play(1).JSON())
	if err := os.Chmod(filepath.Join(s.watch, "a.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	named := func(r *reconcile.Report) {
		t.Helper()
		if r.InSync || r.Outcome != reconcile.Incomplete || len(r.Roots) != 1 || r.Roots[0].Unread != 1 ||
			!strings.Contains(r.Roots[0].UnreadFirst, "table 2") || len(r.Problems) == 0 {
			t.Errorf("the report does not name the folder: %+v", r)
		}
	}
	named(s.mustPass(1, "reconcile"))
	named(s.mustPass(2, "verify"))
	s.start(scansOnly...)
	s.waitStatus("status names the folder", func(st *reconcile.Status) bool {
		return st.LastScan != nil && len(st.LastScan.Roots) == 1 && st.LastScan.Roots[0].Unread == 1
	})
	s.stop()
	out, err := s.command("status", "--queue-db", s.queue).CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n\n")
	if err != nil || !strings.HasPrefix(first, "! ") || !strings.Contains(first, "could not be read") ||
		!strings.Contains(first, "table 2") {
		t.Errorf("status does not begin with the folder (%v):\n%s", err, out)
	}

	if err := os.Chmod(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(closed, "b.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := s.mustPass(0, "reconcile"); r.Uploaded != 1 {
		t.Errorf("after the folder may be read: %+v", r)
	}
}
