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
