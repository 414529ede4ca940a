//go:build unix

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// long says that the long forms of the tests are wanted, which take the better part of an hour.
func long() bool { return os.Getenv("GFXSYNC_LONG") != "" }

// crashes is an agent that is killed again and again while a writer goes on writing.
type crashes struct {
	*scene
	g   *supabasetest.Server
	w   *writer
	rng *rand.Rand

	kills   map[string]int
	owed    map[string]bool   // what the agent has durably taken upon itself: it is to be a row, whatever becomes of its file
	since   map[string]string // after which kill that was seen first
	waited  int               // contents that waited in pending_sync when the agent died
	half    int               // migrations that were not over when the agent died
	orphans int               // contents that are owed though their files are gone, at the end
}

// kinds of moments to die at.
var crashKinds = map[string]func(*crashes){
	"start-up":         (*crashes).atStartUp,
	"running":          (*crashes).whileRunning,
	"lost answers":     (*crashes).amongLostAnswers,
	"reconcile beside": (*crashes).duringAReconcileBeside,
	"reconcile alone":  (*crashes).duringAReconcileAlone,
	"drain":            (*crashes).duringADrain,
	"migration":        (*crashes).duringAMigration,
}

func TestCrashAfterCrashLosesNothing(t *testing.T) {
	t.Parallel()
	kills := 10
	if long() {
		kills = 150
	}
	seed := uint64(time.Now().UnixNano())
	s, g := onGateway(t)
	s.env = append(s.env, "GFX_SYNC_FLUSH_INTERVAL=0.2", "GFX_SYNC_BATCH_SIZE=20", "GFX_SYNC_SCAN_SCHEDULE=@every 1s",
		"GFX_SYNC_RECONCILE_SCHEDULE=@every 2s")
	c := &crashes{
		scene: s, g: g, w: newWriter(s.watch, seed), rng: rand.New(rand.NewPCG(seed, 2)), kills: map[string]int{}, owed: map[string]bool{},
		since: map[string]string{},
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() { c.w.run(t, 5*time.Millisecond, stop) })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d; the writer's log:\n%s", seed, strings.Join(c.w.log, "\n"))
		}
	})
	end := sync.OnceFunc(func() { close(stop); writing.Wait() })
	defer end()

	names := slices.Sorted(maps.Keys(crashKinds))
	for round := 0; c.killed() < kills; round++ {
		if round%len(names) == 0 {
			c.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		}
		crashKinds[names[round%len(names)]](c)
	}
	end()
	c.settle()
	t.Logf("seed %d: killed %d times: %v, %d times with the migration not over; the writer: %v, %d contents; %d waited in the queue at a kill, "+
		"%d were owed though their files are gone", seed, c.killed(), c.kills, c.half, c.w.acts, len(c.w.contents), c.waited, c.orphans)
}

func (c *crashes) killed() (n int) {
	for _, k := range c.kills {
		n += k
	}
	return n
}

// crash kills the agent some time within the limit, and looks at what it leaves behind.
func (c *crashes) crash(kind string, within time.Duration) {
	c.t.Helper()
	c.die(kind, within)
	c.examineRemains()
}

func (c *crashes) die(kind string, within time.Duration) {
	c.t.Helper()
	<-time.After(rand.N(within)) // the moment is the point, and any will do
	c.kills[kind]++
	c.dies(c.agent)
	c.agent = nil
}

// dies kills a process, which must not have come to its end before.
func (c *crashes) dies(cmd *exec.Cmd) {
	c.t.Helper()
	_ = cmd.Process.Kill() // it may be gone already: Wait tells
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
		c.t.Fatalf("%v ended by itself, before it was killed: %v", cmd.Args[1:], cmd.ProcessState)
	}
}

func (c *crashes) atStartUp() {
	c.start(c.some("--no-watch")...)
	c.crash("start-up", 100*time.Millisecond)
}

func (c *crashes) whileRunning() {
	c.start(c.some("--no-watch")...)
	c.crash("running", 1500*time.Millisecond)
}

// some returns the flag, or none.
func (c *crashes) some(flag string) []string {
	if c.rng.IntN(2) == 0 {
		return nil
	}
	return []string{flag}
}

func (c *crashes) amongLostAnswers() {
	c.g.SetFault(func(*http.Request) (f supabasetest.Fault) {
		switch rand.IntN(12) {
		case 0:
			f.DropBefore = true
		case 1, 2:
			f.DropAfterCommit = true
		case 3:
			f.Truncate = true
		case 4:
			page := supabasetest.HTML(http.StatusBadGateway)
			f.Answer = &page
		}
		f.Latency = rand.N(50 * time.Millisecond)
		return f
	})
	c.start()
	c.crash("lost answers", 1500*time.Millisecond)
	c.g.Heal()
}

func (c *crashes) duringAReconcileBeside() {
	c.start()
	c.waitStatus("the agent runs", func(st *reconcile.Status) bool { return st.AgentRunning })
	beside := c.reconcile()
	c.die("reconcile beside", 500*time.Millisecond)
	// It finds that the agent has left, and makes the pass itself.
	if err := beside.Wait(); err != nil && beside.ProcessState.ExitCode() != exitRemain {
		c.t.Errorf("a reconcile whose agent was killed: %v", err)
	}
	c.examineRemains()
}

func (c *crashes) duringAReconcileAlone() {
	alone := c.reconcile()
	<-time.After(rand.N(150 * time.Millisecond))
	c.kills["reconcile alone"]++
	_ = alone.Process.Kill()
	if err := alone.Wait(); alone.ProcessState.Exited() {
		c.kills["reconcile alone"]-- // it was faster
		if code := alone.ProcessState.ExitCode(); code != exitOK && code != exitRemain {
			c.t.Errorf("reconcile alone: %v", err)
		}
	}
	c.examineRemains()
}

// reconcile begins a reconcile in a process of its own.
func (c *crashes) reconcile() *exec.Cmd {
	cmd := c.command(append([]string{"reconcile", "--watch", c.watch, "--queue-db", c.queue}, c.some("--full")...)...)
	cmd.Stderr = c.log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return cmd
}

// duringADrain has records wait in the queue, some of them of files that are gone by then, and kills the agent while it empties it.
func (c *crashes) duringADrain() {
	c.g.Stop()
	c.start()
	c.waitStatus("the agent is offline, and records wait", func(st *reconcile.Status) bool {
		return st.Link == "offline" && st.Queued > 20
	})
	c.w.still(func() {
		if _, code := c.pass("reconcile"); code != exitRemain {
			c.t.Errorf("a reconcile without a server: exit code %d, want %d", code, exitRemain)
		}
		c.owe(c.w.onDisk()) // all of it has been looked at
		for range len(c.w.files) / 2 {
			if err := c.w.remove(); err != nil {
				c.t.Error(err)
			}
		}
	})
	if c.rng.IntN(2) == 0 { // the next one drains it as it starts
		c.crash("drain", time.Millisecond)
		c.g.Start()
		c.start()
	}
	rows := c.g.Count(c.t, "gfx_sessions")
	c.g.Start()
	c.g.SetLatency(5 * time.Millisecond)
	eventually(c.t, "the queue is being emptied", func() bool { return c.g.Count(c.t, "gfx_sessions") > rows })
	c.crash("drain", 50*time.Millisecond)
	c.g.Heal()
}

// duringAMigration puts back the schema of the first version before the agent starts.
func (c *crashes) duringAMigration() {
	c.putBackFirstSchema()
	c.start()
	c.crash("migration", 60*time.Millisecond)
	if db := c.openCopy(); db != nil {
		if c.strings(db, `PRAGMA user_version`)[0] == "1" {
			c.half++
		}
		db.Close()
	}
}

// settle starts the agent a last time, makes one pass, and judges the table.
func (c *crashes) settle() {
	c.g.Heal()
	c.start()
	// or the reconcile is that one agent
	c.waitStatus("the agent runs", func(st *reconcile.Status) bool {
		return st.AgentRunning
	})
	c.mustPass(exitOK, "reconcile", "--full")
	c.stop()
	c.mustPass(exitOK, "verify", "--full")
	if out, err := c.command("queue", "list", "--json", "--queue-db", c.queue).Output(); err != nil || strings.TrimSpace(string(out)) != "[]" {
		c.t.Errorf("the queue is not empty: %s, %v", out, err)
	}
	onDisk := contents(c.t, c.watch)
	if !maps.Equal(onDisk, c.w.onDisk()) {
		c.t.Error("the writer's books do not agree with the folder")
	}
	for hash := range c.owed {
		if !onDisk[hash] {
			c.orphans++
		}
	}
	c.owe(onDisk)
	j := judge(c.t, c.g, c.w.contents, c.owed)
	if !j.clean() {
		c.t.Errorf("the table: %v", j)
	}
	for _, hash := range j.lost {
		c.t.Logf("%s was owed since %s", hash, c.since[hash])
	}
	c.t.Logf("%d contents were owed, lost = %d", len(c.owed), len(j.lost))
	if strings.Contains(c.log.String(), "panic: ") {
		c.t.Error("the agent has panicked")
	}
}

func (c *crashes) owe(hashes map[string]bool) {
	for hash := range hashes {
		if !c.owed[hash] {
			c.owed[hash], c.since[hash] = true, fmt.Sprintf("%.3f, after %v", time.Since(c.w.begun).Seconds(), c.kills)
		}
	}
}
