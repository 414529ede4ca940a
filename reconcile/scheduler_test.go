package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/watch"
)

func (q *requests) isRunning() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running
}

// hold takes a turn, as a walk that takes long does, until release is called.
func hold(t *testing.T, in *turn) (release func()) {
	t.Helper()
	held, gate := make(chan struct{}), make(chan struct{})
	go func() {
		_, _ = inTurn(context.Background(), in, func() (struct{}, error) {
			close(held)
			<-gate
			return struct{}{}, nil
		})
	}()
	<-held
	return func() { close(gate) }
}

// TestAScanThatIsAskedForDuringAWalkComesAfterIt: the walk of a pass may have gone by already where a notification was
// lost.
func TestAScanThatIsAskedForDuringAWalkComesAfterIt(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	w := p.running(t)
	eventually(t, "the first pass is over", func() bool { return w.last(t) != nil })
	release := hold(t, w.walking[""])
	hash := p.session(t, "late.json", 1, 1)
	w.scheduler.requestScan("")
	eventually(t, "the scan has begun to wait", w.scheduler.scans[""].isRunning)
	release()
	eventually(t, "the file is found", func() bool { return fileState(t, p, "late.json") == "synced" })
	p.wantRows(t, hash)
}

// TestAScanDoesNotWaitUntilAFullPassHasHashed: to hash gigabytes on a share takes minutes.
func TestAScanDoesNotWaitUntilAFullPassHasHashed(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	p.session(t, "old.json", 1, 1)
	w := p.running(t)
	eventually(t, "the first pass is over", func() bool { return w.last(t) != nil })
	release := hold(t, w.hashing[""])
	w.scheduler.request(Full)
	eventually(t, "the full pass has walked", func() bool {
		return w.scheduler.passes.isRunning() && p.remote.counted("digest") > 0
	})
	p.session(t, "new.json", 2, 1)
	w.scheduler.requestScan("")
	eventually(t, "the new file is found", func() bool { return fileState(t, p, "new.json") == "synced" })
	if !w.scheduler.passes.isRunning() {
		t.Error("the full pass is over without having hashed")
	}
	release()
	eventually(t, "the full pass is over", func() bool { return !w.scheduler.passes.isRunning() })
	if r, err := decodeReport(w.last(t), nil); err != nil || r.Mode != Full || r.Hashed == 0 || !r.InSync {
		t.Errorf("the full pass: %+v (%v)", r, err)
	}
}

// TestASlowRootIsScannedToTheEnd: it holds up no other, and its own scan is reported whenever it comes to its end.
func TestASlowRootIsScannedToTheEnd(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	p.cfg.Roots = nil
	for _, label := range []string{"PC01", "PC02"} {
		p.write(t, filepath.Join(label, "a.json"), []byte(`{"ID":1,"PC":"`+label+`"}`))
		p.cfg.Roots = append(p.cfg.Roots, hashindex.Root{Label: label, Dir: filepath.Join(p.dir, label)})
	}
	w := p.running(t)
	eventually(t, "the first pass is over", func() bool { return w.last(t) != nil })
	scanned := func() (labels string) {
		st, err := ReadStatus(t.Context(), w.state)
		if err != nil {
			t.Fatal(err)
		}
		if st.LastScan != nil {
			for _, root := range st.LastScan.Roots {
				labels += root.Label
			}
		}
		return labels
	}
	release := hold(t, w.walking["PC01"])
	w.scheduler.request(Scan)
	eventually(t, "the other root is scanned", func() bool { return scanned() == "PC02" })
	release()
	eventually(t, "the slow one too", func() bool { return scanned() == "PC01PC02" })
}

// TestFilesThatWaitForTheRemoteDoNotHang: a slow server is no folder that does not answer.
func TestFilesThatWaitForTheRemoteDoNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live, examined := new(hashindex.Liveness), make(chan struct{})
		go func() {
			time.Sleep(10 * hashindex.HangAfter)
			close(examined)
		}()
		if _, err := await(t.Context(), live, examined); err != nil {
			t.Errorf("files that are held until the remote has taken others: %v", err)
		}
		go live.Do(func() { time.Sleep(2 * hashindex.HangAfter) })
		if _, err := await(t.Context(), live, make(chan struct{})); !errors.Is(err, errHangs) {
			t.Errorf("a file whose reading has no answer: %v, want %v", err, errHangs)
		}
		time.Sleep(2 * hashindex.HangAfter)
	})
}

// TestTheStatusTellsHowFarChangesAreReported: of each folder, as of its last scan.
func TestTheStatusTellsHowFarChangesAreReported(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	p.cfg.NoWatch = false
	p.write(t, "day1/a.txt", nil)
	w := p.running(t)
	eventually(t, "the root and its folder are watched", func() bool {
		st, err := ReadStatus(t.Context(), w.state)
		if err != nil {
			t.Fatal(err)
		}
		return st.LastScan != nil && st.LastScan.Roots[0].Watch != nil &&
			st.LastScan.Roots[0].Watch.State == watch.Watching && st.LastScan.Roots[0].Watch.Watched == 2
	})
}

// TestEventsThatNobodyHasRoomForAreLeftToAScan.
func TestEventsThatNobodyHasRoomForAreLeftToAScan(t *testing.T) {
	p := tempPlace(t)
	a, err := Open(t.Context(), p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	told := changes{a, ""}
	const most = 1_000_000 // far more than there is room for
	events := 0
	for ; events < most && len(a.scheduler.scans[""].wake) == 0; events++ {
		told.Changed(strconv.Itoa(events), time.Now())
	}
	if _, ok := a.scheduler.scans[""].begin(); !ok || events < 1000 {
		t.Errorf("a scan is asked for: %v, after %d events", ok, events)
	}
	told.Lost("a test")
	if _, ok := a.scheduler.scans[""].begin(); !ok {
		t.Error("no scan is asked for when changes were lost")
	}
}

// TestANewQueueDatabaseSendsNothingAgain: the rows are there. The scans, which the watcher and the schedule ask for at
// the start, wait until that is known.
func TestANewQueueDatabaseSendsNothingAgain(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	p.writeSessions(t, 50)
	p.reconcile(t, Quick)
	p.cfg.QueueDB += ".new"
	p.cfg.NoWatch = false
	p.remote.counted("upsert", "digest")
	release := p.blocked(t)
	w := p.running(t)
	eventually(t, "a scan is asked for, and the remote", func() bool {
		asked := len(w.scheduler.scans[""].wake) == 1 || p.states(t) > 0
		return asked && w.watchers[""].Status().State == watch.Watching
	})
	if n := p.states(t); n != 0 {
		t.Errorf("%d files were looked at before the remote was", n)
	}
	release()
	eventually(t, "all files are known", func() bool { return p.states(t) == 50 && w.last(t) != nil && w.Idle() })
	if n := p.remote.counted("upsert"); n > 0 {
		t.Errorf("%d requests with records whose rows are there", n)
	}
}

// TestARemoteThatIsAwayHoldsUpNoScan: what is found waits in the queue.
func TestARemoteThatIsAwayHoldsUpNoScan(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	p.remote.setDown(true)
	p.writeSessions(t, 2)
	w := p.running(t)
	w.scheduler.request(Scan)
	eventually(t, "the files are found", func() bool {
		return len(dump(t, p.cfg.QueueDB, `SELECT path FROM files WHERE state = 'queued'`)) == 2
	})
}

// states is how many files the index knows.
func (p *place) states(t *testing.T) int {
	return len(dump(t, p.cfg.QueueDB, `SELECT path FROM files`))
}

// TestWhatTheScansOfAllRootsComeTo: nothing is said of all that holds for one.
func TestWhatTheScansOfAllRootsComeTo(t *testing.T) {
	for _, test := range []struct {
		of   []Outcome // of the roots; empty: not scanned yet
		want Outcome
	}{
		{[]Outcome{Complete, Complete}, Complete},
		{[]Outcome{Complete, ""}, Complete},
		{[]Outcome{RootUnavailable, Complete}, Incomplete},
		{[]Outcome{Complete, RootUnavailable}, Incomplete},
		{[]Outcome{RootUnavailable, RootUnavailable}, RootUnavailable},
		{[]Outcome{"", RootUnavailable}, RootUnavailable},
		{[]Outcome{Incomplete, RootUnavailable}, Incomplete},
	} {
		a := &Agent{scheduler: newScheduler(nil), scans: map[string]*Report{}}
		for i, outcome := range test.of {
			label := strconv.Itoa(i)
			a.cfg.Roots = append(a.cfg.Roots, hashindex.Root{Label: label})
			if outcome != "" {
				a.scans[label] = &Report{Outcome: outcome, Files: 2}
			}
		}
		if got := a.scanNote(); got.Outcome != test.want {
			t.Errorf("%q come to %q, want %q", test.of, got.Outcome, test.want)
		}
	}
}

// TestTheRemoteIsNotSaidToBeWellUnasked: a pass that found no root has not asked it.
func TestTheRemoteIsNotSaidToBeWellUnasked(t *testing.T) {
	var log syncBuffer
	a := &Agent{
		log: slog.New(slog.NewTextHandler(&log, nil)), trouble: map[string]string{}, cfg: Config{Observer: nobody{}},
	}
	remote := Problem{Kind: kindRemote, Error: "HTTP 500"}
	a.warn(&Report{Mode: Quick, Outcome: Incomplete, Roots: []RootReport{{}}, Problems: []Problem{remote}})
	a.warn(&Report{Mode: Scan, Outcome: Complete, Roots: []RootReport{{}}})
	a.warn(&Report{Mode: Quick, Outcome: RootUnavailable, Roots: []RootReport{{}}, Problems: []Problem{{Kind: kindRoot}}})
	if text := log.String(); strings.Contains(text, "any more") {
		t.Errorf("the log says that all is well:\n%s", text)
	}
	a.warn(&Report{Mode: Quick, Outcome: Complete, Roots: []RootReport{{}}})
	if text := log.String(); strings.Count(text, "HTTP 500") != 1 || strings.Count(text, "any more") != 2 {
		t.Errorf("the log does not say once what was wrong, and of both that it is over:\n%s", text)
	}
}
