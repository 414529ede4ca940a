package ingest

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// settles returns when a file that is found incomplete is examined again, for this many examinations in a row, each of
// which took so long.
func settles(t *testing.T, times int, cost time.Duration, grows bool) (rests, delays []time.Duration) {
	t.Helper()
	d := rules{settleLimit: time.Hour}
	task := taskFor("a")
	written := time.Now().UnixNano()
	for i := range times {
		stamp := hashindex.Stamp{Size: 10, ModTime: written}
		if grows {
			stamp.Size += int64(i)
		}
		time.Sleep(cost) // of the bubble's clock
		seen := observation{stamp: stamp, invalid: errors.New("incomplete"), now: time.Now(), cost: cost}
		res := d.decide(task, &indexed{}, &seen)
		rests, delays, task = append(rests, res.rest), append(delays, res.again), res.task
	}
	return rests, delays
}

// TestAnIncompleteFileIsExaminedAgainSoon: a file that is created, written and closed is empty for a moment.
func TestAnIncompleteFileIsExaminedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		rests, delays := settles(t, 12, 0, false)
		want := []time.Duration{
			ms, 2 * ms, 4 * ms, 8 * ms, 16 * ms, 32 * ms, 64 * ms, 128 * ms, 256 * ms, 500 * ms, 500 * ms, 500 * ms,
		}
		if fmt.Sprint(delays) != fmt.Sprint(want) {
			t.Errorf("examined again after %v, want %v", delays, want)
		}
		for _, rest := range rests {
			if rest != 0 {
				t.Errorf("an event has to wait for %v after an examination that took no time", rest)
			}
		}
	})
}

// TestAFileThatGrowsIsReadAFifthOfTheTime, with and without events, however long reading takes.
func TestAFileThatGrowsIsReadAFifthOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const us = time.Microsecond
		for _, cost := range []time.Duration{10 * us, 200 * us, 1000 * us, 100_000 * us} {
			for _, grows := range []bool{true, false} {
				rests, delays := settles(t, 5, cost, grows)
				for i := range rests {
					if rests[i] < 4*cost || delays[i] < rests[i] {
						t.Errorf("an examination of %v: again after %v with an event, after %v without",
							cost, rests[i], delays[i])
					}
				}
			}
		}
	})
}

func TestWhenAFileThatIsNotCompleteIsGivenUp(t *testing.T) {
	incomplete := errors.New("unexpected end of JSON input")
	locked := fmt.Errorf("%w: sharing violation", hashindex.ErrChanging)
	for name, test := range map[string]struct {
		age    time.Duration // of its last change
		waited time.Duration // since it was first examined
		reason error
		again  bool
		state  hashindex.State
	}{
		"just written": {age: 0, reason: incomplete, again: true},
		"settled": {
			age: 10 * time.Second, waited: 5 * time.Second, reason: incomplete, state: hashindex.Invalid,
		},
		"changed days ago":                  {age: 48 * time.Hour, reason: incomplete, state: hashindex.Invalid},
		"changed by a clock that is behind": {age: 50 * time.Minute, reason: incomplete, again: true},
		"changed by a clock that is ahead":  {age: -time.Hour, reason: incomplete, again: true},
		"held by its writer":                {age: 0, reason: locked, again: true},
		"held by its writer for long": {
			age: 10 * time.Second, waited: time.Minute, reason: locked, state: hashindex.Invalid,
		},
		"held by its writer, and changed days ago": {age: 48 * time.Hour, reason: locked, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			d, begin := rules{settleLimit: 5 * time.Second}, time.Now()
			seen := observation{
				stamp: hashindex.Stamp{Size: 1, ModTime: begin.Add(-test.age).UnixNano()}, now: begin, err: errors.New("first"),
			}
			task := taskFor("a.json")
			if test.waited > 0 {
				task = d.decide(task, &indexed{}, &seen).task
			}
			seen.now, seen.err = begin.Add(test.waited), test.reason
			res := d.decide(task, &indexed{}, &seen)
			var state hashindex.State
			if res.entry != nil {
				state = res.entry.State
			}
			if again := res.again > 0; again != test.again || state != test.state {
				t.Errorf("examined again: %v, then %q, want %v, %q", again, state, test.again, test.state)
			}
		})
	}
}
