// Package ingest takes a changed path to a committed decision: work queue → read → decide → commit → delivery.
// Nothing is sent before the index says that it is to be sent (design, invariant 2).
package ingest

import (
	"context"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Config is what an Ingest needs. All fields are required.
type Config struct {
	Roots    []hashindex.Root
	State    *state.State
	Delivery *store.Delivery
	Rows     Rows
	Hash     hashindex.Algorithm

	MaxFileSize     int64         // bytes
	SettleLimit     time.Duration // how long an incomplete file may stay the same before it is invalid
	SessionRequired bool          // the table takes no row without a session
	SyncSource      string        // what the column sync_source says
	PCID            func(root string) string
	Noticed         func(Notice) // called for each change that was written to the index; must not wait
	Logger          *slog.Logger
}

// Rows says what the rows of the table stand for.
type Rows interface {
	// Scope returns the part of index and table in which the contents of a root are compared (state.View.In).
	Scope(root string) string
	// Written is called in the transaction that has written an entry of the index, with the sessions of the entry
	// before and now. A session may be nil.
	Written(ctx context.Context, v state.View, sessions ...*int64) error
}

const (
	workers = 4 // of each root
	// memory bounds the bytes of the records that are in memory at one time. Each root has its part: a share that
	// hangs keeps its own. A file that is larger than the part is there alone.
	memory = 8 << 20
	// recordBytes is about what a record takes besides its content. Of small files, it is the most.
	recordBytes = 1 << 10
	// retryAfter is when a file is examined again after the queue database could not be read or written.
	retryAfter = 2 * time.Second
	// abandonAfter is how long a stop waits for what a file system is doing.
	abandonAfter = time.Second
)

// Ingest examines files. It is the only one that decides what is to be done about a file.
type Ingest struct {
	cfg     Config
	log     *slog.Logger
	roots   map[string]*root // by label
	results chan result
	ended   chan struct{} // closed when no result is waited for any more
	counts  counters
}

// root is what is particular to the files of one root. Where a share does not answer, nothing of another root waits.
type root struct {
	hashindex.Root
	*queue
	memory *semaphore.Weighted
	most   int64 // of the memory

	mu       sync.Mutex
	identity fs.FileInfo // of the directory in which files were last seen; nil: not known yet
}

// New makes an Ingest. Nothing is examined before Run.
func New(cfg Config) *Ingest {
	in := &Ingest{
		cfg: cfg, log: cfg.Logger, roots: map[string]*root{}, results: make(chan result, 256),
		ended: make(chan struct{}),
	}
	most := memory / int64(len(cfg.Roots))
	for _, r := range cfg.Roots {
		in.roots[r.Label] = &root{Root: r, queue: newQueue(), memory: semaphore.NewWeighted(most), most: most}
	}
	return in
}

// Run examines files until ctx ends. It returns when everything that was found by then is in the index. A file whose
// share hangs is abandoned: the next start finds it again.
func (in *Ingest) Run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		for _, r := range in.roots {
			r.Close()
		}
	})
	defer stop()
	var examining, writing sync.WaitGroup
	for _, r := range in.roots {
		for range workers {
			examining.Go(func() { in.work(ctx, r) })
		}
	}
	writing.Go(func() { in.write(context.WithoutCancel(ctx)) })
	<-ctx.Done()
	if !endsWithin(&examining, abandonAfter) {
		in.log.Warn("a folder does not answer; stopping without the files that were being read there")
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

func (in *Ingest) work(ctx context.Context, r *root) {
	for {
		t, ok := r.Get()
		if !ok {
			return
		}
		in.cfg.State.AwaitWritable(ctx)
		res, err := in.examine(ctx, r, t)
		in.counts.examined.Add(1)
		if err != nil && ctx.Err() == nil {
			if !sqlite.OfTheFile(err) {
				in.log.Error("cannot examine a file; trying again", "path", t.Key.String(), "error", err)
			}
			res = result{task: t, again: retryAfter, rest: retryAfter}
		}
		select {
		case in.results <- res:
		case <-in.ended:
			return
		}
	}
}

// TryAdd has a file examined before those that scans found. It never waits, and says whether there was room.
func (in *Ingest) TryAdd(t Task) bool { return in.roots[t.Key.Root].TryAdd(t) }

// Add has a file examined for a batch, which may be nil. It waits while too many files of the root do, and fails only
// with the context's error.
func (in *Ingest) Add(ctx context.Context, t Task, b *Batch) error {
	if b == nil {
		return in.roots[t.Key.Root].Add(ctx, t)
	}
	b.add()
	t.batches = []*Batch{b}
	err := in.roots[t.Key.Root].Add(ctx, t)
	if err != nil {
		b.done()
	}
	return err
}

// Idle says whether no file waits or is being examined, but for those of a share that hangs.
func (in *Ingest) Idle() bool {
	for _, r := range in.roots {
		if !r.queue.Idle() && !(r.Busy() && r.Live.Hangs()) {
			return false
		}
	}
	return len(in.results) == 0
}

// RootSeen notes the identity of the directory in which files of a root were seen, or an emptiness that is believed.
func (in *Ingest) RootSeen(label string, identity fs.FileInfo) {
	r := in.roots[label]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.identity = identity
}

// isSame says whether the root is still the directory in which files were last seen. While it is not, nothing is
// concluded of any file: a share that is lost looks like an empty folder, or like files that cannot be read.
func (r *root) isSame() bool {
	r.mu.Lock()
	identity := r.identity
	r.mu.Unlock()
	return identity != nil && r.SameAs(identity)
}

// Counts is what an Ingest has done since it was made.
type Counts struct {
	Added, Changed, Gone int64 // files
	Hashed, BytesHashed  int64
	Examined             int64 // how often a file was examined, whatever came of it
}

// Counts returns what has been done so far. A pass is told by the difference between its end and its beginning.
func (in *Ingest) Counts() Counts {
	c := &in.counts
	return Counts{
		Added: c.of[added].Load(), Changed: c.of[changed].Load(), Gone: c.of[gone].Load(),
		Hashed: c.hashed.Load(), BytesHashed: c.bytes.Load(), Examined: c.examined.Load(),
	}
}

// Hashed counts a file that was hashed elsewhere, and needs no examination.
func (in *Ingest) Hashed(bytes int64) {
	in.counts.hashed.Add(1)
	in.counts.bytes.Add(bytes)
}

type counters struct {
	of                      [gone + 1]atomic.Int64
	hashed, bytes, examined atomic.Int64
}
