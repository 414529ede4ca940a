package reconcile

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// share is a file system whose calls have no answer until it is released.
type share struct {
	turn *turn
	gate chan struct{}
}

func hungShare() *share { return &share{newTurn(&hashindex.Liveness{}), make(chan struct{})} }

// ask makes n calls one after the other, each of which is answered after a while, or when the share is released.
func (s *share) ask(ctx context.Context, n int, answer time.Duration) error {
	_, err := inTurn(ctx, s.turn, func() (struct{}, error) {
		for range n {
			s.turn.live.Do(func() {
				select {
				case <-time.After(answer):
				case <-s.gate:
				}
			})
		}
		return struct{}{}, nil
	})
	return err
}

func TestAShareThatHangsIsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := hungShare()
		begin := time.Now()
		for range 2 { // the second does not even get its turn
			err := s.ask(t.Context(), 1, time.Hour)
			if !errors.Is(err, errHangs) || !errors.Is(err, hashindex.ErrRootUnavailable) {
				t.Errorf("asked: %v, want errHangs", err)
			}
		}
		if took := time.Since(begin); took != hashindex.HangAfter {
			t.Errorf("it hangs after %v, want %v", took, hashindex.HangAfter)
		}
		close(s.gate)
		synctest.Wait()
		if err := s.ask(t.Context(), 1, time.Hour); err != nil {
			t.Errorf("it answers again: %v", err)
		}
	})
}

func TestASlowShareIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := hungShare()
		if err := s.ask(t.Context(), 100, hashindex.HangAfter-time.Second); err != nil {
			t.Error(err)
		}
	})
}

// TestWhoWaitsForSomethingElseDoesNotHang: a walk that waits for the remote, which has to take what was found before
// more is read, asks the file system for nothing.
func TestWhoWaitsForSomethingElseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := newTurn(&hashindex.Liveness{})
		_, err := inTurn(t.Context(), turn, func() (struct{}, error) {
			turn.live.Do(func() {})
			time.Sleep(10 * hashindex.HangAfter) // for the remote
			turn.live.Do(func() {})
			return struct{}{}, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAStopLeavesWhatHangsToItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := hungShare()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		if err := s.ask(ctx, 1, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stopped: %v", err)
		}
		if took := time.Since(begin); took != 5*time.Second+abandonAfter {
			t.Errorf("it stopped after %v", took)
		}
		close(s.gate)
	})
}

func TestAStopTakesWhatComesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := hungShare().ask(ctx, 1, time.Second+abandonAfter/2); err != nil {
			t.Error(err)
		}
	})
}

// TestAWalkThatWasAbandonedTellsOfNoProgress: who has asked for the pass may be gone.
func TestAWalkThatWasAbandonedTellsOfNoProgress(t *testing.T) {
	told := 0
	p := &passProgress{tell: func(Progress) { told++ }}
	p.end()
	before := told
	p.told = time.Time{}
	p.file(1)
	if before != 1 || told != before {
		t.Errorf("told %d times, and then %d times more, want once and never", before, told-before)
	}
}
