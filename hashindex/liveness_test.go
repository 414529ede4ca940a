package hashindex

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLivenessIsOfTheCallsThatAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Liveness{}
		silent := func(what string, want time.Duration) {
			t.Helper()
			if got := l.Unanswered(); got != want {
				t.Errorf("%s: silent for %v, want %v", what, got, want)
			}
		}
		time.Sleep(time.Hour)
		silent("nothing is asked", 0)
		l.begin()
		time.Sleep(10 * time.Second)
		silent("a call", 10*time.Second)
		l.begin()
		time.Sleep(10 * time.Second)
		silent("a second call", 20*time.Second)
		l.end()
		silent("one is answered", 0)
		time.Sleep(5 * time.Second)
		silent("the other is not", 5*time.Second)
		l.end()
		time.Sleep(time.Hour)
		silent("nothing is asked any more", 0)
		l.begin()
		silent("a call after a rest", 0)
	})
	var none *Liveness
	none.begin()
	none.end()
	if none.Unanswered() != 0 {
		t.Error("the nil Liveness knows of a call")
	}
}

func TestWhoHearsIsToldOfItsOwnCallsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, heard := &Liveness{}, 0
		hearing := l.WithObserver(func() { heard++ })
		l.Do(func() {})
		if heard != 0 {
			t.Error("it is told of a call by another")
		}
		hearing.begin()
		time.Sleep(time.Minute)
		if l.Unanswered() != time.Minute || hearing.Unanswered() != time.Minute || heard != 0 {
			t.Errorf("a call is under way: silent for %v and %v, want a minute; heard %d", l.Unanswered(), hearing.Unanswered(),
				heard)
		}
		hearing.end()
		if l.Unanswered() != 0 || heard != 1 {
			t.Errorf("the call is answered: silent for %v, heard %d, want 0 and 1", l.Unanswered(), heard)
		}
	})
	var none *Liveness
	heard := false
	none.WithObserver(func() { heard = true }).Do(func() {})
	if !heard {
		t.Error("a call is not heard where none are recorded")
	}
}
