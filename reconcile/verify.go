package reconcile

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"golang.org/x/sync/errgroup"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/diff"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// Survey reports the differences that a pass would apply. It writes to no index, queue or table, and may be made beside
// a running agent.
type Survey struct {
	Config Config
	State  *state.State
	// Found is called for each file that a reconcile would send, as soon as it is found, one call at a time. It may be
	// nil. With it, Run does not wait for what a running agent has under way.
	Found func(Problem)
	// Progress may be nil.
	Progress func(Progress)

	rows     rows
	mu       sync.Mutex
	report   *Report
	suspects []suspect
	overflow bool
}

// suspect is a file that differs. It is drift, unless it turns out to have been on its way.
type suspect struct {
	key  fileid.ID
	kind string
	hash string // of what the table lacks
}

const (
	// maxSuspects is how many files are compared a second time.
	maxSuspects = 1000
	// inFlight is how long a running agent has, after its flush interval, to finish what it had under way.
	inFlight = 3 * time.Second
)

// Run compares directory, index and table. A full survey hashes every file.
func (s *Survey) Run(ctx context.Context, mode Mode, opts PassOptions) (*Report, error) {
	s.Config.setDefaults()
	begin, requests := time.Now(), s.Config.Remote.Requests()
	var err error
	if s.Config, err = s.Config.forSurvey(ctx, s.State); err != nil {
		return nil, err
	}
	if err := s.Config.check(); err != nil {
		return nil, err
	}
	s.rows = newRows(&s.Config, s.State)
	s.report = newReport(&s.Config, s.Config.Roots, mode, begin)
	err = s.compare(ctx, mode, opts)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		s.report.remoteFailed(err)
	case s.report.Outcome == Complete:
		if err = s.waitForAgent(ctx); err == nil {
			s.compareHands(ctx)
		}
	}
	if err := errors.Join(contextOnly(err), s.report.readState(ctx, s.State.View, s.rows.scopes())); err != nil {
		return nil, err
	}
	r := s.report
	r.Requests = s.Config.Remote.Requests() - requests
	r.DurationMS = time.Since(begin).Milliseconds()
	r.InSync = r.Outcome == Complete && r.Added+r.Changed+r.RemoteMissing == 0 && !r.remains()
	return r, nil
}

func contextOnly(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (s *Survey) compare(ctx context.Context, mode Mode, opts PassOptions) error {
	// The directory comes first: what an agent sends while it is read is then found in the table.
	p := newProgress(ctx, s.State.Index, s.Progress)
	for _, root := range s.Config.Roots {
		asked, cancel := context.WithCancel(ctx)
		seen, err := inTurn(ctx, newTurn(root.Live), func() (hashindex.ScanResult, error) {
			return s.compareFiles(asked, root, mode, opts, p)
		})
		s.report.scanned(root, seen, err)
		cancel() // a walk that was abandoned does nothing more if it goes on
	}
	p.end()
	if ctx.Err() != nil || s.report.Outcome == RootUnavailable {
		return ctx.Err()
	}
	return s.rows.diff(ctx, s.hintNoDigest, func(d difference) error { return d.report(ctx, s) })
}

func (s *Survey) hintNoDigest(err error) {
	s.Config.Logger.Info("comparing with the remote page by page, which costs a request for a thousand rows",
		"error", err)
}

// compareHands asks whether the hands in the database are those of the sessions.
func (s *Survey) compareHands(ctx context.Context) {
	if e, ok := expander(s.Config.Remote); ok {
		state, err := e.Expansion(ctx)
		s.report.expansion(ctx, e, state, err)
	}
}

// missingHash reports a content of a present file that the table lacks, though the index takes it to have it.
func (s *Survey) missingHash(ctx context.Context, index hashindex.Index, hash string) error {
	e, present, err := index.WithHash(ctx, hash)
	if err == nil && present && e.State == hashindex.Synced {
		s.suspect(suspect{key: e.ID, kind: kindRemoteMissing, hash: hash}, &s.report.RemoteMissing)
	}
	return err
}

// missingVersion reports a session whose winner in the folder is better than its row, though the index takes it to be
// the row.
func (s *Survey) missingVersion(ctx context.Context, session int64, row hashindex.Version, there bool) error {
	best, e, ok, err := s.State.Index.BestVersion(ctx, session)
	arrived := there && (row.Hash == best.Hash || row.Better(best))
	if err == nil && ok && !arrived && (e.State == hashindex.Synced || e.State == hashindex.Superseded) {
		s.suspect(suspect{key: e.ID, kind: kindRemoteMissing, hash: best.Hash}, &s.report.RemoteMissing)
	}
	return err
}

func (s *Survey) compareFiles(ctx context.Context, root hashindex.Root, mode Mode, opts PassOptions,
	p *passProgress,
) (hashindex.ScanResult, error) {
	files := diff.Files{
		Index: s.State.Index, Root: root, Match: s.Config.Pattern.Match, AcceptMissing: opts.AcceptMissing,
	}
	var err error
	if files.Before, err = folderOf(ctx, s.State.View, root); err != nil {
		return hashindex.ScanResult{}, err
	}
	readers, readCtx := errgroup.WithContext(ctx)
	readers.SetLimit(s.Config.FullReaders)
	seen, err := files.Walk(ctx, func(f diff.File) error {
		switch {
		case f.Kind == diff.Gone:
			s.report.Gone++
			return nil
		case f.Kind == diff.Added:
			s.suspect(suspect{key: f.Key, kind: kindAdded}, &s.report.Added)
		case mode == Full || f.Kind != diff.Same:
			known := *f.Known
			readers.Go(func() error { s.rehash(readCtx, f.Size, known); return nil })
		}
		p.file(f.Size)
		return nil
	})
	return seen, errors.Join(err, readers.Wait())
}

func (s *Survey) rehash(ctx context.Context, size int64, old hashindex.ScanEntry) {
	if ctx.Err() != nil {
		return
	}
	hash, err := s.Config.root(old.Root).Hash(old.Path, s.Config.Hash)
	if ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) {
		return // gone since it was listed
	}
	if err == nil {
		s.hashed(size)
	}
	if err == nil && hash == old.Hash || err != nil && old.State == hashindex.Invalid {
		return
	}
	s.suspect(suspect{key: old.ID, kind: kindChanged}, &s.report.Changed)
}

func (s *Survey) hashed(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Hashed++
	s.report.BytesHashed += bytes
}

func (s *Survey) suspect(one suspect, count *int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*count++
	if s.Found != nil {
		s.Found(Problem{Root: one.key.Root, Path: show(one.key.Path), Kind: one.kind})
	}
	if s.overflow = s.overflow || len(s.suspects) == maxSuspects; !s.overflow {
		s.suspects = append(s.suspects, one)
	}
}

// waitForAgent gives a running agent time to finish what it has under way. A difference that goes away by itself is
// none.
func (s *Survey) waitForAgent(ctx context.Context) error {
	running, err := s.State.Locked()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(s.Config.Delivery.FlushInterval + inFlight)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for running && s.Found == nil && !s.overflow && time.Now().Before(deadline) {
		pending, err := s.settleSuspects(ctx)
		if err != nil {
			return err
		}
		if !pending {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	for _, one := range s.suspects {
		s.report.problem(one.key, one.kind, "")
	}
	return nil
}

// settleSuspects takes the suspects off the list that have arrived meanwhile. It says whether anything is still on its
// way.
func (s *Survey) settleSuspects(ctx context.Context) (pending bool, err error) {
	var left []suspect
	for _, one := range s.suspects {
		arrived, err := s.arrived(ctx, one)
		if err != nil {
			return false, err
		}
		if !arrived {
			left = append(left, one)
			continue
		}
		switch one.kind {
		case kindAdded:
			s.report.Added--
		case kindChanged:
			s.report.Changed--
		case kindRemoteMissing:
			s.report.RemoteMissing--
		}
	}
	s.suspects = left
	counts, err := s.State.Index.Counts(ctx)
	return len(left) > 0 || counts[hashindex.Pending] > 0, err
}

// arrived says whether the index has the file as it is on disk now, and the remote too.
func (s *Survey) arrived(ctx context.Context, one suspect) (bool, error) {
	e, known, err := s.State.Index.Get(ctx, one.key)
	if err != nil || !known {
		return false, err
	}
	switch e.State {
	case hashindex.Synced, hashindex.Superseded, hashindex.Invalid:
	default:
		return false, nil
	}
	if one.kind == kindRemoteMissing {
		return s.rows.has(ctx, one.key.Root, one.hash, e.Session)
	}
	hash, err := s.Config.root(one.key.Root).Hash(one.key.Path, s.Config.Hash)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil && hash == e.Hash, nil
}

// Verify makes a survey. It writes its report into the history of passes, and nothing else anywhere.
func Verify(ctx context.Context, s *Survey, mode Mode) (*Report, error) {
	r, err := s.Run(ctx, mode, PassOptions{})
	if err != nil {
		return nil, err
	}
	err = s.State.Update(ctx, func(v state.View) error {
		id, err := v.Passes.Request(ctx, commandVerify, string(mode), PassOptions{})
		if err == nil {
			err = v.Passes.Begin(ctx, id)
		}
		if err == nil {
			err = v.Passes.Finish(ctx, id, r)
		}
		return err
	})
	return r, err
}
