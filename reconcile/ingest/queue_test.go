package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"
)

func taskFor(path string) Task { return Task{Key: fileid.ID{Path: path}} }

func (q *queue) mustAdd(t *testing.T, task Task, urgent bool) {
	t.Helper()
	if urgent {
		if !q.TryAdd(task) {
			t.Fatal("there is no room")
		}
	} else if err := q.Add(t.Context(), task); err != nil {
		t.Fatal(err)
	}
}

func (q *queue) wantGet(t *testing.T, path string) Task {
	t.Helper()
	task, ok := q.Get()
	if !ok || task.Key.Path != path {
		t.Fatalf("next: %q (%v), want %q", task.Key.Path, ok, path)
	}
	return task
}

func TestAFileIsInTheQueueOnce(t *testing.T) {
	q := newQueue()
	first := time.Unix(1, 0)
	for i := range 3 {
		task := taskFor("a")
		task.At, task.Rehash = first.Add(time.Duration(i)*time.Second), i == 1
		q.mustAdd(t, task, false)
	}
	if task := q.wantGet(t, "a"); !task.At.Equal(first) || !task.Rehash {
		t.Errorf("the task is %+v, want the first with what the others asked for", task)
	}
	q.Done(fileid.ID{Path: "a"})
	if !q.Idle() {
		t.Error("something is left")
	}
}

func TestATaskForABusyFileComesAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		defer q.Close()
		q.mustAdd(t, taskFor("a"), true)
		q.wantGet(t, "a")
		again := taskFor("a")
		again.Rehash = true
		for _, task := range []Task{taskFor("a"), again, taskFor("a")} {
			q.mustAdd(t, task, false)
		}
		var got atomic.Pointer[Task]
		go func() {
			if task, ok := q.Get(); ok {
				got.Store(&task)
			}
		}()
		synctest.Wait()
		if got.Load() != nil {
			t.Fatal("two workers have one file")
		}
		if q.Idle() {
			t.Error("idle while a worker has a file")
		}
		q.Done(fileid.ID{Path: "a"})
		synctest.Wait()
		if task := got.Load(); task == nil || !task.Rehash {
			t.Fatalf("the second task is %+v, want one that hashes", task)
		}
		q.Done(fileid.ID{Path: "a"})
		if !q.Idle() {
			t.Error("something is left")
		}
	})
}

func TestAScanDoesNotShortenADelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		defer q.Close()
		q.mustAdd(t, taskFor("a"), true)
		task := q.wantGet(t, "a")
		begin := time.Now()
		task.settling = settling{tries: 3, active: true}
		q.AddAfter(task, 0, time.Second)
		for range 5 {
			time.Sleep(100 * time.Millisecond) // of the bubble's clock
			task := taskFor("a")
			task.Rehash = true
			q.mustAdd(t, task, false)
		}
		if q.Idle() {
			t.Error("idle while a file settles")
		}
		got := q.wantGet(t, "a")
		if took := time.Since(begin); took != time.Second {
			t.Errorf("again after %v, want 1 s", took)
		}
		if !got.Rehash || got.settling.tries != 3 {
			t.Errorf("the task is %+v, want what was known and what was asked for", got)
		}
	})
}

// TestAnEventBringsADelayedTaskForward: what the event says may be that the file is complete. But a file that grows
// event by event is not to be read at each of them.
func TestAnEventBringsADelayedTaskForward(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		rest, after time.Duration
		events      []time.Duration
		want        time.Duration // when the file is examined again
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
				q := newQueue()
				defer q.Close()
				q.mustAdd(t, taskFor("a"), true)
				task := q.wantGet(t, "a")
				begin := time.Now()
				task.settling = settling{tries: 3, active: true}
				q.AddAfter(task, c.rest, c.after)
				var events sync.WaitGroup
				for _, at := range c.events {
					events.Go(func() {
						time.Sleep(at)
						q.mustAdd(t, taskFor("a"), true)
					})
				}
				got := q.wantGet(t, "a")
				if took := time.Since(begin); took != c.want {
					t.Errorf("again after %v, want %v", took, c.want)
				}
				if got.settling.tries != 3 {
					t.Errorf("the task is %+v, want what was known", got)
				}
				events.Wait()
			})
		})
	}
}

// TestAnEventDuringATaskCountsAfterIt, and a scan does not shorten the delay.
func TestAnEventDuringATaskCountsAfterIt(t *testing.T) {
	for _, c := range []struct {
		urgent bool
		want   time.Duration
	}{{true, 4 * time.Second}, {false, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue()
			defer q.Close()
			q.mustAdd(t, taskFor("a"), true)
			task := q.wantGet(t, "a")
			asked := taskFor("a")
			asked.Rehash = true
			q.mustAdd(t, asked, c.urgent)
			begin := time.Now()
			q.AddAfter(task, 4*time.Second, time.Minute)
			if got := q.wantGet(t, "a"); !got.Rehash {
				t.Errorf("the task is %+v, want one that hashes", got)
			}
			if took := time.Since(begin); took != c.want {
				t.Errorf("urgent: %v: again after %v, want %v", c.urgent, took, c.want)
			}
			q.Done(task.Key)
			if !q.Idle() {
				t.Error("the delayed task was two")
			}
		})
	}
}

// TestAnEventTakesAFileOutOfTheScansOrder.
func TestAnEventTakesAFileOutOfTheScansOrder(t *testing.T) {
	q := newQueue()
	for _, path := range []string{"a", "b", "c", "d"} {
		q.mustAdd(t, taskFor(path), false)
	}
	for _, path := range []string{"c", "b", "c"} {
		q.mustAdd(t, taskFor(path), true)
	}
	for _, path := range []string{"c", "b", "a", "d"} {
		q.Done(q.wantGet(t, path).Key)
	}
	if !q.Idle() || len(q.later)+len(q.first) > 0 {
		t.Error("something is left")
	}
}

func TestWhatAnEventNamedGoesFirst(t *testing.T) {
	q := newQueue()
	for _, path := range []string{"a", "b"} {
		q.mustAdd(t, taskFor(path), false)
	}
	for _, path := range []string{"x", "y"} {
		q.mustAdd(t, taskFor(path), true)
	}
	for _, path := range []string{"x", "y", "a", "b"} {
		q.wantGet(t, path)
	}
}

func TestAddWaitsWhileTheQueueIsFull(t *testing.T) {
	for name, release := range map[string]func(q *queue, cancel func()){
		"until one is taken": func(q *queue, _ func()) { q.Get() },
		"until the end":      func(q *queue, _ func()) { q.Close() },
		"no longer than they may": func(_ *queue, cancel func()) {
			cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tooMany(t, release) })
		})
	}
}

func tooMany(t *testing.T, release func(q *queue, cancel func())) {
	q := newQueue()
	for i := range maxWaiting {
		q.mustAdd(t, taskFor(fmt.Sprint(i)), false)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	added := make(chan error, 1)
	go func() { added <- q.Add(ctx, taskFor("one more")) }()
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

// TestAnEventDoesNotWaitForAScan: as many tasks wait as may, all of them for files that a scan found.
func TestAnEventDoesNotWaitForAScan(t *testing.T) {
	q := newQueue()
	for i := range maxWaiting {
		q.mustAdd(t, taskFor(fmt.Sprint(i)), false)
	}
	q.mustAdd(t, taskFor("new"), true)
	q.mustAdd(t, taskFor("1999"), true)
	for _, path := range []string{"new", "1999", "0"} {
		q.wantGet(t, path)
	}
}

// TestTooManyEventsAreLeftToAScan, and take no room from anybody.
func TestTooManyEventsAreLeftToAScan(t *testing.T) {
	q := newQueue()
	for i := range maxFirst {
		q.mustAdd(t, taskFor(fmt.Sprint(i)), true)
	}
	if q.TryAdd(taskFor("one more")) {
		t.Error("there is room for more than maxFirst")
	}
	q.Get()
	q.mustAdd(t, taskFor("one more"), true)
}

func TestCloseEndsAllWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		q.mustAdd(t, taskFor("a"), true)
		q.AddAfter(q.wantGet(t, "a"), 0, time.Hour)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				if task, ok := q.Get(); ok {
					t.Errorf("got %+v", task)
				}
			})
		}
		synctest.Wait()
		q.Close()
		wg.Wait()
		q.mustAdd(t, taskFor("b"), true)
		if task, ok := q.Get(); ok {
			t.Errorf("after the close: %+v", task)
		}
	})
}

// TestNoFileIsHeldByTwo: with workers and askers at random, no two workers have one file, and whoever asks for a file is
// followed by a task.
func TestNoFileIsHeldByTwo(t *testing.T) {
	q := newQueue()
	const files, times = 7, 3000
	var busy [files]atomic.Bool
	var asked, served [files]atomic.Int64 // number of the newest request, and of the newest that a task has followed
	var adding, working sync.WaitGroup
	for worker := range workers {
		working.Go(func() {
			for n := 0; ; n++ {
				task, ok := q.Get()
				if !ok {
					return
				}
				i := int(task.Key.Path[0] - 'a')
				if busy[i].Swap(true) {
					t.Errorf("%s is held by two", task.Key.Path)
				}
				newest := asked[i].Load()
				if served[i].Load() < newest {
					served[i].Store(newest)
				}
				busy[i].Store(false)
				if (n+worker)%5 == 0 {
					q.AddAfter(task, 0, time.Microsecond)
				} else {
					q.Done(task.Key)
				}
			}
		})
	}
	for asker := range 3 {
		adding.Go(func() {
			for n := range times {
				i := (n*7 + asker*3) % files
				asked[i].Add(1)
				q.mustAdd(t, taskFor(string(rune('a'+i))), n%2 == 0)
			}
		})
	}
	adding.Wait()
	for !q.Idle() {
		runtime.Gosched()
	}
	for i := range files {
		if asked[i].Load() != served[i].Load() {
			t.Errorf("file %d: the last task followed request %d of %d", i, served[i].Load(), asked[i].Load())
		}
	}
	q.Close()
	working.Wait()
}
