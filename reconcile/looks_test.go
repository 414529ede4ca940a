package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

func lookAt(path string) look { return look{key: hashindex.Key{Path: path}} }

func (q *looks) mustAdd(t *testing.T, l look, urgent bool) {
	t.Helper()
	if urgent {
		if !q.tryAdd(l) {
			t.Fatal("there is no room")
		}
	} else if err := q.add(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

func (q *looks) wantNext(t *testing.T, path string) look {
	t.Helper()
	l, ok := q.next()
	if !ok || l.key.Path != path {
		t.Fatalf("next: %q (%v), want %q", l.key.Path, ok, path)
	}
	return l
}

func TestEachFileIsWantedOnce(t *testing.T) {
	q := newLooks(nil)
	first := time.Unix(1, 0)
	for i := range 3 {
		l := lookAt("a")
		l.at, l.recheck = first.Add(time.Duration(i)*time.Second), i == 1
		q.mustAdd(t, l, false)
	}
	if l := q.wantNext(t, "a"); !l.at.Equal(first) || !l.recheck {
		t.Errorf("the look is %+v, want the first with what the others asked for", l)
	}
	q.done(hashindex.Key{Path: "a"})
	if !q.idle() {
		t.Error("something is left")
	}
}

func TestWhatIsWishedForWhileAFileIsBusyIsOneMoreLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newLooks(nil)
		defer q.close()
		q.mustAdd(t, lookAt("a"), true)
		q.wantNext(t, "a")
		again := lookAt("a")
		again.recheck = true
		for _, l := range []look{lookAt("a"), again, lookAt("a")} {
			q.mustAdd(t, l, false)
		}
		var got atomic.Pointer[look]
		go func() {
			if l, ok := q.next(); ok {
				got.Store(&l)
			}
		}()
		synctest.Wait()
		if got.Load() != nil {
			t.Fatal("two look at one file")
		}
		if q.idle() {
			t.Error("idle while a file is looked at")
		}
		q.done(hashindex.Key{Path: "a"})
		synctest.Wait()
		if l := got.Load(); l == nil || !l.recheck {
			t.Fatalf("the second look is %+v, want one that hashes", l)
		}
		q.done(hashindex.Key{Path: "a"})
		if !q.idle() {
			t.Error("something is left")
		}
	})
}

func TestAScanDoesNotShortenADelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newLooks(nil)
		defer q.close()
		q.mustAdd(t, lookAt("a"), true)
		l := q.wantNext(t, "a")
		begin := time.Now()
		l.settling = settling{tries: 3, active: true}
		q.again(l, 0, time.Second)
		for range 5 {
			time.Sleep(100 * time.Millisecond) // of the bubble's clock
			l := lookAt("a")
			l.recheck = true
			q.mustAdd(t, l, false)
		}
		if q.idle() {
			t.Error("idle while a file settles")
		}
		got := q.wantNext(t, "a")
		if took := time.Since(begin); took != time.Second {
			t.Errorf("looked at again after %v, want 1 s", took)
		}
		if !got.recheck || got.settling.tries != 3 {
			t.Errorf("the look is %+v, want what was known and what was wished for", got)
		}
	})
}

// TestAnEventBringsADelayedLookForward: what the event says may be that the file is complete. But a file that grows
// event by event is not to be read at each of them.
func TestAnEventBringsADelayedLookForward(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		rest, after time.Duration
		events      []time.Duration
		want        time.Duration // when the file is looked at again
	}{
		"no event":                       {4 * ms, 64 * ms, nil, 64 * ms},
		"after the rest":                 {4 * ms, 64 * ms, []time.Duration{9 * ms}, 9 * ms},
		"with the end of the rest":       {4 * ms, 64 * ms, []time.Duration{4 * ms}, 4 * ms},
		"during the rest":                {4 * ms, 64 * ms, []time.Duration{1 * ms}, 4 * ms},
		"many during the rest":           {4 * ms, 64 * ms, []time.Duration{1 * ms, 2 * ms, 3 * ms}, 4 * ms},
		"at once":                        {4 * ms, 64 * ms, []time.Duration{0}, 4 * ms},
		"nothing to rest from":           {0, 64 * ms, []time.Duration{0}, 0},
		"a rest as long as the delay":    {64 * ms, 64 * ms, []time.Duration{1 * ms, 60 * ms}, 64 * ms},
		"so late that it is the next":    {4 * ms, 64 * ms, []time.Duration{65 * ms}, 64 * ms},
		"early, and once more thereupon": {4 * ms, 64 * ms, []time.Duration{5 * ms, 6 * ms}, 5 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newLooks(nil)
				defer q.close()
				q.mustAdd(t, lookAt("a"), true)
				l := q.wantNext(t, "a")
				begin := time.Now()
				l.settling = settling{tries: 3, active: true}
				q.again(l, c.rest, c.after)
				var events sync.WaitGroup
				for _, at := range c.events {
					events.Go(func() {
						time.Sleep(at)
						q.mustAdd(t, lookAt("a"), true)
					})
				}
				got := q.wantNext(t, "a")
				if took := time.Since(begin); took != c.want {
					t.Errorf("looked at again after %v, want %v", took, c.want)
				}
				if got.settling.tries != 3 {
					t.Errorf("the look is %+v, want what was known", got)
				}
				events.Wait()
			})
		})
	}
}

// TestAnEventDuringALookCountsAfterIt, and a scan's wish does not shorten the delay.
func TestAnEventDuringALookCountsAfterIt(t *testing.T) {
	for _, c := range []struct {
		urgent bool
		want   time.Duration
	}{{true, 4 * time.Second}, {false, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			q := newLooks(nil)
			defer q.close()
			q.mustAdd(t, lookAt("a"), true)
			l := q.wantNext(t, "a")
			wish := lookAt("a")
			wish.recheck = true
			q.mustAdd(t, wish, c.urgent)
			begin := time.Now()
			q.again(l, 4*time.Second, time.Minute)
			if got := q.wantNext(t, "a"); !got.recheck {
				t.Errorf("the look is %+v, want one that hashes", got)
			}
			if took := time.Since(begin); took != c.want {
				t.Errorf("urgent: %v: looked at again after %v, want %v", c.urgent, took, c.want)
			}
			q.done(l.key)
			if !q.idle() {
				t.Error("the delayed look was two")
			}
		})
	}
}

// TestAnEventTakesAFileOutOfTheScansOrder.
func TestAnEventTakesAFileOutOfTheScansOrder(t *testing.T) {
	q := newLooks(nil)
	for _, path := range []string{"a", "b", "c", "d"} {
		q.mustAdd(t, lookAt(path), false)
	}
	for _, path := range []string{"c", "b", "c"} {
		q.mustAdd(t, lookAt(path), true)
	}
	for _, path := range []string{"c", "b", "a", "d"} {
		q.done(q.wantNext(t, path).key)
	}
	if !q.idle() || len(q.patient)+len(q.urgent) > 0 {
		t.Error("something is left")
	}
}

func TestWhatAnEventNamedGoesFirst(t *testing.T) {
	q := newLooks(nil)
	for _, path := range []string{"a", "b"} {
		q.mustAdd(t, lookAt(path), false)
	}
	for _, path := range []string{"x", "y"} {
		q.mustAdd(t, lookAt(path), true)
	}
	for _, path := range []string{"x", "y", "a", "b"} {
		q.wantNext(t, path)
	}
}

func TestTooManyWishesWait(t *testing.T) {
	for name, release := range map[string]func(q *looks, cancel func()){
		"until one is taken": func(q *looks, _ func()) { q.next() },
		"until the end":      func(q *looks, _ func()) { q.close() },
		"no longer than they may": func(_ *looks, cancel func()) {
			cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tooMany(t, release) })
		})
	}
}

func tooMany(t *testing.T, release func(q *looks, cancel func())) {
	q := newLooks(nil)
	for i := range maxWaiting {
		q.mustAdd(t, lookAt(fmt.Sprint(i)), false)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	added := make(chan error, 1)
	go func() { added <- q.add(ctx, lookAt("one more")) }()
	synctest.Wait()
	if len(added) > 0 {
		t.Fatal("it did not wait")
	}
	release(q, cancel)
	synctest.Wait()
	select {
	case err := <-added:
		if errors.Is(err, context.Canceled) != (ctx.Err() != nil) {
			t.Errorf("add: %v, the context: %v", err, ctx.Err())
		}
	default:
		t.Error("it still waits")
	}
}

// TestAnEventDoesNotWaitForAScan: as many looks wait as may, all of them of what a scan has found.
func TestAnEventDoesNotWaitForAScan(t *testing.T) {
	q := newLooks(nil)
	for i := range maxWaiting {
		q.mustAdd(t, lookAt(fmt.Sprint(i)), false)
	}
	q.mustAdd(t, lookAt("new"), true)
	q.mustAdd(t, lookAt("1999"), true)
	for _, path := range []string{"new", "1999", "0"} {
		q.wantNext(t, path)
	}
}

// TestTooManyEventsAreLeftToAScan, and take no room from anybody.
func TestTooManyEventsAreLeftToAScan(t *testing.T) {
	q := newLooks(nil)
	for i := range maxUrgent {
		q.mustAdd(t, lookAt(fmt.Sprint(i)), true)
	}
	if q.tryAdd(lookAt("one more")) {
		t.Error("there is room for more than maxUrgent")
	}
	q.next()
	q.mustAdd(t, lookAt("one more"), true)
}

func TestACloseEndsAllWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newLooks(nil)
		q.mustAdd(t, lookAt("a"), true)
		q.again(q.wantNext(t, "a"), 0, time.Hour)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				if l, ok := q.next(); ok {
					t.Errorf("got %+v", l)
				}
			})
		}
		synctest.Wait()
		q.close()
		wg.Wait()
		q.mustAdd(t, lookAt("b"), true)
		if l, ok := q.next(); ok {
			t.Errorf("after the close: %+v", l)
		}
	})
}

// Workers and wishers at random: no file is looked at by two at a time, and every wish is followed by a look.
func TestNoFileIsLookedAtByTwo(t *testing.T) {
	q := newLooks(nil)
	const files, wishes = 7, 3000
	var busy [files]atomic.Bool
	var wished, looked [files]atomic.Int64 // number of the newest wish, and of the newest that a look has followed
	var wishing, looking sync.WaitGroup
	for worker := range workers {
		looking.Go(func() {
			for n := 0; ; n++ {
				l, ok := q.next()
				if !ok {
					return
				}
				i := int(l.key.Path[0] - 'a')
				if busy[i].Swap(true) {
					t.Errorf("%s is looked at by two", l.key.Path)
				}
				newest := wished[i].Load()
				if looked[i].Load() < newest {
					looked[i].Store(newest)
				}
				busy[i].Store(false)
				if (n+worker)%5 == 0 {
					q.again(l, 0, time.Microsecond)
				} else {
					q.done(l.key)
				}
			}
		})
	}
	for wisher := range 3 {
		wishing.Go(func() {
			for n := range wishes {
				i := (n*7 + wisher*3) % files
				wished[i].Add(1)
				q.mustAdd(t, lookAt(string(rune('a'+i))), n%2 == 0)
			}
		})
	}
	wishing.Wait()
	eventually(t, "all wishes are followed", q.idle)
	for i := range files {
		if wished[i].Load() != looked[i].Load() {
			t.Errorf("file %d: the last look followed wish %d of %d", i, looked[i].Load(), wished[i].Load())
		}
	}
	q.close()
	looking.Wait()
}
