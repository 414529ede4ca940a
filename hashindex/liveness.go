package hashindex

import (
	"sync"
	"time"
)

// Liveness tells whether a file system still answers. A call into a share that is gone cannot be interrupted, and may
// take minutes or for ever. All methods may be used from any goroutine. The nil Liveness knows of no call.
type Liveness struct {
	mu    sync.Mutex
	calls int       // that are under way
	since time.Time // the last answer; if no call was under way then, the beginning of the next one
}

// Silent returns for how long the calls that are under way have had no answer. It is 0 if none is.
func (l *Liveness) Silent() time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == 0 {
		return 0
	}
	return time.Since(l.since)
}

// HangAfter is how long a file system may leave all calls without an answer. The longest of them is the listing of a
// large folder on a slow share.
const HangAfter = 30 * time.Second

// Hangs says whether the file system has not answered for HangAfter.
func (l *Liveness) Hangs() bool { return l.Silent() >= HangAfter }

// Do makes a call into the file system, which is all that f does.
func (l *Liveness) Do(f func()) {
	l.begin()
	defer l.end()
	f()
}

// begin notes the beginning of a call, and end its end. Nothing but the call lies between them: whoever waits for
// something else does not wait for the file system.
func (l *Liveness) begin() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls++; l.calls == 1 {
		l.since = time.Now()
	}
}

func (l *Liveness) end() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls--
	l.since = time.Now()
}

// call makes a call into the file system.
func call[T any](l *Liveness, f func() (T, error)) (T, error) {
	l.begin()
	defer l.end()
	return f()
}
