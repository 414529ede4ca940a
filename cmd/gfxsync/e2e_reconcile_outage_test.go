//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestAPassThatIsKilledIsMadeGoodByTheNext(t *testing.T) {
	for i := range 6 {
		t.Run(fmt.Sprint("kill ", i), func(t *testing.T) {
			t.Parallel()
			s, g := onGateway(t)
			g.SetLatency(30 * time.Millisecond)
			for n := range 300 {
				session := sample.New(n).Play(1)
				writeFile(t, filepath.Join(s.watch, fmt.Sprint(n%5), session.FileName()), session.JSON())
			}
			cmd := s.command("reconcile", "--full", "--batch-size", "20", "--watch", s.watch, "--queue-db", s.queue)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			rows := 20 + 50*i
			eventually(t, "the pass is under way", func() bool { return g.Count(t, "gfx_sessions") >= rows })
			cmd.Process.Kill()
			cmd.Wait()
			s.mustPass(0, "reconcile", "--full")
			s.mustPass(0, "verify", "--full")
			s.mustHave(g, contents(t, s.watch))
			if n := g.Count(t, "gfx_sessions"); n != 300 {
				t.Errorf("%d rows, want 300", n)
			}
		})
	}
}

func TestTheServerGoesAwayInTheMiddleOfAPass(t *testing.T) {
	t.Parallel()
	s, g := onGateway(t)
	for n := range 200 {
		session := sample.New(n).Play(1)
		writeFile(t, filepath.Join(s.watch, session.FileName()), session.JSON())
	}
	stopped := make(chan struct{})
	var written atomic.Int64
	g.SetFault(func(r *http.Request) supabasetest.Fault {
		if r.Method == http.MethodPost && written.Add(1) == 3 {
			go func() {
				defer close(stopped)
				g.Stop()
			}()
		}
		return supabasetest.Fault{DropBefore: written.Load() >= 3}
	})
	r := s.mustPass(1, "reconcile", "--full", "--batch-size", "20")
	<-stopped
	if r.InSync || r.Queued == 0 {
		t.Errorf("the pass calls itself in sync, or has queued nothing: %+v", r)
	}
	g.Heal()
	g.Start()
	s.mustPass(0, "reconcile", "--full")
	s.mustPass(0, "verify")
	s.mustHave(g, contents(t, s.watch))
}

func TestAnEmptyMountPointIsAnOutage(t *testing.T) {
	t.Parallel()
	s, g := onGateway(t)
	for n := range 12 {
		session := sample.New(n).Play(1)
		writeFile(t, filepath.Join(s.watch, session.FileName()), session.JSON())
	}
	s.start("--scan-schedule", "@every 1s")
	s.waitStatus("all synced", func(st *reconcile.Status) bool { return st.Synced == 12 })
	away := s.watch + ".away"
	if err := os.Rename(s.watch, away); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.watch, 0o755); err != nil {
		t.Fatal(err)
	}
	s.waitStatus("the outage shows", func(st *reconcile.Status) bool {
		return st.LastScan != nil && st.LastScan.Outcome == reconcile.RootUnavailable && st.Gone == 0 && st.Files == 12
	})
	r := s.mustPass(2, "verify")
	if r.Outcome != reconcile.RootUnavailable || len(r.Problems) == 0 || !strings.Contains(r.Problems[0].Error, "--accept-missing") {
		t.Errorf("verify says %+v", r)
	}
	s.mustPass(2, "reconcile", "--full")
	if st := s.status(); st.Gone != 0 || st.Files != 12 {
		t.Errorf("files were marked gone: %+v", st)
	}
	if err := os.Remove(s.watch); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(away, s.watch); err != nil {
		t.Fatal(err)
	}
	extra := sample.New(99).Play(1)
	writeFile(t, filepath.Join(s.watch, extra.FileName()), extra.JSON())
	s.waitStatus("in sync again by itself", func(st *reconcile.Status) bool { return st.Synced == 13 && st.Gone == 0 })
	s.mustPass(0, "verify")
	s.mustHave(g, contents(t, s.watch))
	s.stop()
}
