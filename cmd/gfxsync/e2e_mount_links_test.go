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

var linksBack = map[string]string{
	"1015/above": "..", "1015/above, too": "..", "itself": ".", "1016/deep/far above": "../..",
}

// linkBack makes links underneath to folders that they lie in.
func (m *mount) linkBack(t *testing.T) {
	t.Helper()
	makeDirs(t, filepath.Join(m.under, "1016/deep"))
	for link, to := range linksBack {
		if err := os.Symlink(to, filepath.Join(m.under, link)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(m.dir, "1015/above, too/1015/above/itself/1015")); err != nil {
		t.Fatalf("the mount follows no links: %v", err)
	}
}

// hasLinksThatLeadBack: an SMB server follows links by itself, as this bindfs does. With a link to a folder above, what
// they show has no end, and with two it doubles at every turn.
func hasLinksThatLeadBack(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	all := sampleTree()
	all.writeTo(t, m.under)
	_, files := all.jsonFiles()
	m.linkBack(t)
	s.start(scansOnly...)
	synced := func(st *reconcile.Status) bool { return st.Synced == files && st.Files == files && st.Pending == 0 }
	s.waitStatus("all files synced, each under one name", synced)
	check := append([]string{"check", "--watch", s.watch, "--queue-db", s.queue}, s.args...)
	out, _ := s.command(check...).CombinedOutput() // its exit code is of all parts
	if !strings.Contains(string(out), "leads back to a folder that it lies in → remove the link there") {
		t.Errorf("check does not name a folder that leads back:\n%s", out)
	}
	late := sample.New(900).Play(1).JSON()
	writeFile(t, filepath.Join(m.under, "1015/late.json"), late)
	rows.wait(late)
	files++
	s.waitStatus("the late file is known", synced)
	s.moreScans(3, func(st *reconcile.Status) {
		if !synced(st) {
			t.Errorf("a scan has changed what is known: %+v", st)
		}
	})
	for link := range linksBack {
		if n := strings.Count(s.log.String(), link+": the folder leads back"); n != 1 {
			t.Errorf("the log names %s %d times, want once:\n%s", link, n, s.log)
		}
	}
	if r := s.mustPass(0, "verify"); r.Files != files || len(r.Problems) != len(linksBack) {
		t.Errorf("verify says %+v, want %d files, and a problem of each link", r, files)
	}
	s.stop()

	for link := range linksBack {
		if err := os.Remove(filepath.Join(m.under, link)); err != nil {
			t.Fatal(err)
		}
	}
	if r := s.mustPass(0, "reconcile"); r.Files != files || r.Gone != 0 || len(r.Problems) != 0 {
		t.Errorf("without the links, reconcile says %+v", r)
	}
}
