package hashindex

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Liveness tells whether a file system still answers. A call into a share that is gone cannot be interrupted, and it
// may take minutes or never return. All methods are safe for concurrent use. The nil Liveness records no calls.
type Liveness struct {
	mu    sync.Mutex
	calls int       // calls that have not returned
	since time.Time // the last return of a call, or the beginning of the first call since all had returned

	of       *Liveness // see WithObserver
	answered func()
}

// WithObserver returns a Liveness of the same file system. It calls answered when a call that was recorded through it
// has returned.
func (l *Liveness) WithObserver(answered func()) *Liveness {
	return &Liveness{of: l, answered: answered}
}

// Unanswered returns how long the file system has not answered while calls wait for it. It is 0 if no call waits.
func (l *Liveness) Unanswered() time.Duration {
	if l == nil {
		return 0
	}
	if l.answered != nil {
		return l.of.Unanswered()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == 0 {
		return 0
	}
	return time.Since(l.since)
}

// ErrSilent says that a file system has not answered for a time.
var ErrSilent = errors.New("the file system does not answer")

// Await receives from c what a goroutine sends that calls the file system. It fails with ErrSilent when the file system
// has not answered for limit, or with the context's error. Then it leaves the goroutine to itself.
func Await[T any](ctx context.Context, l *Liveness, limit time.Duration, c <-chan T) (value T, err error) {
	for {
		left := limit - l.Unanswered()
		timer := time.NewTimer(max(left, 0))
		select {
		case value = <-c:
			timer.Stop()
			return value, nil
		case <-ctx.Done():
			timer.Stop()
			return value, ctx.Err()
		case <-timer.C:
		}
		if left <= 0 {
			return value, ErrSilent
		}
	}
}

// HangAfter is how long a file system may leave all calls without an answer. The longest of them is the listing of a
// large folder on a slow share.
const HangAfter = 30 * time.Second

// Hangs says whether the file system has not answered for HangAfter.
func (l *Liveness) Hangs() bool { return l.Unanswered() >= HangAfter }

// Do runs f, which must do nothing but call the file system.
func (l *Liveness) Do(f func()) {
	l.begin()
	defer l.end()
	f()
}

// begin records the beginning of a call, and end records its return. Nothing but the call may happen between them. Any
// other wait would look like a silence of the file system.
func (l *Liveness) begin() {
	if l == nil {
		return
	}
	if l.answered != nil {
		l.of.begin()
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
	if l.answered != nil {
		l.of.end()
		l.answered()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls--
	l.since = time.Now()
}

// call is Do for a function with results.
func call[T any](l *Liveness, f func() (T, error)) (T, error) {
	l.begin()
	defer l.end()
	return f()
}
