package reconcile

import (
	"context"
	"fmt"
	"testing"

	"github.com/gfxsync/gfxsync/store"
)

// runOpened runs an agent that the test can look into, until the test ends.
func (p *production) runOpened() *Agent {
	p.t.Helper()
	a, err := Open(p.t.Context(), p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
		if err := a.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return a
}

// TestWhatALargeRequestLeavesIsExpandedSoon, and waits for no pass.
func TestWhatALargeRequestLeavesIsExpandedSoon(t *testing.T) {
	t.Parallel()
	p := expandingProduction(t, 4)
	p.cfg.Schedules = Schedules{}
	a := p.runOpened()
	eventually(t, "the pass at the start has expanded all", func() bool {
		return p.hands() == "12" && !a.scheduler.passes.isRunning()
	})
	last := p.status().LastReconcile.At
	p.server.Exec(t, `delete from gfx_hands`)
	items := make([]store.Item, manySessions)
	for i := range items {
		session := int64(i)
		items[i].Record = store.Record{SessionID: &session, FileHash: fmt.Sprintf("%032x", i)}
	}
	l := newOutbox(&a.cfg, a.state, a.large)
	if err := l.Acknowledged(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are expanded again", func() bool { return p.hands() == "12" })
	if at := p.status().LastReconcile.At; !at.Equal(last) {
		t.Error("that took a pass")
	}
}

// TestASmallRequestLeavesNothingStale, and so nobody is told of it.
func TestASmallRequestLeavesNothingStale(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	large := make(chan struct{}, 1)
	l := newOutbox(&p.cfg, p.state(t), large)
	for _, tc := range []struct{ records, told int }{{manySessions - 1, 0}, {manySessions, 1}, {manySessions, 1}} {
		items := make([]store.Item, tc.records)
		for i := range items {
			items[i].Record.FileHash = fmt.Sprintf("%032x", i)
		}
		if err := l.Acknowledged(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if len(large) != tc.told {
			t.Errorf("%d records: told %d times, want %d", tc.records, len(large), tc.told)
		}
	}
}
