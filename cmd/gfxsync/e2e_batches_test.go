//go:build unix

package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// TestABurstOf500FilesWithASlowServer: what comes while a request is under way travels together in the next one. The
// server takes its time until all files are known, so the number of requests says so on a busy machine as well. How
// long a burst takes is for reconcile/bench.
func TestABurstOf500FilesWithASlowServer(t *testing.T) {
	t.Parallel()
	g := supabasetest.New(t)
	s := newScene(t).onSupabase(g, g.SecretKey)
	s.start("--http-timeout", "10m") // or a request that is held would be an outage
	s.waitStatus("the link is known", func(st *reconcile.Status) bool { return st.Link == "online" })
	g.ResetRequests()
	release := hold(t, g)
	files := tree{}
	for i := range 500 {
		name := fmt.Sprintf("session-%03d.json", i)
		files[name] = sample.New(i).Play(2).JSON()
		writeFile(t, filepath.Join(s.watch, name), files[name])
	}
	s.waitStatus("all files known", func(st *reconcile.Status) bool { return st.Pending == 500 })
	release()
	eventually(t, "500 rows", func() bool { return g.Count(t, "gfx_sessions") == 500 })
	checkSupabase(t, g, files)
	s.stop()
	if n := posts(g); n > 3 {
		t.Errorf("500 files took %d requests, want the first and one or two for the rest", n)
	}
}

// hold keeps the gateway from doing anything about a request until release is called.
func hold(t *testing.T, g *supabasetest.Server) (release func()) {
	t.Helper()
	held := make(chan struct{})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release) // before the gateway closes, which waits for its requests
	g.SetFault(func(*http.Request) supabasetest.Fault {
		<-held
		return supabasetest.Fault{}
	})
	return release
}

// posts returns how many requests have brought rows.
func posts(g *supabasetest.Server) (n int) {
	for _, r := range g.Requests() {
		if r.Method == http.MethodPost && r.Rows > 0 { // without rows it asks what the table has, once
			n++
		}
	}
	return n
}

func TestModifiedFilesTravelInBatches(t *testing.T) {
	t.Parallel()
	g := supabasetest.New(t)
	s := newScene(t).onSupabase(g, g.SecretKey)
	const interval = 2 * time.Second
	s.start("--flush-interval", interval.String())
	sessions := make([]*sample.Session, 30)
	for i := range sessions {
		sessions[i] = sample.New(i).Play(1)
		writeFile(t, filepath.Join(s.watch, sessions[i].FileName()), sessions[i].JSON())
	}
	s.waitStatus("first versions synced", func(st *reconcile.Status) bool { return st.Synced == 30 && st.Pending == 0 })
	g.ResetRequests()
	begun := time.Now()
	last := map[string]bool{}
	for round := range 3 {
		for _, session := range sessions {
			content := session.Play(1).JSON()
			writeFile(t, filepath.Join(s.watch, session.FileName()), content)
			if round == 2 {
				last[hashindex.XXH3.Sum(content)] = true
			}
		}
	}
	eventually(t, "last versions there", func() bool {
		n := 0
		for _, hash := range g.QueryStrings(t, `SELECT file_hash FROM gfx_sessions`) {
			if last[hash] {
				n++
			}
		}
		return n == len(last)
	})
	// One at once, and then one after each interval, however long the machine takes for the saves.
	if n, most := posts(g), 2+int(time.Since(begun)/interval); n > most {
		t.Errorf("90 saves of 30 files took %d requests, want at most %d", n, most)
	}
	s.stop()
}
