package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// otherWay is how long to wait for the other way after one way has told of a save.
const otherWay = 5 * time.Second

// way is how a save was noticed.
type way int

const (
	byEvent way = iota
	byListing
	ways
)

// report says that a file has changed.
type report struct {
	path string
	by   way
	at   time.Time // when the event came or the listing was made
}

// save is a file that was saved, and when each way told of it. The zero time: it did not.
type save struct {
	path    string
	stamp   hashindex.Stamp
	looked  time.Time // when the stamp was taken
	noticed [ways]time.Time
}

// WaitForSave waits for the next save in each root, for no longer than limit, and says which way it was noticed and how
// fast: by an event, or by listing the folders in which something changed lately. Ready is called for each root when
// its wait begins, from one goroutine at a time.
func WaitForSave(ctx context.Context, s Setup, limit time.Duration, ready func(hashindex.Root)) []store.Finding {
	var one sync.Mutex
	findings := make([]store.Finding, len(s.Roots))
	var all sync.WaitGroup
	for i, root := range s.Roots {
		root.Live = &hashindex.Liveness{}
		all.Go(func() {
			findings[i] = waitUnlessHung(ctx, patience, root, func(ctx context.Context) store.Finding {
				w := newSaveWait(root, s, otherWay)
				return w.run(ctx, limit, func() {
					one.Lock()
					defer one.Unlock()
					ready(root)
				})
			})
			if root.Label != "" {
				findings[i].Part += " " + root.Label
			}
		})
	}
	all.Wait()
	return findings
}

// waitUnlessHung runs wait, and leaves it to itself when the file system has not answered for a time, or ctx has ended.
func waitUnlessHung(
	ctx context.Context, hungAfter time.Duration, root hashindex.Root, wait func(context.Context) store.Finding,
) store.Finding {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan store.Finding, 1)
	go func() { answer <- wait(ctx) }()
	f, err := hashindex.Await(ctx, root.Live, hungAfter, answer)
	switch {
	case errors.Is(err, hashindex.ErrSilent):
		return untested(root.Dir + " does not answer")
	case err != nil:
		return untested(err.Error())
	default:
		return f
	}
}

func untested(why string) store.Finding {
	return store.Finding{Part: "save", Verdict: store.Skipped, Text: "not tested: " + why}
}

// saveWait waits for a save in one root.
type saveWait struct {
	root     hashindex.Root
	s        Setup
	grace    time.Duration // how long to wait for the other way
	watcher  *watch.Watcher
	events   chan report
	listings *listings
}

func newSaveWait(root hashindex.Root, s Setup, grace time.Duration) *saveWait {
	w := &saveWait{root: root, s: s, grace: grace, events: make(chan report, 1000)}
	w.watcher = watch.New(root.Dir, w, watch.Options{Pattern: s.Pattern, Skip: root.IsFolderLoop})
	w.listings = newListings(root, s)
	return w
}

// Changed implements watch.Sink. Events beyond what the channel holds are dropped: the first are waited for.
func (w *saveWait) Changed(path string, at time.Time) {
	select {
	case w.events <- report{path, byEvent, at}:
	default:
	}
}

// Lost implements watch.Sink. Nothing depends on lost events here.
func (w *saveWait) Lost(string) {}

// run waits for a save. It may hang as long as the file system does.
func (w *saveWait) run(ctx context.Context, limit time.Duration, ready func()) store.Finding {
	if err := w.root.Check(); err != nil {
		return untested("the watch path cannot be read")
	}
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	looking.Go(func() { w.watcher.Run(ctx) })
	defer looking.Wait()
	defer cancel()
	if err := w.listings.begin(ctx); err != nil {
		return untested(err.Error())
	}
	if !w.untilWatching(ctx) {
		return untested(ctx.Err().Error())
	}
	for len(w.events) > 0 { // of what was saved before
		<-w.events
	}
	ready()
	begin, listed := time.Now(), make(chan report)
	looking.Go(func() { w.listings.follow(ctx, listed) })
	if saved := w.await(ctx, limit, listed); saved != nil {
		return saved.finding(w.root.Abs(saved.path), w.circumstances(begin))
	}
	if ctx.Err() != nil {
		return untested(ctx.Err().Error())
	}
	return w.nothing(ctx, limit)
}

// untilWatching waits until the system tells of changes, or it is known that it does not. It says whether that was so
// before ctx ended.
func (w *saveWait) untilWatching(ctx context.Context) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if st := w.watcher.Status().State; st == watch.Watching || st == watch.Unavailable {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// await returns the first save, after the other way has told of it too or has had its time; nil: there was none.
func (w *saveWait) await(ctx context.Context, limit time.Duration, listed <-chan report) (first *save) {
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		var r report
		select {
		case r = <-w.events:
		case r = <-listed:
		case <-end.C:
			return first
		case <-ctx.Done():
			return first
		}
		switch {
		case first == nil:
			stamp, err := w.root.Stamp(r.path)
			if err != nil {
				continue // it was removed, mostly
			}
			first = &save{path: r.path, stamp: stamp, looked: time.Now()}
			end.Reset(w.grace)
		case first.path != r.path || !first.noticed[r.by].IsZero():
			continue
		}
		first.noticed[r.by] = r.at
		if !first.noticed[byEvent].IsZero() && !first.noticed[byListing].IsZero() {
			return first
		}
	}
}

// nothing says that no save was noticed. One that neither way told of is found by walking through all folders, as a
// scan finds it.
func (w *saveWait) nothing(ctx context.Context, limit time.Duration) store.Finding {
	f := store.Finding{Part: "save", Verdict: store.Warn}
	if path := w.listings.unnoticed(ctx); path != "" {
		schedule, _ := firstSchedule(w.s.Schedules)
		f.Text = fmt.Sprintf("a save of %s was noticed neither by an event nor by listing the folders in which "+
			"something changed lately: it is found by the %s", w.root.Abs(path), schedule)
		f.Hint = "try again: something has changed in its folder now, so that the next save there is found sooner"
		return f
	}
	f.Text = fmt.Sprintf("nothing was saved in %s within %v", w.root.Dir, limit)
	f.Hint = "save a hand in PokerGFX meanwhile, or copy a file into the folder; if you did, compare the folder that " +
		"PokerGFX writes to with GFX_SYNC_GFX_WATCH_PATH, and the name of the file with GFX_SYNC_FILE_PATTERN"
	return f
}
