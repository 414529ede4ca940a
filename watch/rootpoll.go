package watch

import (
	"context"
	"io/fs"
	"os"
	"time"
)

// rootState is what one stat of the root returned.
type rootState struct {
	info fs.FileInfo
	err  error
	at   time.Time
}

func (r rootState) present() bool { return r.err == nil && r.info.IsDir() }

// rootPoll stats the root at an interval. It has its own goroutine, because a stat may hang.
type rootPoll struct {
	root    string
	every   time.Duration
	stat    func(string) (fs.FileInfo, error)
	results chan rootState
	now     chan struct{}
}

// statIdentity is os.Stat that also reads the identity of the file. On Windows, os.Stat does not read it: the first
// comparison does, from whatever has the name by then.
func statIdentity(name string) (fs.FileInfo, error) {
	info, err := os.Stat(name)
	if err == nil && !os.SameFile(info, info) {
		err = &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info, err
}

func newRootPoll(root string, every time.Duration, stat func(string) (fs.FileInfo, error)) *rootPoll {
	return &rootPoll{
		root: root, every: every, stat: stat, results: make(chan rootState), now: make(chan struct{}, 1),
	}
}

// soon asks for a stat now. A result that nobody has received yet is dropped.
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
		case p.results <- rootState{info: info, err: err, at: time.Now()}:
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
