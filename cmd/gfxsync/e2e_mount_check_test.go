//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/sample"
)

// isKnownToCheck: the command check tells that files change there without an event.
func isKnownToCheck(t *testing.T, m *mount) {
	c := newCheckup(t)
	c.watch = m.dir
	c.expect(0, "✓", "events", m.dir+" is a FUSE mount", "no event", "changed lately every second",
		"scan schedule, @every 30s")
	c.expect(0, "✓", "watch", m.dir+": 0 files in 1 folder")

	settings := c.env
	c.env = append(c.env, "GFX_SYNC_HOT_SCAN=off")
	c.expect(0, "!", "events", "no event", "scan schedule, @every 30s", "GFX_SYNC_HOT_SCAN")
	c.env = settings
	c.env = append(c.env, "GFX_SYNC_SCAN_SCHEDULE=", "GFX_SYNC_RECONCILE_SCHEDULE=", "GFX_SYNC_FULL_SCHEDULE=")
	c.expect(1, "✗", "events", "scan schedule, which is empty", "set GFX_SYNC_SCAN_SCHEDULE")
	c.env = settings

	c.queue = filepath.Join(m.dir, "state", "pending.db")
	c.watch = t.TempDir()
	code := 0
	if m.smb { // smbnetfs says of every disk that it is full
		code = 1
	}
	c.expect(code, "!", "queue", c.queue+" is on a FUSE mount", "GFX_SYNC_QUEUE_DB_PATH")
}

// hasItsSavesNoticedByCheck: another machine saves, of which no event tells.
func hasItsSavesNoticedByCheck(t *testing.T, m *mount) {
	s := newScene(t)
	s.watch = m.dir
	session := sample.New(1)
	writeFile(t, filepath.Join(m.under, "hand.json"), session.Play(1).JSON())
	said, printed, wait := startCheck(t, s, "--watch-for", "10m")
	eventually(t, "the check waits for a save", func() bool { return strings.Contains(said.String(), "waiting up to") })
	writeFile(t, filepath.Join(m.under, "hand.json"), session.Play(1).JSON())
	if err := wait(); err != nil {
		t.Errorf("%v\n%s%s", err, said, printed)
	}
	line := lineOf(printed.String(), "save")
	for _, says := range []string{
		"hand.json was noticed by listing the folder", "no event told of it",
		"gfxsync run lists the folders in which something changed lately every second",
	} {
		if !strings.Contains(line, says) {
			t.Errorf("%q does not say %q", line, says)
		}
	}
	t.Log(line)
}
