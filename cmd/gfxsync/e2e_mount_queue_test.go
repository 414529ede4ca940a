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

// holdsTheQueueDatabase works, as far as one machine can tell, and so is warned of.
func holdsTheQueueDatabase(t *testing.T, m *mount) {
	s, rows := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
	s.queue = filepath.Join(m.dir, "pending.db")
	s.start()
	s.begun()
	content := sample.New(0).Play(1).JSON()
	writeFile(t, filepath.Join(s.watch, "a.json"), content)
	rows.wait(content)
	s.stop()
	for _, word := range []string{"level=WARN", s.queue, "can be damaged", "GFX_SYNC_QUEUE_DB_PATH"} {
		if !strings.Contains(s.log.String(), word) {
			t.Errorf("the log does not say %q", word)
		}
	}
}
