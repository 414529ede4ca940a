package reconcile

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// cutter cuts connections at random. It stops with the cuts after the commit that it was to make.
type cutter struct {
	mu                    sync.Mutex
	rng                   *rand.Rand
	afterCommit           int // cuts left to make
	before, cut, answered int // requests
}

func (c *cutter) fault(r *http.Request) (f supabasetest.Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.afterCommit == 0 {
		return f
	}
	switch n := c.rng.IntN(10); {
	case n < 6 && r.Method == http.MethodPost:
		f.DropAfterCommit = true
		c.afterCommit--
	case n < 7:
		f.DropBefore = true
		c.before++
	case n < 8:
		f.Truncate = true
		c.cut++
	default:
		c.answered++
	}
	return f
}

func (c *cutter) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.afterCommit
}

// A request whose connection is cut may have written its rows or not. Neither may be taken for granted.
func TestConnectionsCutAfterTheCommitLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed) // shown if the test fails
	rng := rand.New(rand.NewPCG(seed, 0))
	s := onPostgres(t, supabase.SchemaSQL("public", "gfx_sessions", store.ByHash))
	s.cfg.NoWatch = false
	c := &cutter{rng: rand.New(rand.NewPCG(seed, 1)), afterCommit: 100}
	s.server.SetFault(c.fault)
	w := s.running(t)

	sessions, want := map[string]*sample.Session{}, map[string]string{}
	for n := 0; c.left() > 0; n++ {
		path := fmt.Sprintf("s%02d.json", rng.IntN(80))
		if sessions[path] == nil {
			sessions[path] = sample.New(n)
		}
		content := sessions[path].Play(1).JSON()
		requests := s.remote.Requests()
		s.write(t, path, content)
		want[path] = hashindex.XXH3.Sum(content)
		if n%20 == 0 {
			w.scheduler.request([]Mode{Scan, Quick}[rng.IntN(2)])
		}
		eventually(t, "a request comes", func() bool { return s.remote.Requests() > requests })
	}
	t.Logf("besides 100 cuts after the commit: %d before anything, %d answers cut, %d whole", c.before, c.cut, c.answered)

	eventually(t, "everything has arrived", func() bool {
		waiting, dead, err := w.state.Queue.Counts(t.Context())
		if err != nil || waiting+dead > 0 || !w.Idle() {
			return false
		}
		for path, hash := range want {
			if fileHashState(t, s.place, path, hash) != "synced" {
				return false
			}
		}
		return true
	})
	rows := s.server.QueryStrings(t, `SELECT file_hash FROM gfx_sessions`)
	has := map[string]int{}
	for _, hash := range rows {
		has[hash]++
	}
	for path, hash := range want {
		if has[hash] != 1 {
			t.Errorf("%d rows of the last content of %s, want one", has[hash], path)
		}
	}
	// Contents that were overwritten may have arrived or not, but the index knows each row, and no row is there twice.
	own := dump(t, s.cfg.QueueDB, `SELECT file_hash FROM remote_hashes`)
	if len(has) != len(rows) || len(own) != len(rows) {
		t.Errorf("%d rows of %d contents, and the index knows of %d", len(rows), len(has), len(own))
	}
}

// fileHashState returns the state of a file in the index if that is its hash there.
func fileHashState(t fataler, p *place, path, hash string) string {
	t.Helper()
	found := dump(t, p.cfg.QueueDB, `SELECT state FROM files WHERE path = '`+path+`' AND file_hash = '`+hash+`'`)
	if len(found) == 0 {
		return "not there yet"
	}
	return found[0]
}
