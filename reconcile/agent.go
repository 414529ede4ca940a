package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/reconcile/ingest"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
	"github.com/gfxsync/gfxsync/watch"
)

// Agent is the one agent of a queue database. It is always on with Run, or makes one pass with Reconcile.
type Agent struct {
	cfg      Config
	log      *slog.Logger
	state    *state.State
	unlock   func() error
	rows     rows
	delivery *store.Delivery
	outbox   *outbox
	ingest   *ingest.Ingest
	watchers map[string]*watch.Watcher // by the label of the root; none with NoWatch
	detected map[string]*detection     // by the label of the root

	scheduler        *scheduler
	walked           atomic.Int64 // see step
	walking, hashing turns        // a root may be walked while its files are hashed

	// mayScan is closed by compared, after the first try to compare the table with the index.
	mayScan  chan struct{}
	compared func()

	noDigest sync.Once
	wasDown  atomic.Bool
	otherKey chan struct{} // the server wants rows by another key than the agent's
	large    chan struct{} // a large request has succeeded

	mu      sync.Mutex         // guards what follows
	trouble map[string]string  // what was last found wrong with each root, and with the remote
	hands   string             // which hands the last pass found wrong
	scans   map[string]*Report // the last of each root, by its label
}

// Open opens the queue database and makes an agent of this process. It fails with state.ErrLocked if there is one
// already, or with the errors of state.Open. The caller closes the Agent.
func Open(ctx context.Context, cfg Config) (*Agent, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s, unlock, aside, err := state.OpenLocked(ctx, cfg.QueueDB,
		state.Options{Logger: cfg.Logger, Committed: cfg.committed})
	if err != nil {
		return nil, err
	}
	a := &Agent{
		cfg: cfg, log: cfg.Logger, state: s, unlock: unlock, scheduler: newScheduler(cfg.labels()),
		walking: newTurns(cfg.Roots), hashing: newTurns(cfg.Roots), otherKey: make(chan struct{}, 1),
		large: make(chan struct{}, 1), mayScan: make(chan struct{}), trouble: map[string]string{},
		scans: map[string]*Report{},
	}
	a.compared = sync.OnceFunc(func() { close(a.mayScan) })
	err = a.settle(ctx)
	if err == nil {
		err = a.adopt(ctx, aside)
	}
	if err == nil {
		err = a.scanAtOnceIfKnown(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.connect()
	return a, nil
}

// connect makes what examines files and delivers records.
func (a *Agent) connect() {
	a.outbox = newOutbox(&a.cfg, a.state, a.large)
	a.rows = a.outbox.rows
	deliveryOptions := a.cfg.Delivery
	deliveryOptions.OnCircuit = a.circuitChanged
	a.delivery = store.NewDelivery(a.cfg.Remote, a.outbox, deliveryOptions)
	a.ingest = ingest.New(ingest.Config{
		Roots: a.cfg.Roots, State: a.state, Delivery: a.delivery, Rows: a.rows, Hash: a.cfg.Hash,
		MaxFileSize: a.cfg.MaxFileSize, SettleLimit: a.cfg.SettleLimit, SessionRequired: a.cfg.needsSession(),
		SyncSource: syncSource, PCID: a.cfg.pcID, Logger: a.log,
		Noticed: func(n ingest.Notice) { a.detected[n.Key.Root].changed(n) },
	})
	a.detected = map[string]*detection{}
	for _, root := range a.cfg.Roots {
		a.detected[root.Label] = a.newDetection(root)
	}
	a.watchers = map[string]*watch.Watcher{}
	if a.cfg.NoWatch {
		return
	}
	for _, root := range a.cfg.Roots {
		a.watchers[root.Label] = watch.New(root.Dir, changes{a, root.Label}, watch.Options{
			Pattern: a.cfg.Pattern, Skip: root.IsFolderLoop, Logger: a.log,
		})
	}
}

// scanAtOnceIfKnown lets scans begin at once if the index knows what the table has. With a new queue database they wait
// for the first comparison. Without it they would send again what is there.
func (a *Agent) scanAtOnceIfKnown(ctx context.Context) error {
	mark, err := a.state.Index.RemoteMark(ctx)
	if err == nil && mark > 0 {
		a.compared()
	}
	return err
}

// adopt makes the queue database this agent's, and says what had to be set aside for it.
func (a *Agent) adopt(ctx context.Context, aside []state.Quarantined) error {
	for _, old := range aside {
		args := []any{"set_aside", old.Path, "rescued", old.Rescued}
		if old.Lost != nil {
			args = append(args, "unreadable", *old.Lost)
		}
		a.log.Error("a queue database was set aside: its queue is rescued as far as it can be read, "+
			"the index is made anew from folder and table",
			append(args, "error", old.Reason)...)
	}
	return a.state.Update(ctx, func(v state.View) error {
		if n := len(aside); n > 0 {
			if err := v.Notes.Set(ctx, noteRecovered, aside[n-1]); err != nil {
				return err
			}
		}
		return v.Adopt(ctx, a.cfg.labels(), newRows(&a.cfg, a.state).scopes(), a.cfg.bySession())
	})
}

// Close gives the queue database back. Run or Reconcile must have returned.
func (a *Agent) Close() error {
	return errors.Join(a.state.Close(), a.unlock())
}

// Run keeps the table true to the folder until ctx ends. Then it stops in order, within ten seconds: no file is
// examined any more, intents are written, what is in flight is finished, and the lanes are flushed or left to the next
// start. A call into a dead share is abandoned after a second; the next start finds its file again.
//
// Run stops likewise if the queue database is found to be damaged or gone, and fails with sqlite.ErrCorrupt or
// sqlite.ErrGone then. It fails otherwise only if it cannot begin.
func (a *Agent) Run(stopped context.Context) error {
	if err := a.begin(stopped); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(stopped)
	defer end(nil)
	stop := a.startWork(ctx)
	var feeding sync.WaitGroup
	feeding.Go(func() { a.runPasses(ctx) })
	for _, root := range a.cfg.Roots {
		feeding.Go(func() { a.runScans(ctx, root) })
		feeding.Go(func() { a.runHotScans(ctx, a.detected[root.Label]) })
	}
	feeding.Go(func() { a.noticeSleep(ctx) })
	feeding.Go(func() { a.expandSoon(ctx) })
	feeding.Go(func() { a.guard(ctx, end) })
	for _, w := range a.watchers {
		feeding.Go(func() { w.Run(ctx) })
	}
	a.scheduler.request(Quick)
	a.delivery.DrainQueue()
	stopSchedules := a.scheduler.start(a.cfg.Schedules)
	a.cfg.Observer.Began()
	feeding.Wait()
	stopSchedules()
	stop()
	a.log.Info("stopped")
	return a.leave(stopped, context.Cause(ctx))
}

// Reconcile makes one pass and returns when it has come to its end.
func (a *Agent) Reconcile(ctx context.Context, mode Mode, opts PassOptions, progress func(Progress)) (*Report, error) {
	var id int64
	err := a.state.Update(ctx, func(v state.View) (err error) {
		if id, err = v.Passes.Request(ctx, commandReconcile, string(mode), opts); err != nil {
			return err
		}
		return v.Passes.Begin(ctx, id)
	})
	if err != nil {
		return nil, err
	}
	workCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := a.startWork(workCtx)
	r := a.pass(ctx, mode, opts, progress)
	cancel()
	stop()
	a.recorded(ctx, id, r)
	return r, ctx.Err()
}

// startWork starts ingest and delivery, until ctx ends; stop waits for their end. The ingest outlives those that feed
// it, and the delivery outlives the ingest.
func (a *Agent) startWork(ctx context.Context) (stop func()) {
	deliveryCtx, stopDelivery := context.WithCancel(context.WithoutCancel(ctx))
	var delivering, taking sync.WaitGroup
	delivering.Go(func() { a.delivery.Run(deliveryCtx) })
	taking.Go(func() { a.ingest.Run(ctx) })
	return func() {
		taking.Wait()
		stopDelivery()
		delivering.Wait()
	}
}

func (a *Agent) begin(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // a stop this early is no failure
	a.log.Info("watching", "root", a.cfg.rootsText(), "pattern", a.cfg.Pattern.String(), "queue_db", a.cfg.QueueDB,
		"events", !a.cfg.NoWatch)
	return a.state.Update(ctx, func(v state.View) error {
		return errors.Join(v.NoteAlwaysOn(ctx), v.Notes.Set(ctx, noteLink, linkNote{State: linkUnknown}),
			v.Notes.Set(ctx, noteRoot, a.cfg.rootsText()), v.Passes.RequeueUnfinished(ctx))
	})
}

// changes takes what a watcher tells of a root.
type changes struct {
	agent *Agent
	root  string // its label
}

// Changed implements watch.Sink. A scan finds what the ingest has no room for.
func (c changes) Changed(path string, at time.Time) {
	c.agent.detected[c.root].announced(path, at)
	task := ingest.Task{Key: fileid.ID{Root: c.root, Path: path}, At: at, By: ingest.ByEvent}
	if !c.agent.ingest.TryAdd(task) {
		c.agent.scheduler.requestScan(c.root)
	}
}

// Lost implements watch.Sink.
func (c changes) Lost(reason string) {
	c.agent.log.Debug("changes may have been missed; a scan finds them", "root", c.root, "reason", reason)
	c.agent.detected[c.root].evidence.Lost(time.Now())
	c.agent.scheduler.requestScan(c.root)
}

// Idle says whether nothing is under way: no file is examined or settling, no record is in a lane or in flight. What
// waits in the offline queue does not count.
func (a *Agent) Idle() bool { return a.ingest.Idle() && a.delivery.Idle() }

func (a *Agent) circuitChanged(s store.Circuit) {
	note := linkNote{State: linkOnline, Since: s.Since}
	switch {
	case errors.Is(s.Err, errOtherKey):
		return // the agent is about to end, and its link with it
	case s.Closed():
		a.log.Info("the remote answers")
		if a.wasDown.Swap(false) {
			a.scheduler.request(Quick)
		}
	case s.Class == store.Outage:
		a.log.Warn("the remote cannot be reached; records wait in the offline queue", "error", s.Err)
	default:
		a.log.Error("the remote does not take our records; they wait in the offline queue",
			"class", s.Class.String(), "error", s.Err)
	}
	if !s.Closed() {
		a.wasDown.Store(true)
		note.State, note.Error = linkOffline, fmt.Sprint(s.Err)
	}
	a.cfg.Observer.Trouble(partRemote, note.Error)
	a.note(noteLink, note)
}

func (a *Agent) note(name string, value any) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := a.state.UpdateWithoutSync(ctx, func(v state.View) error { return v.Notes.Set(ctx, name, value) })
	if err != nil {
		a.stateFailed("cannot note the agent's status", err)
	}
}

// stateFailed logs that something could not be read from the queue database or written to it. What is wrong with all
// of it is logged by the State.
func (a *Agent) stateFailed(message string, err error) {
	if !sqlite.OfTheFile(err) {
		a.log.Error(message, "error", err)
	}
}
