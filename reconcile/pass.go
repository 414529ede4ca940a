package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// PassOptions are what a person may ask of a pass.
type PassOptions struct {
	// AcceptMissing takes an empty root for what it seems: all files are gone.
	AcceptMissing bool `json:"accept_missing,omitempty"`
}

// giveUp is how long a pass waits for its deliveries: in all, or, where it alone is at work, without any of them coming to an end.
const giveUp = time.Minute

// pass makes one pass to its end, deliveries included. Whatever it finds different goes through the intake like a file event.
func (a *Agent) pass(ctx context.Context, mode Mode, opts PassOptions, progress func(Progress)) *Report {
	return a.passOf(ctx, a.cfg.Roots, mode, opts, progress)
}

// passOf is pass for some of the roots.
func (a *Agent) passOf(ctx context.Context, roots []hashindex.Root, mode Mode, opts PassOptions,
	progress func(Progress),
) *Report {
	begin, before, requests := time.Now(), a.counts.now(), a.cfg.Remote.Requests()
	r := newReport(&a.cfg, roots, mode, begin)
	if mode != Scan { // which finds out by itself, and asks nobody else
		roots = a.reachable(ctx, r, roots)
	}
	if len(roots) > 0 {
		a.passOver(ctx, r, roots, mode, opts, progress)
	} else {
		a.compared() // no root is there to be scanned, and the next pass compares
	}
	r.since(before, a.counts.now())
	r.Requests = a.cfg.Remote.Requests() - requests
	r.DurationMS = time.Since(begin).Milliseconds()
	if mode == Scan {
		return r // too frequent to sum up the whole index each time
	}
	if err := r.readState(ctx, a.state.View, a.cfg.scopes()); err != nil {
		r.incomplete()
		r.problem(hashindex.Key{}, kindIndex, err.Error())
	}
	r.InSync = r.Outcome == Complete && !r.remains()
	return r
}

// reachable returns the roots that can be listed, and reports the others.
func (a *Agent) reachable(ctx context.Context, r *Report, roots []hashindex.Root) (there []hashindex.Root) {
	check := func(root hashindex.Root) (struct{}, error) { return struct{}{}, root.Check() }
	for root, checked := range inTurns(ctx, roots, a.walking, check) {
		if r.cut(root, checked.err); checked.err == nil {
			there = append(there, root)
		}
	}
	return there
}

func (a *Agent) passOver(ctx context.Context, r *Report, roots []hashindex.Root, mode Mode, opts PassOptions, progress func(Progress)) {
	if mode != Scan {
		// Before the scan, so that what the remote lost is looked at, and what it has is not sent again.
		a.compareRemote(ctx, r)
	}
	if mode == Full {
		a.reviveDead(ctx, r)
		a.forgetGone(ctx, r)
	}
	p := newProgress(ctx, a.state.Index, progress)
	walked := inTurns(ctx, roots, a.walking, func(root hashindex.Root) (hashindex.Scanned, error) {
		return a.walk(ctx, root, mode, opts, p)
	})
	for root, w := range walked {
		r.scanned(root, w.value, w.err)
	}
	if mode == Full {
		a.rehashRoots(ctx, r, roots, p)
	}
	p.end()
	if mode == Scan || r.Outcome == RootUnavailable {
		return
	}
	a.finish(ctx)
	for _, root := range roots {
		if a.intake.looks[root.Label].hangs() {
			r.rootUnavailable(root, errHangs)
		}
	}
	if link := a.delivery.Circuit(); !link.Closed() && r.Outcome == Complete {
		r.remoteFailed(link.Err)
	}
	if r.Outcome == Complete {
		a.correctNames(ctx, r)
	}
	if r.Outcome == Complete && a.cfg.DeleteSuperseded {
		a.deleteSuperseded(ctx, r)
	}
	if a.delivery.Circuit().Closed() && ctx.Err() == nil {
		a.expand(ctx, r, mode)
	}
}

// compareRemote asks the remote what it has. What the index took it to have and it has not is an intent again.
func (a *Agent) compareRemote(ctx context.Context, r *Report) {
	compare := a.compareHashes
	if a.cfg.bySession() {
		compare = a.compareSessions
	}
	if err := compare(ctx, r); err != nil {
		r.remoteFailed(err)
	}
	a.compared()
	a.heal(ctx, r)
}

func (a *Agent) compareHashes(ctx context.Context, r *Report) error {
	for _, scope := range a.cfg.scopes() {
		d := remoteDiff{index: a.state.In(scope).Index, table: a.cfg.table(scope), hint: a.hintNoDigest}
		d.lost = func(ctx context.Context, hashes []string) error {
			return a.state.Update(ctx, func(v state.View) error {
				missing, err := writeLost(ctx, v.In(scope), hashes)
				r.RemoteMissing += missing
				return err
			})
		}
		d.found = func(ctx context.Context, hashes []string) error {
			return a.state.Update(ctx, func(v state.View) error { return writeFound(ctx, v.In(scope), hashes) })
		}
		if err := d.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// writeLost returns how many of the hashes present files have.
func writeLost(ctx context.Context, v state.View, hashes []string) (missing int64, err error) {
	for _, h := range hashes {
		_, present, err := v.Index.WithHash(ctx, h)
		if err != nil {
			return missing, err
		}
		if present {
			missing++
		}
		if err := v.Index.RemoteLost(ctx, h); err != nil {
			return missing, err
		}
	}
	return missing, nil
}

func writeFound(ctx context.Context, v state.View, hashes []string) error {
	now := time.Now()
	for _, h := range hashes {
		if err := v.Index.RemoteFound(ctx, h, now); err != nil {
			return err
		}
		if err := v.Queue.Done(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func (a *Agent) heal(ctx context.Context, r *Report) {
	var healed int64
	err := a.state.Update(ctx, func(v state.View) error {
		for _, scope := range a.cfg.scopes() {
			n, err := v.In(scope).Heal(ctx)
			if err != nil {
				return err
			}
			healed += n
		}
		return nil
	})
	if healed > 0 {
		a.log.Info("intents were missing in the index", "files", healed)
	}
	if err != nil {
		r.incomplete()
		r.problem(hashindex.Key{}, kindIndex, err.Error())
	}
}

func (a *Agent) hintNoDigest(err error) {
	a.noDigest.Do(func() {
		a.log.Warn("comparing with the remote page by page, which costs a request for a thousand rows", "error", err)
	})
}

// goneKept is how long it is remembered which files are gone: what their rows name is corrected long before.
const goneKept = 90 * 24 * time.Hour

func (a *Agent) forgetGone(ctx context.Context, r *Report) {
	err := a.state.Update(ctx, func(v state.View) error {
		n, err := v.Index.ForgetGone(ctx, r.At.Add(-goneKept))
		if n > 0 {
			a.log.Info("files that are gone for long are forgotten", "files", n)
		}
		return err
	})
	if err != nil {
		r.problem(hashindex.Key{}, kindIndex, err.Error())
	}
}

func (a *Agent) reviveDead(ctx context.Context, r *Report) {
	err := a.state.Update(ctx, func(v state.View) error {
		_, err := v.RetryQueued(ctx, 0)
		return err
	})
	if err != nil {
		r.problem(hashindex.Key{}, kindIndex, err.Error())
	}
}

// walk looks at every file whose stamp is not the index's, or whose intent nobody is carrying out. In a full pass, the
// others are hashed afterwards.
func (a *Agent) walk(ctx context.Context, root hashindex.Root, mode Mode, opts PassOptions,
	p *passProgress,
) (hashindex.Scanned, error) {
	scanner := hashindex.Scanner{
		Index: a.state.Index, Root: root, Match: a.cfg.Pattern.Match, AcceptEmpty: opts.AcceptMissing,
	}
	if !opts.AcceptMissing {
		if err := checkRootIsTheSame(ctx, a.state.View, root); err != nil {
			return hashindex.Scanned{}, err
		}
	}
	identity, err := root.Identity()
	if err != nil {
		return hashindex.Scanned{}, err
	}
	seen, err := scanner.Run(ctx, func(path string, stamp *hashindex.Stamp, old *hashindex.Known) error {
		a.intake.rootSeen(root.Label, identity)
		l := look{key: hashindex.Key{Root: root.Label, Path: path}, at: time.Now()}
		if stamp != nil && old != nil && !a.differs(mode, stamp, old) {
			if mode != Full {
				p.file(0)
			}
			return nil
		}
		if stamp != nil {
			p.file(stamp.Size)
		}
		l.recheck, l.missing = mode == Full, stamp == nil
		return a.intake.looks.add(ctx, l)
	})
	if err == nil {
		a.intake.rootSeen(root.Label, identity)
		err = a.noteRoot(ctx, root)
	}
	return seen, err
}

// finish waits until what the pass has found is delivered, waits in the queue, or does not move any more.
func (a *Agent) finish(ctx context.Context) {
	a.waitIdle(ctx, a.intakeIdle)
	a.delivery.Flush()
	a.waitIdle(ctx, a.Idle)
	if ctx.Err() != nil {
		return
	}
	if err := a.state.Update(ctx, func(v state.View) error { return v.Queue.MakeDue(ctx) }); err != nil {
		a.log.Error("cannot have the queue tried again", "error", err)
	}
	drains := a.delivery.Drains()
	a.delivery.DrainQueue()
	a.waitIdle(ctx, func() bool { return a.delivery.Drains() > drains && a.Idle() })
	a.lookAtIntents(ctx)
	a.waitIdle(ctx, a.Idle)
}

// lookAtIntents looks again at files that became an intent after they were looked at: of a session, one version may have been sent
// before a better one was seen.
func (a *Agent) lookAtIntents(ctx context.Context) {
	for after := (hashindex.Key{}); ; {
		page, err := a.state.Index.List(ctx, hashindex.Pending, after, maxWaiting)
		if err != nil || len(page) == 0 {
			return // what is left over shows in the report
		}
		for _, e := range page {
			if after = e.Key; a.delivery.Holds(store.Source(e.Key), e.Hash) {
				continue
			}
			if a.intake.looks.add(ctx, look{key: e.Key, at: time.Now()}) != nil {
				return
			}
		}
	}
}

func (a *Agent) waitIdle(ctx context.Context, idle func() bool) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last, since := a.counts.now(), time.Now()
	for !idle() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Beside a watcher there may always be something under way that is not the pass's.
		if now := a.counts.now(); now != last && len(a.watchers) == 0 {
			last, since = now, time.Now()
		} else if time.Since(since) > giveUp {
			a.log.Warn("the pass does not wait any longer for what is under way")
			return
		}
	}
}

// readState fills in what the state file says at the end of a pass.
func (r *Report) readState(ctx context.Context, v state.View, scopes []string) error {
	counts, err := v.Index.Counts(ctx)
	if err != nil {
		return err
	}
	r.Pending, r.Invalid = counts[hashindex.Pending], counts[hashindex.Invalid]
	if r.Queued, r.Dead, err = v.Queue.Counts(ctx); err != nil {
		return err
	}
	unreadable, err := v.Index.Unreadable(ctx)
	if err != nil {
		return err
	}
	if unreadable > 0 { // what is in them is not known, nor whether the table has it
		r.incomplete()
		r.problem(hashindex.Key{}, kindUnreadFile,
			plural(unreadable, "file", "files")+" could not be read; gfxsync invalid list names them")
	}
	// A record that the operator has dropped is in no queue, and still not on the remote.
	r.Dead = max(r.Dead, counts[hashindex.Dead])
	foreign, err := v.Index.RemoteForeign(ctx)
	if err != nil {
		return err
	}
	r.RemoteOnly += foreign
	r.Superseded = counts[hashindex.Superseded]
	for _, scope := range scopes {
		n, err := v.In(scope).CountSuperseded(ctx)
		if err != nil {
			return err
		}
		r.Superseded += n
	}
	return r.listProblems(ctx, v)
}

func (r *Report) listProblems(ctx context.Context, v state.View) error {
	for _, s := range []struct {
		state hashindex.State
		kind  string
	}{{hashindex.Dead, kindDead}, {hashindex.Queued, kindQueued}, {hashindex.Pending, kindPending}, {hashindex.Invalid, kindInvalid}} {
		page, err := v.Index.List(ctx, s.state, hashindex.Key{}, maxProblems)
		if err != nil {
			return fmt.Errorf("list what is %s: %w", s.state, err)
		}
		for _, e := range page {
			r.problem(e.Key, s.kind, e.Error)
		}
	}
	return nil
}
