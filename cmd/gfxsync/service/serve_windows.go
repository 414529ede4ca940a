package service

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
)

// Run does the work as a service of Windows, if the service manager has started this process; else it fails with
// ErrNoManager. The work is done until its context ends. A setting that is wrong does not end the service.
func Run(work func(ctx context.Context, changes *Changes) error, isSetting func(error) bool) error {
	events, tell := openEvents()
	defer events()
	h := &handler{changes: NewChanges(tell, func() {}), isSetting: isSetting}
	h.work = func(ctx context.Context) error { return work(ctx, h.changes) }
	// Windows tells services of each log-off. The process ends if it does not listen.
	logOffs := make(chan os.Signal, 1)
	signal.Notify(logOffs, syscall.SIGTERM)
	defer signal.Stop(logOffs)
	// Wine says of no process that it is a service, so it is tried.
	if err := svc.Run(Name, h); err != nil {
		if errors.Is(err, windows.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
			return ErrNoManager
		}
		return err
	}
	return h.err
}

// openEvents opens the event log. Without it, nothing is told.
func openEvents() (closeEvents func(), tell func(Change)) {
	log, err := eventlog.Open(Name)
	if err != nil {
		return func() {}, func(Change) {}
	}
	return func() { _ = log.Close() }, func(c Change) {
		say := log.Info
		switch c.Kind {
		case Lost:
			say = log.Warning
		case CannotStart:
			say = log.Error
		}
		_ = say(uint32(c.Kind), c.Text)
	}
}

// handler is a svc.Handler.
type handler struct {
	work      func(ctx context.Context) error
	isSetting func(error) bool
	changes   *Changes
	err       error // of the work
}

// failed is the exit code of a service that could not go on.
const failed = 1

// Execute implements svc.Handler.
func (h *handler) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	stop, ended := make(chan struct{}), make(chan struct{})
	var listening sync.WaitGroup
	listening.Go(func() { listen(requests, status, stop, ended) })
	report := func(p Phase) { status <- statusOf(p) }
	s := &Server{Work: h.work, IsSetting: h.isSetting, Changes: h.changes, Report: report}
	h.err = s.Serve(stop)
	close(ended)
	listening.Wait()
	if h.err != nil {
		return true, failed
	}
	return false, 0
}

// listen closes stop when the service manager wants the service to stop. It returns when ended is closed.
func listen(requests <-chan svc.ChangeRequest, status chan<- svc.Status, stop chan<- struct{}, ended <-chan struct{}) {
	stopOnce := sync.OnceFunc(func() { close(stop) })
	for {
		select {
		case <-ended:
			return
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop, svc.Shutdown, svc.PreShutdown:
				stopOnce()
			}
		}
	}
}

func statusOf(p Phase) svc.Status {
	switch p {
	case Starting:
		return svc.Status{State: svc.StartPending}
	case Running:
		return svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptPreShutdown}
	default:
		return svc.Status{State: svc.StopPending, WaitHint: uint32(stopLimit.Milliseconds())}
	}
}
