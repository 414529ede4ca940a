package hot

import (
	"testing"
	"time"
)

// TestEvidence goes through what may be seen of a root, minute by minute.
func TestEvidence(t *testing.T) {
	begin := time.Unix(1_000_000, 0)
	type step struct {
		after   time.Duration // since the beginning
		do      func(e *Evidence, now time.Time)
		trusted bool // then
	}
	event := func(path string) func(*Evidence, time.Time) {
		return func(e *Evidence, now time.Time) { e.Announced(path, now) }
	}
	found := func(path string) func(*Evidence, time.Time) {
		return func(e *Evidence, now time.Time) { e.Found(path, now, now.Add(-time.Second)) }
	}
	nothing := func(*Evidence, time.Time) {}
	for name, c := range map[string]struct {
		network bool
		steps   []step
	}{
		"a disk of this machine": {false, []step{{time.Minute, nothing, true}, {time.Hour, event("a"), true}}},
		"a network share on which nothing happens": {true, []step{
			{time.Minute, nothing, false}, {24 * time.Hour, nothing, false},
		}},
		"a network share whose events tell": {true, []step{
			{time.Minute, event("a"), false}, {59 * time.Minute, event("b"), false}, {61 * time.Minute, nothing, true},
		}},
		"events that stop coming": {false, []step{
			{time.Minute, event("a"), true},
			{2 * time.Minute, found("b"), true},
			{2*time.Minute + lateBy, nothing, false},
			{90 * time.Minute, nothing, false},
		}},
		"events that come late": {false, []step{
			{time.Minute, found("a"), true},
			{time.Minute + lateBy - 1, event("a"), true},
			{time.Hour, nothing, true},
		}},
		"events that come too late": {false, []step{
			{time.Minute, found("a"), true},
			{time.Minute + lateBy, nothing, false},
			{time.Minute + lateBy + 1, event("a"), false},
		}},
		"events that come for some folders only": {false, []step{
			{time.Minute, event("day1/a"), true},
			{2 * time.Minute, found("day2/a"), true},
			{3 * time.Minute, event("day1/a"), false},
			{30 * time.Minute, found("day2/a"), false},
			{80 * time.Minute, event("day1/a"), false}, // an hour since day2 was missed is not over
			{91 * time.Minute, nothing, true},
			{92 * time.Minute, found("day2/a"), true},
			{93 * time.Minute, nothing, false},
		}},
		"what changed before the watch began": {false, []step{
			{time.Minute, func(e *Evidence, now time.Time) {
				e.Lost(now)
				e.Found("a", now.Add(time.Second), now.Add(-time.Second))
			}, true},
			{time.Hour, nothing, true},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewEvidence()
			if c.network {
				e.Distrust(begin)
			}
			for i, s := range c.steps {
				now := begin.Add(s.after)
				s.do(e, now)
				if got := e.Trusted(now); got != s.trusted {
					t.Errorf("step %d, after %v: trusted %v, want %v", i+1, s.after, got, s.trusted)
				}
			}
		})
	}
}

// TestEvidenceIsBounded: a thousand copied files are no more evidence than one.
func TestEvidenceIsBounded(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	e := NewEvidence()
	for i := range 10 * maxUnconfirmed {
		e.Found(string(rune(i)), now, now)
	}
	if len(e.unconfirmed) > maxUnconfirmed {
		t.Errorf("%d changes are remembered", len(e.unconfirmed))
	}
	if e.Trusted(now.Add(lateBy)) || e.Missed() != maxUnconfirmed {
		t.Errorf("%d changes were missed", e.Missed())
	}
}
