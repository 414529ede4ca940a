package reconcile

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// Commands by which passes stand in the history.
const (
	commandRun       = "run"
	commandReconcile = "reconcile"
	commandVerify    = "verify"
)

// askedEvery is how often a running agent looks for passes that other processes ask for.
const askedEvery = 500 * time.Millisecond

var depth = map[Mode]int{Scan: 1, Quick: 2, Full: 3}

// want asks for a pass as soon as no other is under way. Wishes that come together are one pass, of the greatest depth.
func (a *Agent) want(mode Mode) {
	a.wantMu.Lock()
	if depth[mode] > depth[a.wanted] {
		a.wanted = mode
	}
	a.wantMu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *Agent) takeWanted() Mode {
	a.wantMu.Lock()
	defer a.wantMu.Unlock()
	mode := a.wanted
	a.wanted = ""
	return mode
}

// passLoop makes the passes of the agent: scans one at a time, and beside them one at a time of the others, which wait for files and
// deliveries. A share that is slow, or a remote, is not to keep the agent from finding what is new elsewhere.
func (a *Agent) passLoop(ctx context.Context) {
	asked := time.NewTicker(askedEvery)
	defer asked.Stop()
	var under chan struct{} // closed when the pass under way is over; nil: there is none
	var later Mode          // what is wanted then
	begin := func(pass func()) {
		under = make(chan struct{})
		go func() { defer close(under); pass() }()
	}
	for {
		requests := asked.C
		if under != nil {
			requests = nil
		}
		select {
		case <-ctx.Done():
			if under != nil {
				<-under
			}
			return
		case <-under:
			if under = nil; later != "" {
				a.want(later)
			}
			later = ""
		case <-a.wake:
			switch mode := a.takeWanted(); {
			case mode == "":
			case mode == Scan:
				a.runScan(ctx)
			case under == nil:
				begin(func() { a.runPass(ctx, mode) })
			default:
				if depth[mode] > depth[later] {
					later = mode
				}
				a.runScan(ctx) // which may have been wanted too
			}
		case <-requests:
			begin(func() { a.answerRequest(ctx) })
		}
	}
}

// runScan makes a scan. Scans are too many for the history.
func (a *Agent) runScan(ctx context.Context) {
	a.scanning.Store(true)
	defer a.scanning.Store(false)
	a.tellScan(ctx, a.pass(ctx, Scan, PassOptions{}, nil))
}

// runPass makes a pass that the agent itself wants.
func (a *Agent) runPass(ctx context.Context, mode Mode) {
	a.passing.Store(true)
	defer a.passing.Store(false)
	var id int64
	err := a.state.Update(ctx, func(v state.View) (err error) {
		if id, err = v.Passes.Request(ctx, commandRun, string(mode), PassOptions{}); err != nil {
			return err
		}
		return v.Passes.Begin(ctx, id)
	})
	if err != nil {
		a.log.Error("cannot write the history of passes", "error", err)
	}
	r := a.pass(ctx, mode, PassOptions{}, nil)
	if ctx.Err() == nil { // what a stop has cut short says nothing
		a.recorded(ctx, id, r)
	}
}

// answerRequest makes a pass that another process has asked for.
func (a *Agent) answerRequest(ctx context.Context) {
	asked, err := a.state.Passes.Next(ctx)
	if err != nil || asked == nil {
		if err != nil && ctx.Err() == nil {
			a.log.Error("cannot look for requests", "error", err)
		}
		return
	}
	a.passing.Store(true)
	defer a.passing.Store(false)
	var opts PassOptions
	if err := json.Unmarshal(asked.Options, &opts); err != nil {
		a.log.Error("cannot read the options of a pass", "error", err)
	}
	if err := a.state.Update(ctx, func(v state.View) error { return v.Passes.Begin(ctx, asked.ID) }); err != nil {
		a.log.Error("cannot write the history of passes", "error", err)
		return
	}
	r := a.pass(ctx, Mode(asked.Mode), opts, func(p Progress) { a.note(noteProgress, p) })
	a.recorded(ctx, asked.ID, r)
}

// recorded writes a pass into history and log. One that a stop cut short is written down as such: somebody may wait for it.
func (a *Agent) recorded(ctx context.Context, id int64, r *Report) {
	if ctx.Err() != nil {
		r.Outcome, r.InSync = Incomplete, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.state.Update(ctx, func(v state.View) error { return v.Passes.Finish(ctx, id, r) }); err != nil {
		a.log.Error("cannot write the history of passes", "error", err)
	}
	say := a.log.Info
	if r.Outcome != Complete {
		say = a.log.Warn
	}
	say("reconciled", "mode", r.Mode, "outcome", r.Outcome, "in_sync", r.InSync, "files", r.Files, "added", r.Added, "changed", r.Changed,
		"gone", r.Gone, "remote_missing", r.RemoteMissing, "uploaded", r.Uploaded, "queued", r.Queued, "dead", r.Dead,
		"expanded", r.Expanded, "expand_stale", r.ExpandStale, "expand_errors", r.ExpandErrors, "ms", r.DurationMS)
	a.warn(r)
	a.tellHands(r)
}

func (a *Agent) tellScan(ctx context.Context, r *Report) {
	if ctx.Err() != nil {
		return
	}
	a.log.Debug("scanned", "files", r.Files, "ms", r.DurationMS)
	a.warn(r)
	a.note(noteScan, scanNote{At: r.At, Files: r.Files, DurationMS: r.DurationMS, Outcome: r.Outcome, Skipped: a.skipped.Load(), Roots: r.Roots})
}

// warn logs what stood in the way of a pass, as long as it is not the same as the last time.
func (a *Agent) warn(r *Report) {
	trouble := ""
	for _, p := range r.Problems {
		if p.hinders() {
			trouble += p.Kind + ": " + p.Error + "\n"
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if trouble != "" && trouble != a.trouble {
		a.log.Warn("something stood in the way of a pass", "mode", r.Mode, "outcome", r.Outcome, "error", trouble)
	}
	if trouble == "" && a.trouble != "" {
		a.log.Info("nothing stands in the way any more")
	}
	a.trouble = trouble
}
