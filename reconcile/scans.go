package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// reachable returns the roots that can be scanned, and reports the others. Of each it has what was begun before come to its end.
func (a *Agent) reachable(ctx context.Context, r *Report) (there []hashindex.Root) {
	checks := make([]*task, len(a.cfg.Roots))
	for i, root := range a.cfg.Roots {
		t, err := a.start(ctx, root, false, Quick, func() (hashindex.Scanned, error) { return hashindex.Scanned{}, root.Check() })
		if err != nil {
			r.unfinished(root, t, err)
			continue
		}
		checks[i] = t
	}
	for i, root := range a.cfg.Roots {
		if checks[i] == nil {
			continue
		}
		if err := checks[i].wait(ctx, 0); err != nil {
			r.unfinished(root, checks[i], err)
			continue
		}
		if err := checks[i].err; err != nil {
			r.rootUnavailable(root, err)
			continue
		}
		there = append(there, root)
	}
	return there
}

// start begins what is asked of a root's file system, as soon as what was begun before has come to its end; a scan that finds
// something under way is content with that. So those of a share that hangs do not pile up.
func (a *Agent) start(ctx context.Context, root hashindex.Root, isScan bool, mode Mode, do func() (hashindex.Scanned, error)) (*task, error) {
	for {
		a.mu.Lock()
		before := a.tasks[root.Label]
		if before == nil || !before.running() {
			t := startTask(a.intake.pulse(root.Label), isScan, do)
			a.tasks[root.Label] = t
			a.mu.Unlock()
			return t, nil
		}
		a.mu.Unlock()
		if mode == Scan {
			a.skipped.Add(1)
			return before, nil
		}
		if err := before.wait(ctx, 0); err != nil {
			return before, err
		}
	}
}

// scanRoots scans the roots at the same time. A scan that is left to go on, because it is slow or hangs, is taken up by a later one.
func (a *Agent) scanRoots(ctx context.Context, r *Report, roots []hashindex.Root, mode Mode, opts PassOptions, p *passProgress) {
	scans := make([]*task, len(roots))
	for i, root := range roots {
		t, err := a.start(ctx, root, true, mode, func() (hashindex.Scanned, error) { return a.scan(ctx, root, mode, opts, p) })
		if err != nil {
			r.unfinished(root, t, err)
			continue
		}
		scans[i] = t
	}
	deadline := time.Now().Add(slowScan)
	for i, root := range roots {
		if scans[i] == nil {
			continue
		}
		patience := time.Duration(0)
		if mode == Scan && len(a.cfg.Roots) > 1 {
			patience = max(time.Until(deadline), time.Nanosecond)
		}
		err := scans[i].wait(ctx, patience)
		if err == nil && !scans[i].scan {
			err = errGoesOn // the file system has answered at last, and the next pass scans it
		}
		if err != nil {
			r.unfinished(root, scans[i], err)
			continue
		}
		r.scanned(root, scans[i].seen, scans[i].err)
	}
}

// unfinished reports a root whose task has not come to its end.
func (r *Report) unfinished(root hashindex.Root, t *task, err error) {
	if !errors.Is(err, errGoesOn) {
		r.scanned(root, hashindex.Scanned{}, err)
		return
	}
	// A slow share is no problem, but nobody is to take this pass for the whole picture.
	r.incomplete()
	for i := range r.Roots {
		if r.Roots[i].Label == root.Label {
			r.Roots[i].Error = "the scan begun at " + t.begun.Format(time.TimeOnly) + " goes on"
		}
	}
}
