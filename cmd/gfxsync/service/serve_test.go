package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	errSetting = errors.New("wrong setting")
	errOther   = errors.New("the disk is full")
)

// served is a service whose work does what it is told to.
type served struct {
	Server
	stop chan struct{}

	mu   sync.Mutex
	said []string // what was reported and told, in order
}

func (s *served) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func newServed(work func(ctx context.Context, changes *Changes) error) *served {
	s := &served{stop: make(chan struct{})}
	s.Changes = NewChanges(func(c Change) { s.say("event %d", c.Kind) }, func() {})
	s.Report = func(p Phase) { s.say("phase %d", p) }
	s.IsSetting = func(err error) bool { return errors.Is(err, errSetting) }
	s.Work = func(ctx context.Context) error {
		s.say("work")
		return work(ctx, s.Changes)
	}
	return s
}

// run serves in a bubble, and stops after a while. It returns the error and what was said.
func (s *served) run(t *testing.T, stopAfter time.Duration) (err error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(s.stop) }()
	select {
	case err = <-ended:
		return err
	case <-time.After(stopAfter):
	}
	close(s.stop)
	return <-ended
}

func (s *served) wantSaid(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.said, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(s.said, ", "), strings.Join(want, ", "))
	}
}

// TestAServiceReportsThatItRunsBeforeItWorks: to compare a large folder takes longer than Windows waits for a start.
func TestAServiceReportsThatItRunsBeforeItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(func(ctx context.Context, changes *Changes) error {
			changes.Began()
			<-ctx.Done()
			time.Sleep(time.Second) // what is in flight is finished
			return nil
		})
		if err := s.run(t, time.Hour); err != nil {
			t.Error(err)
		}
		s.wantSaid(t, "phase 1", "phase 2", "work", "event 1", "phase 3", "event 2")
	})
}

// TestAWrongSettingDoesNotEndAService: it is told of once, and the service begins when it is mended.
func TestAWrongSettingDoesNotEndAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		s := newServed(func(ctx context.Context, changes *Changes) error {
			switch tries++; {
			case tries < 100:
				return fmt.Errorf("%w: the folder", errSetting)
			case tries == 100:
				return fmt.Errorf("%w: the key", errSetting)
			}
			changes.Began()
			<-ctx.Done()
			return nil
		})
		begun := time.Now()
		if err := s.run(t, 2*time.Hour); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != 2*time.Hour {
			t.Errorf("it ended after %v", took)
		}
		s.said = slices.DeleteFunc(s.said, func(what string) bool { return what == "work" })
		s.wantSaid(t, "phase 1", "phase 2", "event 5", "event 5", "event 1", "phase 3", "event 2")
	})
}

func TestAServiceWithAWrongSettingStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(func(context.Context, *Changes) error { return errSetting })
		begun := time.Now()
		if err := s.run(t, time.Minute+time.Second); err != nil || time.Since(begun) != time.Minute+time.Second {
			t.Errorf("it stopped after %v: %v", time.Since(begun), err)
		}
		s.wantSaid(t, "phase 1", "phase 2", "work", "event 5", "work", "work", "phase 3", "event 2")
	})
}

// TestAnotherErrorEndsAService: the service manager starts it again.
func TestAnotherErrorEndsAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(func(context.Context, *Changes) error { return errOther })
		if err := s.run(t, time.Hour); !errors.Is(err, errOther) {
			t.Errorf("it ended with %v", err)
		}
		s.wantSaid(t, "phase 1", "phase 2", "work", "event 5")
	})
}

// TestAFolderThatDoesNotAnswerHoldsUpNoStop.
func TestAFolderThatDoesNotAnswerHoldsUpNoStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newServed(func(context.Context, *Changes) error {
			<-release
			return nil
		})
		begun := time.Now()
		if err := s.run(t, time.Hour); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun) - time.Hour; took != abandonAfter {
			t.Errorf("it stopped after %v, want %v", took, abandonAfter)
		}
		close(release)
	})
}
