package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// Agent is the always-on agent for one queue database.
type Agent struct {
	cfg      Config
	log      *slog.Logger
	state    *state.State
	unlock   func() error
	delivery *store.Delivery
	intake   *intake
	watcher  *watch.Watcher // nil with NoWatch

	scanNow  chan struct{}
	scanning atomic.Bool
}

// Open opens the queue database and makes an agent of this process. It fails with state.ErrLocked if there is one already, or with
// the errors of state.Open. The caller closes the Agent.
func Open(ctx context.Context, cfg Config) (*Agent, error) {
	cfg.setDefaults()
	s, err := state.Open(ctx, cfg.QueueDB)
	if err != nil {
		return nil, err
	}
	unlock, err := s.Lock(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	a := &Agent{cfg: cfg, log: cfg.Logger, state: s, unlock: unlock, scanNow: make(chan struct{}, 1)}
	a.cfg.Delivery.OnLink = a.linkChanged
	a.delivery = store.NewDelivery(cfg.Remote, &ledger{state: s, cfg: &a.cfg}, a.cfg.Delivery)
	a.intake = newIntake(&a.cfg, s, a.delivery)
	if !cfg.NoWatch {
		a.watcher = watch.New(cfg.Root.Dir, watch.Options{Pattern: cfg.Pattern, Logger: cfg.Logger})
	}
	return a, nil
}

// Close gives the queue database back. Run must have returned.
func (a *Agent) Close() error {
	return errors.Join(a.state.Close(), a.unlock())
}

// Run keeps the table true to the folder until ctx ends. Then it stops in order: no more looks, intents written, what is in
// flight finished, the lanes flushed or left to the next start; within ten seconds. It fails only if it cannot begin.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	// The intake outlives those that feed it, and the delivery outlives the intake.
	deliveryCtx, stopDelivery := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDelivery()
	var delivering, taking, feeding sync.WaitGroup
	delivering.Go(func() { a.delivery.Run(deliveryCtx) })
	taking.Go(func() { a.intake.run(ctx) })
	feeding.Go(func() { a.scanLoop(ctx) })
	var watchErr error
	if a.watcher != nil {
		feeding.Go(func() { watchErr = a.watcher.Run(ctx) })
		feeding.Go(func() { a.forward(ctx, a.watcher.Events()) })
	}
	a.delivery.DrainQueue()
	feeding.Wait()
	taking.Wait()
	stopDelivery()
	delivering.Wait()
	a.log.Info("stopped")
	return watchErr
}

func (a *Agent) begin(ctx context.Context) error {
	a.log.Info("watching", "root", show(a.cfg.Root.Dir), "pattern", a.cfg.Pattern.String(), "queue_db", a.cfg.QueueDB)
	if err := a.cfg.Root.Check(); err != nil {
		a.log.Warn("the watch path cannot be read; waiting for it", "error", err)
	}
	return a.state.Update(ctx, func(v state.View) error { return v.Notes.Set(ctx, noteLink, linkNote{State: linkUnknown}) })
}

// forward takes what the watcher hands on to the intake.
func (a *Agent) forward(ctx context.Context, events <-chan watch.Event) {
	for e := range events {
		if e.Op == watch.LookAgain {
			a.Scan()
			continue
		}
		l := look{key: hashindex.Key{Root: a.cfg.Root.Label, Path: e.Path}, at: e.At}
		if a.intake.looks.add(ctx, l, true) != nil {
			continue // stopping: the channel is read to its end
		}
	}
}

// Scan has the directory compared with the index as soon as no other scan is under way.
func (a *Agent) Scan() {
	select {
	case a.scanNow <- struct{}{}:
	default:
	}
}

func (a *Agent) scanLoop(ctx context.Context) {
	a.Scan()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.scanNow:
			a.scan(ctx)
		}
	}
}

// scan looks at every file whose stamp is not the index's, or whose intent nobody is carrying out.
func (a *Agent) scan(ctx context.Context) {
	a.scanning.Store(true)
	defer a.scanning.Store(false)
	begin := time.Now()
	differing := 0
	scanner := hashindex.Scanner{Index: a.state.Index, Root: a.cfg.Root, Match: a.cfg.Pattern.Match}
	seen, err := scanner.Run(ctx, func(path string, stamp *hashindex.Stamp, old *hashindex.Entry) error {
		if !a.differs(stamp, old) {
			return nil
		}
		differing++
		key := hashindex.Key{Root: a.cfg.Root.Label, Path: path}
		return a.intake.looks.add(ctx, look{key: key, at: time.Now()}, false)
	})
	if ctx.Err() != nil {
		return
	}
	note := passNote{At: begin, Files: seen.Files, Differing: differing, DurationMS: time.Since(begin).Milliseconds()}
	for _, p := range seen.Problems {
		a.log.Warn("a part of the watch path cannot be read", "error", p)
	}
	if err != nil {
		note.Error = err.Error()
		a.log.Warn("the scan of the watch path stopped", "error", err)
	} else {
		a.log.Info("scanned", "files", seen.Files, "differing", differing, "ms", note.DurationMS)
	}
	a.note(noteScan, note)
}

func (a *Agent) differs(stamp *hashindex.Stamp, old *hashindex.Entry) bool {
	switch {
	case stamp == nil, old == nil, *stamp != old.Stamp, old.Racy, old.State == hashindex.Gone:
		return true
	case old.State == hashindex.Pending:
		return !a.delivery.Holds(store.Source(old.Key), old.Hash)
	default:
		return false
	}
}

// Idle says whether nothing is under way: no scan, no look, no file that is settling, no record in a lane or in flight. What
// waits in the queue does not count.
func (a *Agent) Idle() bool {
	return len(a.scanNow) == 0 && !a.scanning.Load() && a.intake.looks.idle() && len(a.intake.findings) == 0 && a.delivery.Idle()
}

func (a *Agent) linkChanged(s store.LinkStatus) {
	note := linkNote{State: linkOnline, Since: s.Since}
	switch {
	case s.Online:
		a.log.Info("the remote answers")
	case s.Class == store.Outage:
		a.log.Warn("the remote cannot be reached; records wait in the offline queue", "error", s.Err)
	default:
		a.log.Error("the remote does not take our records; they wait in the offline queue", "class", s.Class.String(), "error", s.Err)
	}
	if !s.Online {
		note.State, note.Error = linkOffline, fmt.Sprint(s.Err)
	}
	a.note(noteLink, note)
}

func (a *Agent) note(name string, value any) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := a.state.Update(ctx, func(v state.View) error { return v.Notes.Set(ctx, name, value) }); err != nil {
		a.log.Warn("cannot note the agent's status", "error", err)
	}
}
