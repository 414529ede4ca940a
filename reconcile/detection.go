package reconcile

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/hot"
	"github.com/gfxsync/gfxsync/reconcile/ingest"
	"github.com/gfxsync/gfxsync/watch"
)

// HotScans says how changes are found where events do not tell of them (package hot). The zero value takes the
// defaults.
type HotScans struct {
	Mode     hot.Mode      // default hot.Auto, which is hot.On if there is no watcher
	Interval time.Duration // between two listings of the hot folders; default 1 s
	For      time.Duration // how long a folder is hot after a change; default 6 h
}

// WithDefaults returns the HotScans with a default in place of each zero value.
func (h HotScans) WithDefaults() HotScans {
	return HotScans{
		Mode: cmp.Or(h.Mode, hot.Auto), Interval: cmp.Or(h.Interval, time.Second), For: cmp.Or(h.For, 6*time.Hour),
	}
}

const (
	// mostHot is how many files that changed lately are read from the index when an agent starts.
	mostHot = 10_000
	// vanishedPause lies between two scans that are made because something in a hot folder vanished.
	vanishedPause = 5 * time.Second
	// renewFirst and renewLast bound the time between two renewals of a watch. It doubles with each.
	renewFirst, renewLast = time.Minute, 6 * time.Hour
)

// detection is how changes in a root are noticed: by events, by hot scans, and by scans.
type detection struct {
	root     hashindex.Root
	folders  *hot.Folders
	evidence *hot.Evidence
	turn     *turn
	// walked is when the root was first walked to the end; nil: not yet. What is noticed from then on changes now, and
	// did not change while nobody watched.
	walked atomic.Pointer[time.Time]

	mu         sync.Mutex
	noticed    delays
	interval   time.Duration // between the last two hot scans
	err        error         // of the last hot scan
	renewAfter time.Time     // when the watch may be renewed again
	renewPause time.Duration
	events     bool // an event has come since the watch was renewed
	missed     int  // changes, as of the last mayRenew
}

func (a *Agent) newDetection(root hashindex.Root) *detection {
	return &detection{
		root: root, turn: newTurn(root.Live), renewPause: renewFirst,
		evidence: hot.NewEvidence(),
		folders: hot.New(hot.Options{
			Files: root, Match: a.cfg.Pattern.Match, Skip: root.IsFolderLoop, For: a.cfg.HotScans.For,
			Indexed: func(ctx context.Context, folder string, each func(string, hashindex.Stamp)) error {
				return a.state.Index.InFolder(ctx, root.Label, folder, each)
			},
		}),
	}
}

// announced records that an event named a file.
func (d *detection) announced(path string, at time.Time) {
	d.evidence.Announced(path, at)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = true
}

// changed records a change that was written to the index.
func (d *detection) changed(n ingest.Notice) {
	modified := time.Unix(0, n.Stamp.ModTime)
	if n.Gone {
		return
	}
	if walked := d.walked.Load(); walked == nil || n.At.Before(*walked) {
		d.folders.Touch(n.Key.Path, modified, n.Stamp)
		return
	}
	d.folders.Touch(n.Key.Path, n.At, n.Stamp)
	if !n.Event {
		d.evidence.Found(n.Key.Path, n.At, modified)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noticed.add(n.By, n.At.Sub(modified))
}

// walkEnded records that the root was walked to the end.
func (d *detection) walkEnded() {
	now := time.Now()
	d.walked.CompareAndSwap(nil, &now)
}

// runHotScans lists the hot folders of a root while that is needed, until ctx ends.
func (a *Agent) runHotScans(ctx context.Context, d *detection) {
	if a.cfg.HotScans.Mode == hot.Off || !a.awaitFirstWalk(ctx, d) {
		return
	}
	interval := a.cfg.HotScans.Interval
	timer := time.NewTimer(interval)
	defer timer.Stop()
	var scanned time.Time // when a scan was last requested
	vanished := false     // something has, and no scan was requested for it yet
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		begin := time.Now()
		a.renewIfDead(d, begin)
		if !a.needsHotScan(d, begin) || d.folders.Len(begin) == 0 {
			timer.Reset(interval)
			continue
		}
		missing, err := inTurn(ctx, d.turn, func() (bool, error) {
			return d.folders.Round(ctx, func(path string) { a.foundHot(d, path) })
		})
		took := time.Since(begin)
		pause := hot.Pause(took, interval)
		if errors.Is(err, errHangs) {
			pause = interval // no call is made while the last one has no answer
		}
		d.scanEnded(took+pause, err)
		if vanished = vanished || missing; vanished && time.Since(scanned) >= vanishedPause {
			vanished, scanned = false, time.Now()
			a.scheduler.requestScan(d.root.Label)
		}
		timer.Reset(pause)
	}
}

// awaitFirstWalk waits until the root was walked to the end once. Then it makes those folders hot in which something
// was written lately, and finds out whether the root is remote. It says whether that was done before ctx ended.
func (a *Agent) awaitFirstWalk(ctx context.Context, d *detection) bool {
	tick := time.NewTicker(a.cfg.HotScans.Interval)
	defer tick.Stop()
	for d.walked.Load() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	remote, err := inTurn(ctx, d.turn, func() (bool, error) { return d.root.IsRemote(), nil })
	if err != nil || remote {
		d.evidence.Distrust(time.Now())
	}
	since := time.Now().Add(-a.cfg.HotScans.For)
	err = a.state.Index.ModifiedSince(ctx, d.root.Label, since, mostHot, func(path string, stamp hashindex.Stamp) {
		d.folders.Touch(path, time.Unix(0, stamp.ModTime), stamp)
	})
	if err != nil && ctx.Err() == nil {
		a.stateFailed("cannot find out which folders have changed lately", err)
	}
	return ctx.Err() == nil
}

func (a *Agent) foundHot(d *detection, path string) {
	task := ingest.Task{Key: fileid.ID{Root: d.root.Label, Path: path}, At: time.Now(), By: ingest.ByHotScan}
	if !a.ingest.TryAdd(task) {
		a.scheduler.requestScan(d.root.Label)
	}
}

// scanEnded records a hot scan.
func (d *detection) scanEnded(interval time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.interval, d.err = interval, err
}

// needsHotScan says whether events do not tell of all changes in a root, or hot scans are set to be made.
func (a *Agent) needsHotScan(d *detection, now time.Time) bool {
	w := a.watchers[d.root.Label]
	if w == nil || a.cfg.HotScans.Mode == hot.On || !d.evidence.Trusted(now) {
		return true
	}
	st := w.Status()
	return st.State == watch.Unavailable || len(st.Unwatched) > 0
}

// renewIfDead renews a watch that told of changes once and has missed one now. Such a watch may have died with its
// connection, of which the system does not always tell.
func (a *Agent) renewIfDead(d *detection, now time.Time) {
	w := a.watchers[d.root.Label]
	if w == nil || !d.mayRenew(now) {
		return
	}
	a.log.Warn("a change was found that no event told of, though events came before; watching anew",
		"root", d.root.String())
	w.Renew()
}

// mayRenew says whether the watch is to be renewed: it has missed a change, events have come from it before, and the
// last renewal is long enough ago.
func (d *detection) mayRenew(now time.Time) bool {
	d.evidence.Trusted(now)
	missed := d.evidence.Missed()
	d.mu.Lock()
	defer d.mu.Unlock()
	news := missed > d.missed
	d.missed = missed
	if !news || !d.events || now.Before(d.renewAfter) {
		return false
	}
	d.events = false
	d.renewAfter = now.Add(d.renewPause)
	d.renewPause = min(2*d.renewPause, renewLast)
	return true
}

// Detection is how the changes in a root are noticed.
type Detection struct {
	HotScan    bool   `json:"hot_scan"`              // the hot folders are listed again and again
	HotFolders int    `json:"hot_folders,omitempty"` // how many these are
	IntervalMS int64  `json:"interval_ms,omitempty"` // between two hot scans
	Error      string `json:"error,omitempty"`       // of the last hot scan

	// Of the last changes, at most 200: how they were noticed first, and how long after the time of the file.
	Event    int   `json:"event"`
	HotScans int   `json:"by_hot_scan"`
	Scan     int   `json:"scan"`
	P50MS    int64 `json:"p50_ms,omitempty"`
	P99MS    int64 `json:"p99_ms,omitempty"`
	// ClockAheadMS is by how much the file server's clock is at least ahead of this machine's; 0: it is not seen to be.
	ClockAheadMS int64 `json:"clock_ahead_ms,omitempty"`
	// Missed is how many changes no event told of, since the agent began.
	Missed int `json:"missed"`
}

// detectionOf returns how changes in a root are noticed now.
func (a *Agent) detectionOf(d *detection) *Detection {
	now := time.Now()
	st := &Detection{HotScan: a.cfg.HotScans.Mode != hot.Off && a.needsHotScan(d, now), Missed: d.evidence.Missed()}
	d.mu.Lock()
	defer d.mu.Unlock()
	if st.HotScan {
		st.HotFolders = d.folders.Len(now)
		st.IntervalMS = cmp.Or(d.interval, a.cfg.HotScans.Interval).Milliseconds()
		if d.err != nil {
			st.Error = d.err.Error()
		}
	}
	d.noticed.fill(st)
	return st
}

// maxDelays is how many changes are remembered.
const maxDelays = 200

// longAgo is from when on a file was not saved just before it was noticed: it was copied, with its time.
const longAgo = time.Hour

// delays remembers how the last changes were noticed.
type delays struct {
	by    []ingest.By
	after []time.Duration
	next  int
}

func (d *delays) add(by ingest.By, after time.Duration) {
	if len(d.by) < maxDelays {
		d.by, d.after = append(d.by, by), append(d.after, after)
		return
	}
	d.by[d.next], d.after[d.next] = by, after
	d.next = (d.next + 1) % maxDelays
}

func (d *delays) fill(st *Detection) {
	for _, by := range d.by {
		switch by {
		case ingest.ByEvent:
			st.Event++
		case ingest.ByHotScan:
			st.HotScans++
		default:
			st.Scan++
		}
	}
	saved := slices.DeleteFunc(slices.Clone(d.after), func(d time.Duration) bool { return d > longAgo })
	if len(saved) == 0 {
		return
	}
	slices.Sort(saved)
	st.ClockAheadMS = max(0, -saved[0].Milliseconds())
	st.P50MS = saved[len(saved)/2].Milliseconds()
	st.P99MS = saved[len(saved)*99/100].Milliseconds()
}
