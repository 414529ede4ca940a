package reconcile

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

const (
	workers = 4
	// heldBytes bounds the records that are in memory at one time. Each root has its part: those of a share that hangs are held for as
	// long as it does. Of a root, a file that is larger is there alone.
	heldBytes = 64 << 20
	// recordBytes is about what a record takes besides its content: of small files, it is the most.
	recordBytes = 1 << 10
	// diskRetry is when a file is looked at again after the queue database could not be read or written.
	diskRetry = 2 * time.Second
)

// intake looks at files: read, complete? hash, known? parse, and an intent in the index before anything is sent. Whoever wishes a
// file to be looked at, a watcher, a scan or a person, it is this that decides what to do.
type intake struct {
	cfg      *Config
	log      *slog.Logger
	state    *state.State
	delivery *store.Delivery
	looks    looksByRoot
	held     map[string]*semaphore.Weighted // by the label of the root
	heldMost int64                          // of each
	findings chan finding
	ended    chan struct{} // closed when no finding is waited for any more
	counts   *counters
	disk     *trouble

	rootsMu sync.Mutex
	roots   rootIdentities
}

// finding is what a look has come to.
type finding struct {
	look  look
	entry *hashindex.Entry // what the index is to say; nil: what it says already
	item  *store.Item      // what is to be delivered; nil: nothing
	after time.Duration    // look again after this; 0: the look is done
	rest  time.Duration    // but no sooner than after this, whatever events come

	hashed bool  // it rests on the content, which was read and hashed
	bytes  int64 // of that content

	change          *atomic.Int64 // what is to be counted once the entry is written; nil: nothing
	straightToQueue bool          // an older record of the same file waits there, and order is kept
}

func newIntake(cfg *Config, s *state.State, d *store.Delivery, c *counters, disk *trouble) *intake {
	in := &intake{
		cfg: cfg, log: cfg.Logger, state: s, delivery: d, looks: newLooksByRoot(cfg.Roots),
		held: map[string]*semaphore.Weighted{}, heldMost: heldBytes / int64(len(cfg.Roots)), findings: make(chan finding, 256), counts: c, disk: disk,
		ended: make(chan struct{}), roots: rootIdentities{},
	}
	for _, label := range cfg.labels() {
		in.held[label] = semaphore.NewWeighted(in.heldMost)
	}
	return in
}

// run looks at files until ctx ends, and returns when every intent that was found is written down. Each root has workers of its own,
// so that a share that hangs keeps none but its own files waiting; looks that hang are abandoned.
func (in *intake) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, in.looks.close)
	defer stop()
	var looking, writing sync.WaitGroup
	for _, q := range in.looks {
		for range workers {
			looking.Go(func() { in.work(ctx, q) })
		}
	}
	writing.Go(func() { in.write(context.WithoutCancel(ctx)) })
	<-ctx.Done()
	if !endsWithin(&looking, abandonAfter) {
		in.log.Warn("a folder does not answer; stopping without what was being looked at there")
	}
	close(in.ended)
	writing.Wait()
}

func endsWithin(wg *sync.WaitGroup, limit time.Duration) bool {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

func (in *intake) work(ctx context.Context, q *looks) {
	for {
		l, ok := q.next()
		if !ok {
			return
		}
		in.disk.wait(ctx)
		f, err := in.examine(ctx, l)
		if err != nil && ctx.Err() == nil {
			in.disk.met(err)
			in.log.Error("cannot look at a file; trying again", "path", name(l.key), "error", err)
			f = finding{look: l, after: diskRetry, rest: diskRetry}
		}
		select {
		case in.findings <- f:
		case <-in.ended:
			return
		}
	}
}

// examine looks at one file. An error means that the look could not be had; what is wrong with the file is a finding.
func (in *intake) examine(ctx context.Context, l look) (finding, error) {
	l.began = time.Now()
	// The read is short and waits for nobody: to watch ctx meanwhile costs a goroutine or two, and more than the read.
	old, known, err := in.state.Index.Get(context.WithoutCancel(ctx), l.key)
	if err != nil {
		return finding{look: l}, err
	}
	l.state = old.State
	info, err := in.cfg.root(l.key.Root).Lstat(l.key.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return in.gone(l, old, known)
	case err != nil:
		return in.unsettled(l, old, hashindex.Stamp{}, unreadable(err)), nil
	case !info.Mode().IsRegular():
		return finding{look: l}, nil
	}
	if l.missing && known {
		// After a renaming that has changed nothing but case, Windows finds the file by its old name as well.
		if listed, err := in.cfg.root(l.key.Root).Lists(l.key.Path); err == nil && !listed {
			return in.gone(l, old, known)
		}
	}
	stamp := hashindex.StampOf(info)
	if known && !l.recheck && !old.Racy && stamp == old.Stamp && old.State != hashindex.Pending && old.State != hashindex.Gone {
		return finding{look: l}, nil
	}
	if stamp.Size > in.cfg.MaxFileSize {
		return in.unsettled(l, old, stamp, errTooLarge), nil
	}
	return in.read(ctx, l, stamp, old, known)
}

// read holds the file's bytes against the budget until they are delivered, or found not to be needed.
func (in *intake) read(ctx context.Context, l look, stamp hashindex.Stamp, old hashindex.Entry, known bool) (finding, error) {
	weight, held := min(stamp.Size+recordBytes, in.heldMost), in.held[l.key.Root]
	waiting := time.Now()
	if err := held.Acquire(ctx, weight); err != nil {
		return finding{look: l}, err
	}
	begin := time.Now()
	l.began = l.began.Add(begin.Sub(waiting))
	release := sync.OnceFunc(func() { held.Release(weight) })
	content, stamp2, err := in.cfg.root(l.key.Root).Read(l.key.Path, stamp.Size)
	var f finding
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f, err = in.gone(l, old, known)
	case errors.Is(err, hashindex.ErrChanging):
		f, err = in.unsettled(l, old, stamp, err), nil
	case err != nil:
		f, err = in.unsettled(l, old, stamp, unreadable(err)), nil
	default:
		f = in.judge(l, content, stamp2, old, known, begin)
	}
	if f.item == nil || err != nil {
		release()
		return f, err
	}
	f.item.Done = release
	return f, nil
}

// judge decides what a complete reading of the file means.
func (in *intake) judge(
	l look, content []byte, stamp hashindex.Stamp, old hashindex.Entry, known bool, begin time.Time,
) finding {
	e := in.newEntry(l, stamp, old, begin)
	e.Hash = in.cfg.Hash.Sum(content)
	record, invalid := store.MakeRecord(store.Origin{
		Source: store.Source(l.key), FileHash: e.Hash, GFXPCID: in.cfg.pcID(l.key.Root), SyncSource: syncSource, ModTime: stamp.ModTime,
	}, content)
	e.Session, e.Hands = record.SessionID, record.HandCount
	if known && e.Hash == old.Hash && !in.undelivered(&old) && !(l.recheck && old.State == hashindex.Invalid) {
		f := in.sameContent(l, e, old)
		f.hashed, f.bytes = true, stamp.Size
		return f
	}
	change := in.change(&e, &old, known)
	if invalid == nil && e.Session == nil && in.cfg.needsSession() {
		invalid = errNoSession
	}
	if invalid != nil {
		return in.unsettled(l, old, stamp, invalid)
	}
	e.State = hashindex.Pending
	f := finding{
		look: l, entry: &e, change: change, hashed: true, bytes: stamp.Size,
		item: &store.Item{Source: store.Source(l.key), Record: record, Lane: laneFor(&e, &old, known), At: l.at},
	}
	if f.straightToQueue = known && old.State == hashindex.Queued; f.straightToQueue {
		e.State = hashindex.Queued
	}
	return f
}

// change tells a file that the index did not know from one whose content is not the index's.
func (in *intake) change(e, old *hashindex.Entry, known bool) *atomic.Int64 {
	switch {
	case !known || old.State == hashindex.Gone:
		return &in.counts.added
	case e.Hash != old.Hash:
		return &in.counts.changed
	default:
		return nil
	}
}

// undelivered says whether the index has an intent that nobody is about to carry out, or a file that has come back.
func (in *intake) undelivered(e *hashindex.Entry) bool {
	switch e.State {
	case hashindex.Gone:
		return true
	case hashindex.Pending:
		return !in.delivery.Holds(store.Source(e.Key), e.Hash)
	default:
		return false
	}
}

func (in *intake) sameContent(l look, e, old hashindex.Entry) finding {
	e.State, e.Error, e.SyncedAt = old.State, old.Error, old.SyncedAt
	if e.Stamp == old.Stamp && e.Racy == old.Racy && (e.Session == nil) == (old.Session == nil) {
		return finding{look: l}
	}
	return finding{look: l, entry: &e}
}

// laneFor sends a file at once that the remote has no version of, and one whose content was to be there already.
func laneFor(e, old *hashindex.Entry, known bool) store.Lane {
	if !known || old.State == hashindex.Gone || old.State == hashindex.Invalid || old.Hash == e.Hash {
		return store.LaneCreated
	}
	return store.LaneModified
}

func (in *intake) newEntry(l look, stamp hashindex.Stamp, old hashindex.Entry, hashedAt time.Time) hashindex.Entry {
	seen := hashedAt
	switch {
	case old.Stamp == stamp && !old.StampSeen.IsZero() && old.StampSeen.Before(hashedAt):
		seen = old.StampSeen
	case l.settling.active && l.settling.stamp == stamp:
		seen = l.settling.since
	}
	return hashindex.Entry{
		Key: l.key, Stamp: stamp, StampSeen: seen, Racy: hashindex.Racy(stamp, seen, hashedAt), SeenAt: hashedAt,
	}
}

// gone says that there is no such file, unless it is the root that is not there.
func (in *intake) gone(l look, old hashindex.Entry, known bool) (finding, error) {
	if !known || old.State == hashindex.Gone {
		return finding{look: l}, nil
	}
	if !in.rootStands(l.key.Root) {
		return finding{look: l}, nil
	}
	if in.undelivered(&old) {
		in.log.Warn("a file is gone before its content could be sent", "path", name(l.key), "hash", old.Hash)
	}
	old.State, old.SeenAt = hashindex.Gone, time.Now()
	return finding{look: l, entry: &old, change: &in.counts.gone}, nil
}

// name is how a file is called in logs.
func name(k hashindex.Key) string { return store.Source(k).String() }

// show makes a path fit to print.
func show(path string) string { return norm.NFC.String(path) }
