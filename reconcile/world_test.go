package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// world is a folder, a table and an agent that runs, and the model of what must come of them.
type world struct {
	*place
	*model
	agent *Agent
	end   func() error // ends the agent, and says what went wrong with it
	copy  string       // a copy of the queue database from some moment, or ""

	before int64 // the newest pass when the agent was started
	steps  *int
	log    syncBuffer // of the agents: what happens at one time cannot be run again as it was
}

func newWorld(t *testing.T, rt *rapid.T, steps *int) *world {
	at, err := os.MkdirTemp(t.TempDir(), "world")
	if err != nil {
		rt.Fatal(err)
	}
	w := &world{place: newPlace(rt, at), model: newModel(), steps: steps}
	w.cfg.NoWatch = rapid.Bool().Draw(rt, "without watcher")
	w.cfg.DeleteSuperseded = rapid.Bool().Draw(rt, "delete superseded")
	w.cfg.Logger = slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.cfg.MaxRetries = rapid.IntRange(1, 2).Draw(rt, "max retries")
	// So that an empty root is never taken for an outage.
	w.place.write(rt, "README.txt", []byte("PokerGFX"))
	w.startAgent(rt)
	return w
}

func (w *world) startAgent(rt *rapid.T) {
	w.before = newestPass(rt, w.cfg.QueueDB)
	w.agent, w.end = runAgent(rt, w.cfg)
}

// newestPass returns the number of the newest pass that has begun, by a queue database that may not be there yet.
func newestPass(rt *rapid.T, queueDB string) (id int64) {
	if _, err := os.Stat(queueDB); err != nil {
		return 0
	}
	for _, text := range dump(rt, queueDB, `SELECT coalesce(max(id), 0) FROM passes`) {
		if _, err := fmt.Sscan(text, &id); err != nil {
			rt.Fatal(err)
		}
	}
	return id
}

// runAgent starts an agent; end stops it, and says what went wrong with it.
func runAgent(t fataler, cfg Config) (a *Agent, end func() error) {
	t.Helper()
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("start the agent: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	return a, func() error {
		cancel()
		return errors.Join(<-ended, a.Close())
	}
}

func (w *world) stopAgent(rt *rapid.T) {
	end := w.end
	w.end = nil
	if err := end(); err != nil {
		rt.Fatalf("stop the agent: %v", err)
	}
}

func (w *world) close(t *testing.T) {
	if w.end != nil {
		if err := w.end(); err != nil {
			t.Error(err)
		}
	}
	if err := w.remote.Close(); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Dir(w.dir)); err != nil {
		t.Error(err)
	}
}

// lastPass returns the newest pass that has ended.
func lastPass(rt *rapid.T, a *Agent) *state.Pass {
	p, err := a.state.Passes.Last(context.Background(), commandRun, commandRun)
	if err != nil {
		rt.Fatal(err)
	}
	return p
}

func (w *world) pass(rt *rapid.T, mode Mode) *Report { return awaitedPass(rt, w.agent, mode) }

// awaitedPass has the running agent make a pass, and waits for its end. Scans leave nothing to wait for.
func awaitedPass(rt *rapid.T, a *Agent, mode Mode) *Report {
	if mode == Scan {
		a.scheduler.request(mode)
		return nil
	}
	before := newestPass(rt, a.cfg.QueueDB) // one that is under way began before this
	a.scheduler.request(mode)
	var made *state.Pass
	eventually(rt, "a "+string(mode)+" pass comes to its end", func() bool {
		made = passAfter(rt, a, before, mode)
		return made != nil
	})
	r, err := decodeReport(made, nil)
	if err != nil {
		rt.Fatal(err)
	}
	return r
}

// passAfter returns a pass of at least that depth that came after another one and has ended. It need not be the last.
func passAfter(rt *rapid.T, a *Agent, before int64, mode Mode) *state.Pass {
	last := lastPass(rt, a)
	if last == nil {
		return nil
	}
	for id := last.ID; id > before; id-- {
		p, err := a.state.Passes.Get(context.Background(), id)
		if err != nil {
			rt.Fatal(err)
		}
		if p != nil && p.Command == commandRun && p.Report != nil && depth[Mode(p.Mode)] >= depth[mode] {
			return p
		}
	}
	return nil
}

// settle lets everything become quiet, and compares the world with what a pass of some depth promises.
func (w *world) settle(rt *rapid.T) {
	depth := rapid.SampledFrom([]Mode{Scan, Quick, Full}).Draw(rt, "depth")
	w.remote.change(func() { w.remote.down, w.remote.afterDone = false, 0 })
	o := &outcome{depth: depth}
	if depth == Scan {
		w.settleByScan(rt)
	} else {
		o.report = w.pass(rt, depth)
		clear(w.model.lost)
	}
	if depth == Full {
		s := Survey{Config: w.cfg, State: w.agent.state}
		var err error
		if o.survey, err = Verify(context.Background(), &s, Full); err != nil {
			rt.Fatal(err)
		}
	}
	w.observe(rt, o)
	if err := w.check(o); err != nil {
		rt.Fatalf("%v\nfiles:\n%s\nindex:\n%s", err, strings.Join(w.describe(), "\n"),
			strings.Join(dump(rt, w.cfg.QueueDB, `SELECT path, file_hash, state, racy, error FROM files`), "\n"))
	}
}

// settleByScan makes a scan and waits until what it promises has come. An agent that has just begun compares index and
// table first: what is said of the table in a copy of the queue database may be old.
func (w *world) settleByScan(rt *rapid.T) {
	eventually(rt, "the first pass of the agent is over", func() bool {
		return passAfter(rt, w.agent, w.before, Quick) != nil
	})
	w.pass(rt, Scan)
	eventually(rt, "the scan is over, and everything is quiet", func() bool {
		scans := w.agent.scheduler.scans[""]
		return !scans.isRunning() && len(scans.wake) == 0 && w.agent.Idle() &&
			(w.agent.delivery.Circuit().Closed() || len(w.model.refused) > 0)
	})
	eventually(rt, "what a scan promises is there", func() bool {
		o := &outcome{depth: Scan}
		w.observe(rt, o)
		return w.check(o) == nil
	})
}

// observe reads table and queue.
func (w *world) observe(rt *rapid.T, o *outcome) {
	o.rows, o.rejected = map[string]string{}, w.remote.rejected()
	for _, row := range dump(rt, w.tableDB, `SELECT file_hash, raw_json FROM gfx_sessions`) {
		hash, raw, _ := strings.Cut(row, "|")
		o.rows[hash] = raw
	}
	o.waiting = dump(rt, w.cfg.QueueDB, `SELECT file_hash FROM pending_sync WHERE NOT dead`)
	o.dead = dump(rt, w.cfg.QueueDB, `SELECT file_hash FROM pending_sync WHERE dead`)
}

func (w *world) describe() (lines []string) {
	for _, path := range w.paths() {
		f := w.files[path]
		lines = append(lines, fmt.Sprintf("%s|%s|whole %v|valid %v", path, w.cfg.Hash.Sum(f.content), f.whole, f.valid))
	}
	return lines
}

// snapshot copies the queue database as a power cut would leave it, while the agent works with it.
func (w *world) snapshot(rt *rapid.T) {
	w.copy = filepath.Join(filepath.Dir(w.dir), fmt.Sprintf("copy%d.db", w.number()))
	onFile(rt, w.cfg.QueueDB, `VACUUM INTO '`+w.copy+`'`)
}

// crash ends the agent without letting it do anything more, and starts another one: on the last copy of the queue database, or,
// if there is none, on no queue database at all. The old name is not used again: a transaction that was cut off may keep the old
// file open a little longer, and SQLite would then take away the new file's log.
func (w *world) crash(rt *rapid.T) {
	w.remote.setDown(true)
	w.stopAgent(rt)
	if w.cfg.QueueDB = w.copy; w.copy == "" {
		w.cfg.QueueDB = filepath.Join(filepath.Dir(w.dir), fmt.Sprintf("new%d.db", w.number()))
	}
	w.copy = ""
	w.remote.setDown(false)
	w.startAgent(rt)
}
