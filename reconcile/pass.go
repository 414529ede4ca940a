package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/diff"
	"github.com/gfxsync/gfxsync/reconcile/ingest"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// PassOptions are what a person may ask of a pass.
type PassOptions struct {
	// AcceptMissing takes it as given that the files that are not there are gone, even if the root is empty or another
	// folder.
	AcceptMissing bool `json:"accept_missing,omitempty"`
}

// pass is one pass over some of the roots. What it finds different goes through the ingest like a file event.
type pass struct {
	*Agent
	mode     Mode
	opts     PassOptions
	roots    []hashindex.Root
	report   *Report
	progress *passProgress
	batches  map[string]*ingest.Batch // by label of the root: the files that are examined for this pass
}

// pass makes one pass over all roots to its end, deliveries included.
func (a *Agent) pass(ctx context.Context, mode Mode, opts PassOptions, progress func(Progress)) *Report {
	var r *Report
	a.watched(func() { r = a.passOf(ctx, a.cfg.Roots, mode, opts, progress) })
	return r
}

// scan makes a scan of one root. It does not wait until what it has found is delivered.
func (a *Agent) scan(ctx context.Context, root hashindex.Root) *Report {
	return a.passOf(ctx, []hashindex.Root{root}, Scan, PassOptions{}, nil)
}

func (a *Agent) passOf(ctx context.Context, roots []hashindex.Root, mode Mode, opts PassOptions,
	progress func(Progress),
) *Report {
	begin, before, requests := time.Now(), a.counts(), a.cfg.Remote.Requests()
	p := &pass{
		Agent: a, mode: mode, opts: opts, roots: roots, report: newReport(&a.cfg, roots, mode, begin),
		batches: map[string]*ingest.Batch{},
	}
	r := p.report
	if mode != Scan {
		p.checkRoots(ctx)
		for _, root := range p.roots {
			p.batches[root.Label] = new(ingest.Batch)
		}
	}
	if len(p.roots) > 0 {
		p.progress = newProgress(ctx, a.state.Index, progress)
		p.run(ctx)
	} else {
		a.compared() // no root is there to be scanned, and the next pass compares
	}
	r.since(before, a.counts())
	r.Requests = a.cfg.Remote.Requests() - requests
	r.DurationMS = time.Since(begin).Milliseconds()
	if mode == Scan {
		return r // scans are too frequent to sum up the whole index each time
	}
	if err := r.readState(ctx, a.state.View, a.rows.scopes()); err != nil {
		r.incomplete()
		r.problem(fileid.ID{}, kindIndex, err.Error())
	}
	r.InSync = r.Outcome == Complete && !r.remains()
	return r
}

// checkRoots leaves out the roots that cannot be listed, and reports them. A scan finds that out by itself.
func (p *pass) checkRoots(ctx context.Context) {
	check := func(root hashindex.Root) (struct{}, error) { return struct{}{}, root.Check() }
	var there []hashindex.Root
	for root, checked := range inTurns(ctx, p.roots, p.walking, check) {
		if p.report.cut(root, checked.err); checked.err == nil {
			there = append(there, root)
		}
	}
	p.roots = there
}

func (p *pass) run(ctx context.Context) {
	if p.mode != Scan {
		// First, so that what the table lacks is examined, and what it has is not sent again.
		p.compareTable(ctx)
	}
	if p.mode == Full {
		p.reviveDead(ctx)
		p.forgetGone(ctx)
	}
	for root, walked := range inTurns(ctx, p.roots, p.walking, func(root hashindex.Root) (hashindex.ScanResult, error) {
		return p.walk(ctx, root)
	}) {
		p.report.scanned(root, walked.value, walked.err)
	}
	if p.mode == Full {
		p.rehashRoots(ctx)
	}
	p.progress.end()
	if p.mode == Scan || p.report.Outcome == RootUnavailable {
		return
	}
	if p.deliver(ctx) != nil {
		return
	}
	if link := p.delivery.Circuit(); !link.Closed() && p.report.Outcome == Complete {
		p.report.remoteFailed(link.Err)
	}
	if p.report.Outcome == Complete {
		p.correctNames(ctx, p.report)
	}
	if p.report.Outcome == Complete && p.cfg.DeleteSuperseded {
		p.deleteSuperseded(ctx, p.report)
	}
	if p.delivery.Circuit().Closed() {
		p.expand(ctx, p.report, p.mode)
	}
}

// compareTable asks the table what it has. What the index took it to have and it has not is an intent again.
func (p *pass) compareTable(ctx context.Context) {
	r := p.report
	err := p.rows.diff(ctx, p.hintNoDigest, func(d difference) error {
		return p.state.Update(ctx, func(v state.View) error {
			missing, err := d.apply(ctx, v)
			r.RemoteMissing += missing
			return err
		})
	})
	if err == nil {
		err = p.state.Update(ctx, func(v state.View) error {
			missing, err := p.rows.settle(ctx, v)
			r.RemoteMissing += missing
			return err
		})
	}
	if err != nil {
		r.remoteFailed(err)
	}
	p.compared()
	p.requeueOrphans(ctx)
}

// requeueOrphans makes intents of the files whose state nothing stands behind.
func (p *pass) requeueOrphans(ctx context.Context) {
	var orphans int64
	err := p.state.Update(ctx, func(v state.View) error {
		for _, scope := range p.rows.scopes() {
			n, err := v.In(scope).RequeueOrphans(ctx)
			if err != nil {
				return err
			}
			orphans += n
		}
		return nil
	})
	if orphans > 0 {
		p.log.Info("intents were missing in the index; their files are sent again", "files", orphans)
	}
	if err != nil {
		p.report.incomplete()
		p.report.problem(fileid.ID{}, kindIndex, err.Error())
	}
}

func (a *Agent) hintNoDigest(err error) {
	a.noDigest.Do(func() {
		a.log.Warn("comparing with the remote page by page, which costs a request for a thousand rows", "error", err)
	})
}

// goneKept is how long the index remembers that a file is gone. What its row names is corrected long before.
const goneKept = 90 * 24 * time.Hour

func (p *pass) forgetGone(ctx context.Context) {
	err := p.state.Update(ctx, func(v state.View) error {
		n, err := v.Index.ForgetGone(ctx, p.report.At.Add(-goneKept))
		if n > 0 {
			p.log.Info("files that are gone for long are forgotten", "files", n)
		}
		return err
	})
	if err != nil {
		p.report.problem(fileid.ID{}, kindIndex, err.Error())
	}
}

func (p *pass) reviveDead(ctx context.Context) {
	err := p.state.Update(ctx, func(v state.View) error {
		_, err := v.RetryQueued(ctx, 0)
		return err
	})
	if err != nil {
		p.report.problem(fileid.ID{}, kindIndex, err.Error())
	}
}

// walk has every file examined that is not as the index has it, or whose intent nobody is carrying out. A full pass
// hashes the others afterwards.
func (p *pass) walk(ctx context.Context, root hashindex.Root) (hashindex.ScanResult, error) {
	root.Live = root.Live.WithObserver(func() { p.step(p.walking[root.Label]) })
	files := diff.Files{
		Index: p.state.Index, Root: root, Match: p.cfg.Pattern.Match, AcceptMissing: p.opts.AcceptMissing,
	}
	var err error
	if files.Before, err = folderOf(ctx, p.state.View, root); err != nil {
		return hashindex.ScanResult{}, err
	}
	identity, err := root.Identity()
	if err != nil {
		return hashindex.ScanResult{}, err
	}
	seen, err := files.Walk(ctx, func(f diff.File) error {
		p.ingest.RootSeen(root.Label, identity)
		if !p.differs(f) {
			if p.mode != Full {
				p.progress.file(0)
			}
			return nil
		}
		if f.Kind != diff.Gone {
			p.progress.file(f.Size)
		}
		return p.examine(ctx, ingest.Task{Key: f.Key, Rehash: p.mode == Full, Missing: f.Kind == diff.Gone})
	})
	if err == nil {
		p.ingest.RootSeen(root.Label, identity)
		p.detected[root.Label].walkEnded()
		err = p.noteFolder(ctx, root)
	}
	return seen, err
}

// differs says whether a file is to be examined. A full pass hashes each file in any case.
func (p *pass) differs(f diff.File) bool {
	switch f.Kind {
	case diff.Same, diff.Racy:
		intent := f.Known.State == hashindex.Pending
		return f.Kind == diff.Racy && p.mode != Full ||
			intent && !p.delivery.Holds(f.Key, f.Known.Hash) // nobody is carrying it out
	default:
		return true
	}
}

// examine has a file examined. A scan does not wait for what comes of it.
func (p *pass) examine(ctx context.Context, t ingest.Task) error {
	t.At = time.Now()
	return p.ingest.Add(ctx, t, p.batches[t.Key.Root])
}

// deliver waits until what the pass has found is delivered, or waits in the offline queue. It fails only with the
// context's error.
func (p *pass) deliver(ctx context.Context) error {
	if err := p.awaitDelivered(ctx); err != nil {
		return err
	}
	if err := p.state.Update(ctx, func(v state.View) error { return v.Queue.MakeDue(ctx) }); err != nil {
		p.stateFailed("cannot have the queue tried again", err)
	}
	if err := p.delivery.Drain(ctx); err != nil {
		return err
	}
	p.examineIntents(ctx)
	return p.awaitDelivered(ctx)
}

// awaitDelivered waits until the files of the pass have been examined, and all records that are on their way have been
// delivered or queued.
func (p *pass) awaitDelivered(ctx context.Context) error {
	p.awaitExamined(ctx)
	p.delivery.Flush()
	return p.delivery.Settle(ctx)
}

// awaitExamined waits until the files of the pass have been examined, and reports the roots that hang.
func (p *pass) awaitExamined(ctx context.Context) {
	for _, root := range p.roots {
		_, err := await(ctx, root.Live, p.batches[root.Label].Examined())
		if errors.Is(err, errHangs) && !p.report.isAway(root.Label) {
			p.report.rootUnavailable(root, err)
		}
	}
}

// intentsPage is how many intents are read from the index at a time.
const intentsPage = 1000

// examineIntents has files examined that became an intent after they were examined. Of a session, one version may have
// been sent before a better one was seen.
func (p *pass) examineIntents(ctx context.Context) {
	for after := (fileid.ID{}); ; {
		page, err := p.state.Index.List(ctx, hashindex.Pending, after, intentsPage)
		if err != nil || len(page) == 0 {
			return // what is left over shows in the report
		}
		for _, e := range page {
			if after = e.ID; p.delivery.Holds(e.ID, e.Hash) || p.report.isAway(e.Root) {
				continue
			}
			if p.examine(ctx, ingest.Task{Key: e.ID}) != nil {
				return
			}
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
	unreadable, err := v.Index.CountUnreadable(ctx)
	if err != nil {
		return err
	}
	if unreadable > 0 { // what is in them is not known, nor whether the table has it
		r.incomplete()
		r.problem(fileid.ID{}, kindUnreadFile,
			plural(unreadable, "file", "files")+" could not be read; gfxsync invalid list names them")
	}
	// A record that the operator has dropped is in no queue, and still not on the remote.
	r.Dead = max(r.Dead, counts[hashindex.Dead])
	foreign, err := v.Index.CountForeign(ctx)
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
	}{
		{hashindex.Dead, kindDead},
		{hashindex.Queued, kindQueued},
		{hashindex.Pending, kindPending},
		{hashindex.Invalid, kindInvalid},
	} {
		page, err := v.Index.List(ctx, s.state, fileid.ID{}, maxProblems)
		if err != nil {
			return fmt.Errorf("list what is %s: %w", s.state, err)
		}
		for _, e := range page {
			r.problem(e.ID, s.kind, e.Error)
		}
	}
	return nil
}
