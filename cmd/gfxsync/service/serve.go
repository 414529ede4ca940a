package service

import (
	"context"
	"time"
)

// Server runs the work of a service as the service manager of Windows wants it.
type Server struct {
	// Work does the work until ctx ends.
	Work func(ctx context.Context) error
	// IsSetting says that the work could not begin because of a setting. To begin again at once would change nothing.
	IsSetting func(error) bool
	// Changes is told of the end of the work.
	Changes *Changes
	// Report tells the service manager how far the service is. Work does not begin before Running was reported.
	Report func(Phase)
}

// Phase is how far a service is.
type Phase uint8

// The phases of a service. Stopped is reported when Serve has returned.
const (
	Starting Phase = iota + 1
	Running
	Stopping
)

const (
	// settingsEvery is how often a service whose setting is wrong looks whether that is mended.
	settingsEvery = 30 * time.Second
	// abandonAfter is how long a stop waits for a file system that does not answer.
	abandonAfter = 10 * time.Second
)

// Serve does the work until stop is closed or the work ends by itself, with an error that is returned. A service whose
// setting is wrong stays, and begins when that is mended: the service manager would start it again for ever.
func (s *Server) Serve(stop <-chan struct{}) error {
	s.Report(Starting)
	s.Report(Running)
	for told := ""; ; {
		err, stopped := s.work(stop)
		switch {
		case stopped:
			s.Changes.Ended(nil)
			return nil
		case err == nil || !s.IsSetting(err):
			s.Changes.Ended(err)
			return err
		case err.Error() != told:
			s.Changes.Ended(err)
			told = err.Error()
		}
		timer := time.NewTimer(settingsEvery)
		select {
		case <-timer.C:
		case <-stop:
			timer.Stop()
			s.Report(Stopping)
			s.Changes.Ended(nil)
			return nil
		}
	}
}

// work does the work once. It says whether it was stopped.
func (s *Server) work(stop <-chan struct{}) (err error, stopped bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Work(ctx) }()
	select {
	case err := <-done:
		return err, false
	case <-stop:
	}
	s.Report(Stopping)
	cancel()
	timer := time.NewTimer(abandonAfter)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C: // the process ends soon
	}
	return nil, true
}
