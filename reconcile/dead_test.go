package reconcile

import (
	"testing"
	"time"
)

// TestDeadContentThatReturnsInAnOutageIsSent: a file has a content that was refused until it was dead, then another
// one, then, while the remote is away, the first again. That waits like any other, and is sent when the remote is back.
func TestDeadContentThatReturnsInAnOutageIsSent(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	p.cfg.MaxRetries = 1
	p.cfg.Delivery.QueueInterval = time.Hour
	bad := p.session(t, "a.json", 1, 1)
	p.remote.change(func() { p.remote.rejects[bad] = true })
	w := p.work(t)
	w.pass(t.Context(), Scan, PassOptions{}, nil)
	eventually(t, "it is dead", func() bool { return fileState(t, p, "a.json") == "dead" })
	other := p.session(t, "a.json", 1, 2)
	w.pass(t.Context(), Scan, PassOptions{}, nil)
	eventually(t, "the other content is a row", func() bool {
		return fileState(t, p, "a.json") == "synced" && w.Idle()
	})

	p.remote.change(func() { p.remote.down, p.remote.rejects = true, nil })
	p.session(t, "a.json", 1, 1)
	w.pass(t.Context(), Scan, PassOptions{}, nil)
	eventually(t, "the first content waits", func() bool {
		return fileState(t, p, "a.json") == "queued" &&
			len(dump(t, p.cfg.QueueDB, `SELECT id FROM pending_sync WHERE NOT dead`)) == 1
	})
	p.remote.setDown(false)
	eventually(t, "it is a row", func() bool { return fileState(t, p, "a.json") == "synced" && w.Idle() })
	p.wantRows(t, bad, other)
}
