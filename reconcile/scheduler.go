package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/gfxsync/gfxsync/hashindex"
)

// scheduler decides when the passes of a running agent are made. Each root is scanned by itself, one scan at a time.
// Beside the scans there is one quick or full pass at a time. So a slow share or a slow remote does not keep the agent
// from finding what is new elsewhere.
type scheduler struct {
	scans  map[string]*requests // by the label of the root
	passes *requests            // quick and full ones
}

func newScheduler(labels []string) *scheduler {
	s := &scheduler{scans: map[string]*requests{}, passes: newRequests()}
	for _, label := range labels {
		s.scans[label] = newRequests()
	}
	return s
}

// request asks for a pass that begins after this call; a scan is one of each root.
func (s *scheduler) request(mode Mode) {
	for _, q := range s.of(mode) {
		q.add(mode)
	}
}

// requestScan asks for a scan of one root that begins after this call.
func (s *scheduler) requestScan(label string) { s.scans[label].add(Scan) }

// due asks for a pass whose time has come. It is skipped beside its like, which will find the same differences.
func (s *scheduler) due(mode Mode) {
	for _, q := range s.of(mode) {
		q.addUnlessRunning(mode)
	}
}

func (s *scheduler) of(mode Mode) []*requests {
	if mode != Scan {
		return []*requests{s.passes}
	}
	var all []*requests
	for _, q := range s.scans {
		all = append(all, q)
	}
	return all
}

// skipped returns how many passes were due while another ran.
func (s *scheduler) skipped() (n int64) {
	for _, q := range append(s.of(Scan), s.passes) {
		n += q.numSkipped()
	}
	return n
}

// start begins to ask for passes at their times; stop waits until nothing of it runs any more.
func (s *scheduler) start(when Schedules) (stop func()) {
	c := cron.New()
	for mode, schedule := range map[Mode]Schedule{Scan: when.Scan, Quick: when.Quick, Full: when.Full} {
		if schedule.cron != nil {
			c.Schedule(schedule.cron, cron.FuncJob(func() { s.due(mode) }))
		}
	}
	c.Start()
	return func() { <-c.Stop().Done() }
}

// requests are for passes of which one may run at a time. Requests that have not been begun count as one, for the
// deepest of their modes:
//
//	state               add(m)                 addUnlessRunning(m)   next             done
//	-----------------   --------------------   -------------------   --------------   -----------
//	idle                wanted m               wanted m              waits            -
//	wanted w            wanted max(w, m)       wanted max(w, m)      running          -
//	running             running, m again       skipped               -                idle
//	running, w again    running, max(w, m)     skipped               -                wanted w
type requests struct {
	wake chan struct{} // holds one while something is wanted

	mu      sync.Mutex
	running bool
	wanted  Mode // since the one that runs has begun; empty: nothing
	skipped int64
}

func newRequests() *requests { return &requests{wake: make(chan struct{}, 1)} }

var depth = map[Mode]int{Scan: 1, Quick: 2, Full: 3}

func (q *requests) add(mode Mode) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.want(mode)
}

func (q *requests) addUnlessRunning(mode Mode) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running {
		q.skipped++
		return
	}
	q.want(mode)
}

// want is for those who hold the lock.
func (q *requests) want(mode Mode) {
	if depth[mode] > depth[q.wanted] {
		q.wanted = mode
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// begin returns what is wanted, which runs until done is called; ok is false if nothing is.
func (q *requests) begin() (mode Mode, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wanted == "" {
		return "", false
	}
	mode, q.wanted = q.wanted, ""
	q.running = true
	return mode, true
}

// occupy is begin for what nobody has asked for here.
func (q *requests) occupy() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = true
}

func (q *requests) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = false
}

func (q *requests) numSkipped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.skipped
}

// askedEvery is how often a running agent looks for passes that other processes ask for.
const askedEvery = 500 * time.Millisecond

// runPasses makes the quick and full passes that are wanted, and those that other processes ask for, until ctx ends.
func (a *Agent) runPasses(ctx context.Context) {
	asked := time.NewTicker(askedEvery)
	defer asked.Stop()
	q := a.scheduler.passes
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
			if mode, ok := q.begin(); ok {
				a.runPass(ctx, mode)
			}
		case <-asked.C:
			q.occupy()
			a.answerRequest(ctx)
		}
		q.done()
		a.cfg.Observer.Alive()
	}
}

// runScans makes the scans of a root that are wanted, until ctx ends.
func (a *Agent) runScans(ctx context.Context, root hashindex.Root) {
	q := a.scheduler.scans[root.Label]
	select {
	case <-a.mayScan:
	case <-ctx.Done():
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		}
		if _, ok := q.begin(); ok {
			a.tellScan(ctx, root, a.scan(ctx, root))
		}
		q.done()
	}
}
