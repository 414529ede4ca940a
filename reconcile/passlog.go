package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// Commands by which passes stand in the history.
const (
	commandRun       = "run"
	commandReconcile = "reconcile"
	commandVerify    = "verify"
)

// runPass makes a pass that the agent itself wants.
func (a *Agent) runPass(ctx context.Context, mode Mode) {
	var id int64
	err := a.state.Update(ctx, func(v state.View) (err error) {
		if id, err = v.Passes.Request(ctx, commandRun, string(mode), PassOptions{}); err != nil {
			return err
		}
		return v.Passes.Begin(ctx, id)
	})
	if err != nil {
		a.stateFailed("cannot write the history of passes", err)
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
			a.stateFailed("cannot look for requests", err)
		}
		return
	}
	var opts PassOptions
	if err := json.Unmarshal(asked.Options, &opts); err != nil {
		a.log.Error("cannot read the options of a pass", "error", err)
	}
	if err := a.state.Update(ctx, func(v state.View) error { return v.Passes.Begin(ctx, asked.ID) }); err != nil {
		a.stateFailed("cannot write the history of passes", err)
		return
	}
	r := a.pass(ctx, Mode(asked.Mode), opts, func(p Progress) { a.note(noteProgress, p) })
	a.recorded(ctx, asked.ID, r)
}

// recorded writes a pass into history and log. A pass that a stop cut short is written down as such: somebody may wait
// for it.
func (a *Agent) recorded(ctx context.Context, id int64, r *Report) {
	if ctx.Err() != nil {
		r.Outcome, r.InSync = Incomplete, false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.state.Update(ctx, func(v state.View) error { return v.Passes.Finish(ctx, id, r) }); err != nil {
		a.stateFailed("cannot write the history of passes", err)
	}
	say := a.log.Info
	if r.Outcome != Complete {
		say = a.log.Warn
	}
	say("reconciled", "mode", r.Mode, "outcome", r.Outcome, "in_sync", r.InSync, "files", r.Files,
		"added", r.Added, "changed", r.Changed, "gone", r.Gone, "remote_missing", r.RemoteMissing,
		"uploaded", r.Uploaded, "renamed", r.Renamed,
		"queued", r.Queued, "dead", r.Dead,
		"expanded", r.Expanded, "expand_stale", r.ExpandStale, "expand_errors", r.ExpandErrors, "ms", r.DurationMS)
	a.warn(r)
	a.tellHands(r)
}

// tellScan writes the report of a scan into log and status. There are too many scans for the history.
func (a *Agent) tellScan(ctx context.Context, root hashindex.Root, r *Report) {
	if ctx.Err() != nil {
		return
	}
	a.log.Debug("scanned", "root", root.String(), "files", r.Files, "ms", r.DurationMS)
	a.warn(r)
	if w := a.watchers[root.Label]; w != nil {
		watched := w.Status()
		r.Roots[0].Watch = &watched
	}
	r.Roots[0].Detection = a.detectionOf(a.detected[root.Label])
	a.mu.Lock()
	a.scans[root.Label] = r
	note := a.scanNote()
	a.mu.Unlock()
	a.note(noteScan, note)
}

// scanNote sums up the last scans of the roots. The caller holds the lock.
func (a *Agent) scanNote() scanNote {
	sum := scanNote{Skipped: a.scheduler.skipped()}
	for _, root := range a.cfg.Roots {
		r := a.scans[root.Label]
		if r == nil {
			continue
		}
		sum.Files += r.Files
		sum.DurationMS = max(sum.DurationMS, r.DurationMS)
		sum.Roots = append(sum.Roots, r.Roots...)
		if r.At.After(sum.At) {
			sum.At = r.At
		}
		if sum.Outcome = cmp.Or(sum.Outcome, r.Outcome); sum.Outcome != r.Outcome {
			sum.Outcome = Incomplete // of all roots together
		}
	}
	return sum
}

// rootNamed is how a root is called in the log. The label of a single root may be empty.
func rootNamed(label string) string { return strings.TrimSpace("root " + label) }

// warn logs what was found wrong with each root, and with the remote, unless it is the same as the last time. A scan
// does not ask the remote.
func (a *Agent) warn(r *Report) {
	found := map[string]string{}
	for _, root := range r.Roots {
		found[rootNamed(root.Label)] = ""
	}
	if r.Mode != Scan && r.Outcome != RootUnavailable { // else the remote was not asked
		found[partRemote] = ""
	}
	for _, p := range r.Problems {
		if !p.hinders() {
			continue
		}
		of := rootNamed(p.Root)
		if p.Kind == kindRemote || p.Kind == kindIndex {
			of = partRemote
		}
		found[of] += p.Kind + ": " + p.Error + "\n"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for of, trouble := range found {
		if trouble != "" && trouble != a.trouble[of] {
			a.log.Warn("something stood in the way of a pass", "mode", r.Mode, "outcome", r.Outcome, "error", trouble)
		}
		if trouble == "" && a.trouble[of] != "" {
			a.log.Info("nothing stands in the way any more", "of", of)
		}
		if of != partRemote { // the circuit tells of that
			a.cfg.Observer.Trouble(of, trouble)
		}
		a.trouble[of] = trouble
	}
}
