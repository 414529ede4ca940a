package reconcile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/hot"
	"github.com/gfxsync/gfxsync/reconcile/ingest"
)

// hotPlace is a place whose agent finds changes by hot scans alone, after its first pass.
func hotPlace(t *testing.T) *place {
	t.Helper()
	p := tempPlace(t)
	p.cfg.HotScans = HotScans{Mode: hot.On, Interval: 5 * time.Millisecond}
	return p
}

func (p *place) hasRow(t *testing.T, hash string) bool {
	t.Helper()
	return slices.Contains(p.hashes(t), hash)
}

// awaitHotScan waits for the end of a hot scan that began after the call.
func (w *worker) awaitHotScan(t *testing.T) {
	t.Helper()
	d := w.detected[""]
	for range 2 { // one may be under way
		d.scanEnded(0, nil)
		eventually(t, "a hot scan ends", func() bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.interval > 0
		})
	}
}

// TestHotScansFindWhatNoEventTellsOf: new files, saved ones, and new folders, all without a scan.
func TestHotScansFindWhatNoEventTellsOf(t *testing.T) {
	t.Parallel()
	p := hotPlace(t)
	p.session(t, "day1/a.json", 1, 1)
	w := p.running(t)
	arrives := func(path string, seed, hands int) {
		t.Helper()
		hash := p.session(t, path, seed, hands)
		eventually(t, path+" is a row", func() bool { return p.hasRow(t, hash) })
	}
	eventually(t, "the first pass is over", func() bool { return w.last(t) != nil })
	arrives("day1/b.json", 2, 1)
	arrives("day1/a.json", 1, 2)
	arrives("day1/a.json", 1, 3)
	arrives("day2/table 1/c.json", 3, 1)
	arrives("day2/table 1/c.json", 3, 2)
	arrives("top.json", 4, 1)
	w.scheduler.request(Scan) // which has the status written
	eventually(t, "the status tells", func() bool {
		st, err := ReadStatus(t.Context(), w.state)
		if err != nil {
			t.Fatal(err)
		}
		if st.LastScan == nil || st.LastScan.Roots[0].Detection == nil {
			return false
		}
		d := st.LastScan.Roots[0].Detection
		return d.HotScan && d.HotFolders == 4 && d.HotScans == 6 && d.Event == 0 && d.IntervalMS > 0
	})
}

// TestAHotFolderSurvivesALostShare: while the root is away nothing is gone, and afterwards the hot scans go on.
func TestAHotFolderSurvivesALostShare(t *testing.T) {
	t.Parallel()
	for name, lose := range outages {
		t.Run(name, func(t *testing.T) {
			p := hotPlace(t)
			p.writeSessions(t, 11) // more than is believed to be gone
			w := p.running(t)
			eventually(t, "the first pass is over", func() bool { return w.last(t) != nil })
			hash := p.session(t, "day1/a.json", 1, 2)
			eventually(t, "the folder is hot", func() bool { return p.hasRow(t, hash) })
			p.takeRoot(t, lose)
			w.awaitHotScan(t) // of what is not there
			if gone := p.indexed(t, `state = 'gone'`); len(gone) > 0 {
				t.Errorf("gone: %q", gone)
			}
			p.returnRoot(t)
			hash = p.session(t, "day1/a.json", 1, 3)
			eventually(t, "a save is a row", func() bool { return p.hasRow(t, hash) })
			if gone := p.indexed(t, `state = 'gone'`); len(gone) > 0 {
				t.Errorf("gone: %q", gone)
			}
		})
	}
}

// TestADeletedHotFileIsGoneSoon: a scan is made for it.
func TestADeletedHotFileIsGoneSoon(t *testing.T) {
	t.Parallel()
	p := hotPlace(t)
	p.session(t, "day1/a.json", 1, 1)
	p.session(t, "day1/b.json", 2, 1)
	w := p.running(t)
	eventually(t, "the first pass is over", func() bool { return w.last(t) != nil })
	eventually(t, "the folder is hot", func() bool { return w.detected[""].folders.Len(time.Now()) == 2 })
	hash := p.session(t, "day1/c.json", 3, 1)
	eventually(t, "it is listed", func() bool { return p.hasRow(t, hash) })
	if err := os.Remove(filepath.Join(p.dir, "day1", "a.json")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is gone", func() bool { return fileState(t, p, "day1/a.json") == "gone" })
	// So soon after the last scan none is requested. It is not forgotten.
	if err := os.Remove(filepath.Join(p.dir, "day1", "b.json")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other one is gone", func() bool { return fileState(t, p, "day1/b.json") == "gone" })
}

// TestHotScansThatAreOff are not made at all: the loop returns, though the agent goes on.
func TestHotScansThatAreOff(t *testing.T) {
	p := hotPlace(t)
	p.cfg.HotScans.Mode = hot.Off
	w := p.running(t)
	eventually(t, "the first pass is over", func() bool { return w.last(t) != nil })
	w.runHotScans(t.Context(), w.detected[""])
}

// TestDelaysAreToldAsTheyWere: how soon, and what the clocks show.
func TestDelaysAreToldAsTheyWere(t *testing.T) {
	var d delays
	for i := range 100 {
		d.add(ingest.ByEvent, time.Duration(i+1)*time.Millisecond)
	}
	d.add(ingest.ByScan, 48*time.Hour) // a file that was copied with its time
	d.add(ingest.ByHotScan, -2*time.Second)
	var st Detection
	d.fill(&st)
	want := Detection{Event: 100, HotScans: 1, Scan: 1, P50MS: 50, P99MS: 99, ClockAheadMS: 2000}
	if st != want {
		t.Errorf("%+v, want %+v", st, want)
	}
	for range maxDelays {
		d.add(ingest.ByScan, time.Second)
	}
	st = Detection{}
	if d.fill(&st); st != (Detection{Scan: maxDelays, P50MS: 1000, P99MS: 1000}) {
		t.Errorf("%+v, want the last %d", st, maxDelays)
	}
}

// TestAWatchThatIsDeadIsRenewed once, if it has told of changes before.
func TestAWatchThatIsDeadIsRenewed(t *testing.T) {
	begin := time.Unix(1_000_000, 0)
	d := &detection{root: hashindex.Root{}, evidence: hot.NewEvidence(), renewPause: renewFirst}
	miss := func(at time.Time) time.Time {
		d.evidence.Found("a", at, at)
		return at.Add(time.Minute)
	}
	if d.mayRenew(miss(begin)) {
		t.Error("a watch of which no event has come is renewed")
	}
	d.announced("b", begin)
	if d.mayRenew(begin.Add(2 * time.Minute)) {
		t.Error("a watch is renewed without a change that it missed")
	}
	if !d.mayRenew(miss(begin.Add(3 * time.Minute))) {
		t.Error("a watch that told of changes and has missed one is not renewed")
	}
	d.announced("b", begin.Add(4*time.Minute))
	if d.mayRenew(miss(begin.Add(4 * time.Minute).Add(-59 * time.Second))) {
		t.Error("a watch is renewed again at once")
	}
	if !d.mayRenew(miss(begin.Add(20 * time.Minute))) {
		t.Error("a watch that has died again is not renewed")
	}
}
