package reconcile

import (
	"flag"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// propertyTime is how long new worlds are begun. The race detector makes SQLite ten times as slow, and is given a part
// of the time. All of it is run without.
func propertyTime() time.Duration {
	if raced {
		return 12 * time.Second
	}
	return 40 * time.Second
}

// Whatever happens to the folder, the table, the way between them and the agent itself: once it is quiet and a pass has
// been made, the table has every session on disk that a pass of that depth sees, and nothing else is left to do.
//
// On failure rapid prints the steps, and how to run them again.
func TestWhateverHappensEverySessionArrives(t *testing.T) {
	for name, value := range map[string]string{"rapid.steps": "50", "rapid.shrinktime": "20s", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	worlds, steps, begin := 0, 0, time.Now()
	defer func() { t.Logf("%d worlds, %d steps in %v", worlds, steps, time.Since(begin).Round(time.Second)) }()
	failed := false
	rapid.Check(t, func(rt *rapid.T) {
		// Once a world has failed, it is to be made smaller, however long that takes.
		if time.Since(begin) > propertyTime() && !failed {
			return
		}
		worlds++
		w := newWorld(t, rt, &steps)
		defer w.close(t)
		done := false
		defer func() {
			if !done {
				t.Logf("what the agents said:\n%s", w.log.String())
				failed = true
			}
		}()
		rt.Repeat(w.actions())
		w.settle(rt)
		done = true
	})
}
