package reconcile

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// noting is an Observer that remembers what it was told.
type noting struct {
	began, alive atomic.Int64

	mu    sync.Mutex
	wrong map[string]string
	said  int // how often something was wrong, or was not any more
}

func (n *noting) Began() { n.began.Add(1) }
func (n *noting) Alive() { n.alive.Add(1) }

func (n *noting) Trouble(part, wrong string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wrong == nil {
		n.wrong = map[string]string{}
	}
	n.wrong[part] = wrong
	n.said++
}

func (n *noting) troubles() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.wrong)
}

// inTime runs an agent on a clock of its own, which goes on when all there is to do is to wait.
func inTime(t *testing.T, f func(t *testing.T, p *place, seen *noting)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, seen := newPlace(t, dir), &noting{}
		p.cfg.Observer = seen
		f(t, p, seen)
		if err := p.remote.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnIdleAgentIsAlive(t *testing.T) {
	inTime(t, func(t *testing.T, p *place, seen *noting) {
		_, end := runAgent(t, p.cfg)
		for range 60 {
			before := seen.alive.Load()
			time.Sleep(time.Second)
			if seen.alive.Load() == before {
				t.Fatal("nothing was heard of it for a second")
			}
		}
		if n := seen.began.Load(); n != 1 {
			t.Errorf("it has begun %d times", n)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// silence returns for how long nothing is heard of the agent, once it has been given a second to be still.
func (n *noting) silence(atMost time.Duration) time.Duration {
	time.Sleep(time.Second)
	before, began := n.alive.Load(), time.Now()
	for n.alive.Load() == before && time.Since(began) < atMost {
		time.Sleep(aliveEvery)
	}
	return time.Since(began)
}

// TestAnAgentThatHangsIsNotAlive: scans go on beside a pass that hangs, and say nothing of it.
func TestAnAgentThatHangsIsNotAlive(t *testing.T) {
	for _, call := range []string{"digest", "upsert"} {
		t.Run(call, func(t *testing.T) {
			inTime(t, func(t *testing.T, p *place, seen *noting) {
				p.session(t, "a.json", 1, 1)
				old := time.Now().Add(-time.Hour) // or each scan would hash it, for it might just have changed
				if err := os.Chtimes(filepath.Join(p.dir, "a.json"), old, old); err != nil {
					t.Fatal(err)
				}
				p.cfg.Schedules.Scan = mustParse(t, "@every 30s")
				gate := make(chan struct{})
				p.remote.onCall(func(made string) {
					if made == call {
						<-gate
					}
				})
				a, end := runAgent(t, p.cfg)
				time.Sleep(time.Minute) // the first scan hashes once more what was seen for the first time just now
				if got := seen.silence(time.Hour); got < time.Hour {
					t.Errorf("after %v it is alive, and the pass has not come further", got)
				}
				if skipped := a.scheduler.skipped(); skipped > 0 {
					t.Errorf("%d scans were skipped: they do not go on", skipped)
				}
				close(gate)
				if got := seen.silence(time.Minute); got > time.Second {
					t.Errorf("it goes on, and nothing is heard of it for %v", got)
				}
				if err := end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// slowly is how long one answer takes of what is slow, and answers.
const slowly = 20 * time.Second

// TestASlowPassIsAlive: it comes further with every answer.
func TestASlowPassIsAlive(t *testing.T) {
	inTime(t, func(t *testing.T, p *place, seen *noting) {
		p.writeSessions(t, 20)
		p.cfg.Delivery.BatchSize = 1
		calls := 0
		p.remote.onCall(func(string) {
			time.Sleep(slowly)
			p.remote.change(func() { calls++ })
		})
		a, end := runAgent(t, p.cfg)
		for lastPassOf(t, a) == nil {
			if got := seen.silence(10 * slowly); got > slowly+time.Second {
				t.Fatalf("nothing was heard of it for %v", got)
			}
		}
		p.remote.change(func() {
			if calls < 10 {
				t.Errorf("the pass has made %d calls, and is not slow", calls)
			}
		})
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// TestAPassThatWaitsForASlowScanIsAlive: but not if it hangs elsewhere while a scan goes on.
func TestAPassThatWaitsForASlowScanIsAlive(t *testing.T) {
	for name, waits := range map[string]bool{"waits": true, "hangs": false} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, p *place, seen *noting) {
				a, end := runAgent(t, p.cfg)
				for lastPassOf(t, a) == nil {
					time.Sleep(time.Second)
				}
				ctx, cancel := context.WithCancel(t.Context())
				scanned := make(chan struct{})
				go func() {
					defer close(scanned)
					_ = slowScan(ctx, a)
				}()
				synctest.Wait()
				if !waits {
					p.remote.onCall(func(string) { <-ctx.Done() })
					a.walking[""].free <- struct{}{} // the pass comes to the remote
				}
				a.scheduler.request(Quick)
				if got := seen.silence(time.Hour); (got > slowly+time.Second) == waits {
					t.Errorf("nothing was heard of it for %v", got)
				}
				if !waits {
					<-a.walking[""].free
				}
				cancel()
				<-scanned
				time.Sleep(slowly) // the last call is answered
				if err := end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// slowScan walks a share that is slow, until ctx ends.
func slowScan(ctx context.Context, a *Agent) error {
	s, turn := &pass{Agent: a, mode: Scan}, a.walking[""]
	live := turn.live.WithObserver(func() { s.step(turn) })
	_, err := inTurn(ctx, turn, func() (struct{}, error) {
		for ctx.Err() == nil {
			live.Do(func() { time.Sleep(slowly) })
		}
		return struct{}{}, nil
	})
	return err
}

func lastPassOf(t *testing.T, a *Agent) *state.Pass {
	t.Helper()
	last, err := a.state.Passes.Last(t.Context(), commandRun, commandRun)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func TestTheObserverIsToldWhatIsWrong(t *testing.T) {
	inTime(t, func(t *testing.T, p *place, seen *noting) {
		p.session(t, "a.json", 1, 1)
		p.cfg.Schedules.Quick = mustParse(t, "@every 1m")
		p.cfg.Delivery.ProbeFirst, p.cfg.Delivery.ProbeLast = time.Second, 14*time.Second
		p.remote.setDown(true)
		_, end := runAgent(t, p.cfg)
		told := func(when string, remote, root string) {
			t.Helper()
			time.Sleep(2 * time.Minute)
			got := seen.troubles()
			for part, want := range map[string]string{"remote": remote, "root": root} {
				if what, ok := got[part]; !ok || (what == "") != (want == "") || !strings.Contains(what, want) {
					t.Errorf("%s: of the %s it is told %q (%v), want %q", when, part, what, ok, want)
				}
			}
		}
		told("nobody answers", "nobody answers", "")
		p.remote.setDown(false)
		told("the remote answers", "", "")
		if err := os.Rename(p.dir, p.dir+".away"); err != nil {
			t.Fatal(err)
		}
		told("the folder is away", "", "root unavailable")
		if err := os.Rename(p.dir+".away", p.dir); err != nil {
			t.Fatal(err)
		}
		told("the folder is back", "", "")
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func mustParse(t *testing.T, spec string) Schedule {
	t.Helper()
	s, err := ParseSchedule(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
