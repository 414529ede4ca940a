package reconcile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// abandonAfter is how long a stop waits for what a file system is doing.
const abandonAfter = time.Second

// errHangs is an outage of a root: its share hangs.
var errHangs = fmt.Errorf("%w: its file system has not answered for %v",
	hashindex.ErrRootUnavailable, hashindex.HangAfter)

// turn is the right to do something that may hang in the file system of a root. One goroutine has it at a time, so that
// calls into a share that hangs do not pile up.
type turn struct {
	live   *hashindex.Liveness
	free   chan struct{} // holds one while nobody has the turn
	wanted atomic.Int32  // how many wait for the turn
}

func newTurn(live *hashindex.Liveness) *turn {
	t := &turn{live: live, free: make(chan struct{}, 1)}
	t.free <- struct{}{}
	return t
}

// inTurn waits for the turn, and then for f, whose own result it returns. It fails with errHangs, or with the context's
// error a little after ctx has ended; f is left to itself then, and keeps the turn until it returns.
func inTurn[T any](ctx context.Context, t *turn, f func() (T, error)) (T, error) {
	var r result[T]
	t.wanted.Add(1)
	_, err := await(ctx, t.live, t.free)
	t.wanted.Add(-1)
	if err != nil {
		return r.value, err
	}
	done := make(chan result[T], 1)
	go func() {
		defer func() { t.free <- struct{}{} }()
		value, err := f()
		done <- result[T]{value, err}
	}()
	r, err = await(ctx, t.live, done)
	if err != nil && ctx.Err() != nil {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonAfter)
		defer cancel()
		if r, err = await(grace, t.live, done); err != nil {
			err = ctx.Err()
		}
	}
	if err != nil {
		return r.value, err
	}
	return r.value, r.err
}

// await receives from a channel. It fails with errHangs, or with the context's error.
func await[T any](ctx context.Context, live *hashindex.Liveness, c <-chan T) (T, error) {
	value, err := hashindex.Await(ctx, live, hashindex.HangAfter, c)
	if errors.Is(err, hashindex.ErrSilent) {
		err = errHangs
	}
	return value, err
}

type result[T any] struct {
	value T
	err   error
}

// turns has one turn for each root, by its label.
type turns map[string]*turn

func newTurns(roots []hashindex.Root) turns {
	all := turns{}
	for _, root := range roots {
		all[root.Label] = newTurn(root.Live)
	}
	return all
}

// inTurns does something in all roots at the same time, and yields what it came to when all have come to their ends.
func inTurns[T any](ctx context.Context, roots []hashindex.Root, in turns,
	do func(hashindex.Root) (T, error),
) iter.Seq2[hashindex.Root, result[T]] {
	results := make([]result[T], len(roots))
	var all sync.WaitGroup
	for i, root := range roots {
		all.Go(func() {
			results[i].value, results[i].err = inTurn(ctx, in[root.Label], func() (T, error) { return do(root) })
		})
	}
	all.Wait()
	return func(yield func(hashindex.Root, result[T]) bool) {
		for i, root := range roots {
			if !yield(root, results[i]) {
				return
			}
		}
	}
}
