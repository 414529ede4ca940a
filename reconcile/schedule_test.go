package reconcile

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

func TestParseSchedule(t *testing.T) {
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.ParseInLocation(time.DateTime, s, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	now := at("2026-03-01 12:34:56") // a Sunday
	for spec, next := range map[string]time.Time{
		"0 5 * * *":                     at("2026-03-02 05:00:00"),
		"*/10 * * * *":                  at("2026-03-01 12:40:00"),
		"30 12 * * 1-5":                 at("2026-03-02 12:30:00"),
		"@every 30s":                    at("2026-03-01 12:35:26"),
		"@every 10m":                    at("2026-03-01 12:44:56"),
		"@daily":                        at("2026-03-02 00:00:00"),
		"@hourly":                       at("2026-03-01 13:00:00"),
		"CRON_TZ=Asia/Seoul 0 5 * * *":  at("2026-03-01 20:00:00"),
		"CRON_TZ=UTC 0 5 * * *":         at("2026-03-02 05:00:00"),
		"TZ=America/New_York 0 5 * * *": at("2026-03-02 10:00:00"),
	} {
		s, err := ParseSchedule(spec)
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if s.String() != spec {
			t.Errorf("%q prints as %q", spec, s)
		}
		if got := s.cron.Next(now); !got.Equal(next) {
			t.Errorf("%q is due at %v, want %v", spec, got.UTC(), next)
		}
	}
	if s, err := ParseSchedule(""); err != nil || s.cron != nil || s.String() != "" {
		t.Errorf("empty: %+v (%v), want never", s, err)
	}
	for _, spec := range []string{
		"nonsense", " ", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "@every", "@every 5", "@every x", "@sometimes",
		"CRON_TZ=Nowhere/Else 0 5 * * *", "CRON_TZ=Asia/Seoul", "0 5 * * MOO",
	} {
		if s, err := parseSafely(t, spec); err == nil {
			t.Errorf("%q is taken for %+v", spec, s)
		}
	}
}

func parseSafely(t *testing.T, spec string) (Schedule, error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%q: panic: %v", spec, p)
		}
	}()
	return ParseSchedule(spec)
}

// TestRequestsForPasses goes through the table above requests.
func TestRequestsForPasses(t *testing.T) {
	type step struct {
		do   string
		mode Mode
	}
	add := func(m Mode) step { return step{"add", m} }
	due := func(m Mode) step { return step{"due", m} }
	begin, done, occupy := step{do: "begin"}, step{do: "done"}, step{do: "occupy"}
	for name, test := range map[string]struct {
		steps   []step
		begins  Mode // what begins after the steps
		skipped int64
	}{
		"nothing is wanted":          {},
		"one":                        {steps: []step{add(Scan)}, begins: Scan},
		"the deepest of several":     {steps: []step{add(Quick), add(Full), add(Quick)}, begins: Full},
		"due":                        {steps: []step{due(Quick)}, begins: Quick},
		"due while one is wanted":    {steps: []step{add(Quick), due(Full)}, begins: Full},
		"again, since one has begun": {steps: []step{add(Full), begin, add(Quick)}, begins: Quick},
		"again, twice":               {steps: []step{add(Full), begin, add(Quick), add(Full)}, begins: Full},
		"due while one runs":         {steps: []step{add(Quick), begin, due(Full)}, skipped: 1},
		"due while one runs and another is due": {
			steps: []step{add(Quick), begin, add(Quick), due(Full)}, begins: Quick, skipped: 1,
		},
		"due after one has run":                  {steps: []step{add(Quick), begin, done, due(Full)}, begins: Full},
		"due while another process has one made": {steps: []step{occupy, due(Quick)}, skipped: 1},
	} {
		q := newRequests()
		for _, s := range test.steps {
			switch s.do {
			case "add":
				q.add(s.mode)
			case "due":
				q.addUnlessRunning(s.mode)
			case "begin":
				<-q.wake
				q.begin()
			case "occupy":
				q.occupy()
			case "done":
				q.done()
			}
		}
		if n := q.numSkipped(); n != test.skipped {
			t.Errorf("%s: %d skipped, want %d", name, n, test.skipped)
		}
		if woken := len(q.wake) == 1; woken != (test.begins != "") {
			t.Errorf("%s: woken %v", name, woken)
		}
		if mode, ok := q.begin(); mode != test.begins || ok != (test.begins != "") {
			t.Errorf("%s: begins %q, want %q", name, mode, test.begins)
		}
		if mode, ok := q.begin(); ok {
			t.Errorf("%s: then begins %q", name, mode)
		}
	}
}

// blocked holds the pass that an agent makes, until release is called.
func (p *place) blocked(t *testing.T) (release func()) {
	t.Helper()
	gate := make(chan struct{})
	p.remote.onCall(func(call string) {
		if call == "digest" {
			<-gate
		}
	})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	return release
}

func TestAPassThatIsDueWhileAnotherRunsIsSkipped(t *testing.T) {
	p := tempPlace(t)
	every, err := ParseSchedule("@every 1s")
	if err != nil {
		t.Fatal(err)
	}
	p.cfg.Schedules.Quick = every
	release := p.blocked(t)
	w := p.running(t)
	defer release()
	eventually(t, "passes that are due are counted", func() bool { return w.scheduler.skipped() > 0 })
	if len(w.scheduler.passes.wake) > 0 {
		t.Error("a pass waits, want it skipped")
	}
	if n := p.remote.counted("digest"); n > 1 {
		t.Errorf("%d passes at a time", n)
	}
	release()
	eventually(t, "the schedule goes on", func() bool {
		return p.remote.counted("digest") > 0 && w.scheduler.skipped() > 0
	})
}

func (w *worker) last(t *testing.T) *state.Pass {
	t.Helper()
	last, err := w.state.Passes.Last(context.Background(), commandRun, commandRun)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func TestALinkThatComesBackIsFollowedByAPass(t *testing.T) {
	p := tempPlace(t)
	p.remote.setDown(true)
	hash := p.session(t, "a.json", 1, 1)
	w := p.running(t)
	eventually(t, "the first pass has failed", func() bool {
		return w.last(t) != nil && !w.delivery.Circuit().Closed()
	})
	first := w.last(t)
	if r, err := decodeReport(first, nil); err != nil || r.Outcome != Incomplete || r.InSync {
		t.Errorf("the first pass: %+v (%v), want that it is incomplete", r, err)
	}
	p.remote.setDown(false)
	eventually(t, "another pass is made", func() bool { return w.last(t).ID > first.ID })
	r, err := decodeReport(w.last(t), nil)
	if err != nil || r.Mode != Quick || !r.InSync {
		t.Errorf("the pass: %+v (%v), want a quick one that finds all in sync", r, err)
	}
	p.wantRows(t, hash)
}

// Of sleep itself there is no test: no clock of a test jumps.
func TestWhileTheClockGoesItsWayNoPassIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Agent{scheduler: newScheduler(nil), log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		a.noticeSleep(ctx)
		if mode, ok := a.scheduler.passes.begin(); ok {
			t.Errorf("a %s pass is wanted", mode)
		}
	})
}

func TestAClockThatJumpsIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var offset atomic.Int64
		var gaps []time.Duration
		go noticeJumps(ctx, func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }, func(gap time.Duration) { gaps = append(gaps, gap) })
		for _, jump := range []time.Duration{0, 8 * time.Hour, 0, 10 * time.Second, -time.Hour, time.Hour} {
			time.Sleep(time.Minute)
			synctest.Wait()
			offset.Add(int64(jump))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if want := []time.Duration{8*time.Hour + wakeTick, time.Hour + wakeTick}; !slices.Equal(gaps, want) {
			t.Errorf("jumps of %v were noticed, want %v", gaps, want)
		}
	})
}
