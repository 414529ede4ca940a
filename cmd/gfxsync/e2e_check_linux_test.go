package main

import (
	"path/filepath"
	"testing"
)

// TestCheckKnowsAMount runs the command on a mount behind which files change without an event.
func TestCheckKnowsAMount(t *testing.T) {
	t.Parallel()
	m := bindfsMount(t)
	c := newCheckup(t)
	c.watch = m.dir
	c.expect(0, "!", "events", m.dir+" is a FUSE mount", "no event", "scan schedule, @every 30s", "GFX_SYNC_SCAN_SCHEDULE")
	c.expect(0, "✓", "watch", m.dir+": 0 files in 1 folder")

	schedules := c.env
	c.env = append(c.env, "GFX_SYNC_SCAN_SCHEDULE=", "GFX_SYNC_RECONCILE_SCHEDULE=", "GFX_SYNC_FULL_SCHEDULE=")
	c.expect(1, "✗", "events", "scan schedule, which is empty", "set GFX_SYNC_SCAN_SCHEDULE")
	c.env = schedules

	c.queue = filepath.Join(m.dir, "state", "pending.db")
	c.watch = t.TempDir()
	c.expect(0, "!", "queue", c.queue+" is on a FUSE mount", "GFX_SYNC_QUEUE_DB_PATH")
}
