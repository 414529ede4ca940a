package reconcile

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// One record makes the server fail for ever, in a way that might as well be an outage. The good ones arrive, it ends
// dead, and the circuit is closed.
func TestARecordThatAlwaysFailsEndsDeadAmongGoodOnes(t *testing.T) {
	t.Parallel()
	const good = 100
	page := func(status int) supabasetest.Fault {
		answer := supabasetest.HTML(status)
		return supabasetest.Fault{Answer: &answer}
	}
	for name, fault := range map[string]supabasetest.Fault{
		"cut connection": {DropBefore: true},
		"502 as HTML":    page(502),
		"403 as HTML":    page(403),
		"timeout":        {Latency: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFailing(t, supabasetest.DefaultSchema)
			c.cfg.Delivery.QueueInterval = 50 * time.Millisecond
			if fault.Latency > 0 {
				c.reach(supabaseAt(t, c.server.URL, c.server.SecretKey, 2*time.Second))
			}
			c.server.SetFault(func(r *http.Request) (f supabasetest.Fault) {
				if body, err := io.ReadAll(r.Body); err == nil && bytes.Contains(body, []byte(odd)) {
					return fault
				}
				return f
			})
			c.write(t, "odd.json", []byte(odd))
			hashes := c.writeSessions(t, good)
			w := c.begin(t)
			eventually(t, "the good ones have arrived, and the odd one is dead", func() bool {
				byState := dump(t, c.cfg.QueueDB, `SELECT state, count(*) FROM files GROUP BY state ORDER BY state`)
				counts := strings.Join(byState, " ")
				return counts == fmt.Sprintf("dead|1 synced|%d", good) && w.Idle() && w.delivery.Circuit().Closed()
			})
			got := dump(t, c.cfg.QueueDB, `SELECT file_path, retry_count, dead FROM pending_sync`)
			if strings.Join(got, " ") != "odd.json|5|1" {
				t.Errorf("in the queue: %v, want odd.json dead after 5 refusals", got)
			}
			late := map[string]string{"late.json": c.session(t, "late.json", 777, 1)}
			c.server.ResetRequests()
			w.pass(t.Context(), Scan, PassOptions{}, nil)
			eventually(t, "a file that comes later arrives", func() bool {
				return fileState(t, c.place, "late.json") == "synced"
			})
			if n := len(c.server.Requests()); n != 1 {
				t.Errorf("%d requests for one more file: the dead one is to be left alone", n)
			}
			c.wantAll(t, append(values(hashes), values(late)...)...)
		})
	}
}

// A lock that keeps every row out, as CREATE INDEX takes, is nobody's fault, however long it is held.
func TestALockedTableKillsNoRecord(t *testing.T) {
	t.Parallel()
	for _, before := range []int{0, 3} {
		t.Run(fmt.Sprintf("%d rows before", before), func(t *testing.T) {
			t.Parallel()
			c := newFailing(t, supabasetest.DefaultSchema)
			c.cfg.MaxRetries = 2
			c.cfg.Delivery.QueueInterval = 10 * time.Millisecond
			c.server.SetStatementTimeout(200 * time.Millisecond)
			hashes := c.writeSessions(t, before)
			w := c.begin(t)
			eventually(t, "what came before the lock is there", func() bool {
				return w.Idle() && c.server.Count(t, "gfx_sessions") == before
			})
			lock, err := c.server.DB().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := lock.Exec(t.Context(), `LOCK TABLE gfx_sessions IN SHARE MODE`); err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				path := fmt.Sprintf("later%d.json", i)
				hashes[path] = c.session(t, path, 100+i, 1)
			}
			c.server.ResetRequests()
			w.pass(t.Context(), Scan, PassOptions{}, nil)
			eventually(t, "the lock has kept many times as many requests out as a record has retries", func() bool {
				refused := 0
				for _, r := range c.server.Requests() {
					if r.Status == http.StatusInternalServerError {
						refused++
					}
				}
				return refused > 25
			})
			if err := lock.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.wantArrived(t, w, hashes)
			got := dump(t, c.cfg.QueueDB, `SELECT count(*) FROM files WHERE error <> ''`)
			if got[0] != "0" || strings.Contains(c.log.String(), "dead=true") {
				t.Errorf("%s files have an error; the log:\n%s", got[0], c.log.String())
			}
		})
	}
}
