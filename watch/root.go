package watch

import (
	"context"
	"io/fs"
	"os"
	"time"
)

// rootState is what one look at the root found.
type rootState struct {
	info fs.FileInfo
	err  error
	at   time.Time
}

func (r rootState) present() bool { return r.err == nil && r.info.IsDir() }

// rootPoll looks at the root again and again. It has a goroutine of its own because a look may hang.
type rootPoll struct {
	root  string
	every time.Duration
	stat  func(string) (fs.FileInfo, error)
	found chan rootState
	now   chan struct{}
}

// statIdentity is os.Stat with the identity taken now. On Windows it is otherwise taken when the FileInfo is first compared, from
// whatever has the name by then.
func statIdentity(name string) (fs.FileInfo, error) {
	info, err := os.Stat(name)
	if err == nil && !os.SameFile(info, info) {
		err = &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info, err
}

func newRootPoll(root string, every time.Duration, stat func(string) (fs.FileInfo, error)) *rootPoll {
	return &rootPoll{root: root, every: every, stat: stat, found: make(chan rootState), now: make(chan struct{}, 1)}
}

// soon asks for a look without waiting for the next one that is due; what was seen before and not yet said is forgotten.
func (p *rootPoll) soon() {
	select {
	case p.now <- struct{}{}:
	default:
	}
}

func (p *rootPoll) run(ctx context.Context) {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		info, err := p.stat(p.root)
		select {
		case p.found <- rootState{info: info, err: err, at: time.Now()}:
		case <-p.now:
			continue
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-p.now:
		case <-ctx.Done():
			return
		}
	}
}

// follow keeps a session going whenever the root is there. All work on the watched tree happens on this goroutine, one small step at a time,
// so that notifications never wait longer than one step.
func (w *Watcher) follow(ctx context.Context, polled *rootPoll) {
	var s *session
	defer func() {
		if s != nil {
			s.close()
		}
	}()
	always := make(chan struct{})
	close(always)
	for first := true; ; first = false {
		var notes <-chan note
		var work <-chan struct{}
		if s != nil {
			notes = s.notes
			if s.busy() {
				work = always
			}
		}
		select {
		case <-ctx.Done():
			return
		case r := <-polled.found:
			s = w.judge(s, r, first)
		case n := <-notes:
			s.handle(n)
			for range len(notes) {
				s.handle(<-notes)
			}
		case <-work:
			s.step()
		}
		if s != nil && s.lost {
			w.end(s)
			s = nil
			polled.soon()
		}
	}
}

// judge compares what a look at the root found with the session there is, and returns the one that goes on from here.
func (w *Watcher) judge(s *session, r rootState, first bool) *session {
	if s != nil && (!r.present() || !os.SameFile(s.info, r.info)) {
		s.lost = true
	}
	if s != nil && (s.lost || s.broken) {
		w.end(s)
		s = nil
	}
	switch {
	case s != nil:
		s.tick(r.at)
	case r.present():
		s = w.begin(r)
	default:
		w.become(Waiting, nil)
		if first {
			w.log.Warn("the watch path is not there yet; waiting for it", "error", r.err)
		}
	}
	return s
}

// begin starts a session on the root that was found. Each has a notifier of its own: no watch can survive the directory it was meant for.
func (w *Watcher) begin(r rootState) *session {
	n, err := w.open()
	if err != nil {
		if w.become(Deaf, err) {
			w.log.Warn("no changes are reported: the system gives no notifications. It is asked again and again; "+
				"files are found by scans", "error", err, "help", advice(err))
		}
		return nil
	}
	w.become(Adding, nil)
	w.log.Info("watching")
	s := &session{w: w, fs: n, info: r.info, notes: make(chan note, maxNotes), tree: make(tree), warned: make(map[string]bool), checked: r.at}
	events, errs := n.Channels()
	s.pump.Go(func() { pump(events, errs, s.notes) })
	s.resync("the watch path is there")
	return s
}

func (w *Watcher) end(s *session) {
	s.close()
	w.become(Waiting, nil)
	reason := "notifications have failed"
	if s.lost {
		reason = "the watch path has gone or was replaced"
		w.log.Warn(reason)
	}
	w.sink.Lost(reason)
}
