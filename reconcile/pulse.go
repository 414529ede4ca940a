package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

const (
	// silence is how long a root's file system may take for one step, of which the longest is the listing of a large folder on a slow
	// share. What takes longer hangs. It cannot be interrupted, and is left to itself until it comes to its end.
	silence = 30 * time.Second
	// abandonAfter is how long a stop waits for what a file system is doing.
	abandonAfter = time.Second
	// slowScan is how long the scan of one root may hold up those of the others. Then they go on without it.
	slowScan = 2 * time.Second
)

var (
	// errSilent is an outage of a root: its share hangs.
	errSilent = fmt.Errorf("%w: its file system has not answered for %v", hashindex.ErrRootUnavailable, silence)
	// errGoesOn says that a scan takes longer than it was waited for.
	errGoesOn = errors.New("its scan goes on")
)

// pulse tells when a root's file system last answered.
type pulse struct{ last atomic.Pointer[time.Time] }

func (p *pulse) beat() {
	now := time.Now()
	p.last.Store(&now)
}

// left is how much longer the file system may be silent before it hangs.
func (p *pulse) left() time.Duration {
	last := p.last.Load()
	if last == nil {
		return silence
	}
	return silence - time.Since(*last)
}

// beating is a reader that takes so little at a time that even a slow share answers again and again.
type beating struct {
	io.Reader
	pulse *pulse
}

func (b beating) Read(into []byte) (int, error) {
	n, err := b.Reader.Read(into[:min(len(into), 1<<20)])
	b.pulse.beat()
	return n, err
}

// task is something that a root's file system is asked for, on a goroutine of its own because it may hang.
type task struct {
	begun time.Time
	scan  bool // it is a whole scan
	pulse *pulse
	done  chan struct{} // closed when the rest may be read
	seen  hashindex.Scanned
	err   error
}

func startTask(p *pulse, isScan bool, do func() (hashindex.Scanned, error)) *task {
	p.beat()
	t := &task{begun: time.Now(), scan: isScan, pulse: p, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		t.seen, t.err = do()
	}()
	return t
}

func (t *task) running() bool {
	select {
	case <-t.done:
		return false
	default:
		return true
	}
}

// wait waits for the end of the task, whose own error is not wait's. It fails with errSilent, with errGoesOn after its patience (0: it
// has no end), or, a little later than ctx, with the context's error.
func (t *task) wait(ctx context.Context, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for t.running() {
		left := t.pulse.left()
		switch {
		case left <= 0:
			return errSilent
		case patience > 0 && !time.Now().Before(deadline):
			return errGoesOn
		case patience > 0:
			left = min(left, time.Until(deadline))
		}
		if !t.within(ctx, left) && ctx.Err() != nil {
			t.within(context.WithoutCancel(ctx), abandonAfter)
			return ctx.Err()
		}
	}
	return nil
}

// within waits for the end of the task, and says whether it has come.
func (t *task) within(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-t.done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
