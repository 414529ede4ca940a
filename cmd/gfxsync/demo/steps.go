package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/reconcile"
)

// failure is what check panics with, and attempt recovers: so the steps of a chapter return no errors, and the chapter
// reads as a story. Package text/template/parse does the same.
type failure struct{ err error }

// attempt runs f, and returns the error that ended it early.
func attempt(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(failure).err // any other panic goes on
		}
	}()
	f()
	return nil
}

func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// errMissing says that something that must happen did not. The demo goes on with the next chapter.
var errMissing = errors.New("MISSING")

// require ends the chapter if something is not as it must be.
func require(is bool, what string) {
	if !is {
		check(fmt.Errorf("%w: %s", errMissing, what))
	}
}

// patience is how long a chapter waits for something that must happen. It is long enough for a busy PC.
const patience = 2 * time.Minute

// until waits for something that must happen.
func until(ctx context.Context, what string, happened func() bool) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%w after %s: %s", errMissing, patience, what))
	defer cancel()
	for tick := time.Tick(3 * time.Millisecond); !happened(); {
		select {
		case <-tick:
		case <-ctx.Done():
			check(context.Cause(ctx))
		}
	}
}

// untilStatus waits for a status that must come, and returns it.
func (d *demo) untilStatus(ctx context.Context, what string, is func(*reconcile.Status) bool) (st reconcile.Status) {
	until(ctx, what, func() bool {
		st = must(reconcile.ReadStatus(ctx, d.state))
		return is(&st)
	})
	return st
}

// untilRows waits until the table has a row of each save. It returns how long after a time the last of these rows was
// committed.
func (d *demo) untilRows(ctx context.Context, since time.Time, saves []*save) (took time.Duration) {
	for _, s := range saves {
		until(ctx, "a row of "+s.path, func() bool { return !d.cable.committedAt(s).IsZero() })
		took = max(took, d.cable.committedAt(s).Sub(since))
	}
	return short(took)
}

// short rounds a duration for people to read.
func short(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(10 * time.Millisecond)
}

func plural[N int | int64](n N, what string) string { return english.Plural(int(n), what, "") }
