package reconcile

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// settles returns when a file is looked at again that was found incomplete, at this many looks in a row, each of which
// took so long.
func settles(t *testing.T, looks int, cost time.Duration, grows bool) (rests, afters []time.Duration) {
	t.Helper()
	in := &intake{cfg: &Config{SettleLimit: time.Hour}}
	l := lookAt("a")
	for i := range looks {
		stamp := hashindex.Stamp{Size: 10, ModTime: time.Now().UnixNano()}
		if i > 0 {
			stamp.ModTime = l.settling.stamp.ModTime
		}
		if grows {
			stamp.Size += int64(i)
		}
		l.began = time.Now()
		time.Sleep(cost) // of the bubble's clock
		f := in.unsettled(l, hashindex.Entry{}, stamp, errors.New("incomplete"))
		rests, afters, l = append(rests, f.rest), append(afters, f.after), f.look
	}
	return rests, afters
}

// TestAnIncompleteFileIsLookedAtAgainSoon: a file that is created, written and closed is empty for a moment.
func TestAnIncompleteFileIsLookedAtAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		rests, afters := settles(t, 12, 0, false)
		want := []time.Duration{
			ms, 2 * ms, 4 * ms, 8 * ms, 16 * ms, 32 * ms, 64 * ms, 128 * ms, 256 * ms, 500 * ms, 500 * ms, 500 * ms,
		}
		if fmt.Sprint(afters) != fmt.Sprint(want) {
			t.Errorf("looked at again after %v, want %v", afters, want)
		}
		for _, rest := range rests {
			if rest != 0 {
				t.Errorf("an event has to wait for %v after a look that took no time", rest)
			}
		}
	})
}

// TestAFileThatGrowsIsReadAFifthOfTheTime, with and without events, however long a look takes.
func TestAFileThatGrowsIsReadAFifthOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const us = time.Microsecond
		for _, cost := range []time.Duration{10 * us, 200 * us, 1000 * us, 100_000 * us} {
			for _, grows := range []bool{true, false} {
				rests, afters := settles(t, 5, cost, grows)
				for i := range rests {
					if rests[i] < 4*cost || afters[i] < rests[i] {
						t.Errorf("a look of %v: again after %v with an event, after %v without",
							cost, rests[i], afters[i])
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
		waited time.Duration // since it was first looked at
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
			synctest.Test(t, func(t *testing.T) {
				p := &place{dir: t.TempDir()}
				p.write(t, "a.json", []byte("{"))
				cfg := settings(p.dir, "", nil)
				cfg.SettleLimit = 5 * time.Second
				cfg.setDefaults()
				in := newIntake(&cfg, nil, nil, &counters{}, nil)
				identity, err := cfg.Roots[0].Identity()
				if err != nil {
					t.Fatal(err)
				}
				in.rootSeen("", identity)
				stamp := hashindex.Stamp{Size: 1, ModTime: time.Now().Add(-test.age).UnixNano()}
				l := lookAt("a.json")
				if test.waited > 0 {
					l = in.unsettled(l, hashindex.Entry{}, stamp, errors.New("first")).look
					time.Sleep(test.waited)
				}
				f := in.unsettled(l, hashindex.Entry{}, stamp, test.reason)
				var state hashindex.State
				if f.entry != nil {
					state = f.entry.State
				}
				if again := f.after > 0; again != test.again || state != test.state {
					t.Errorf("looked at again: %v, then %q, want %v, %q", again, state, test.again, test.state)
				}
			})
		})
	}
}
