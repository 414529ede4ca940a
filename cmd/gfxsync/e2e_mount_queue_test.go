//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/sample"
)

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
