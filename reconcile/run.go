package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

const (
	// lookAfter is how often the agent looks whether its queue database is still where it was.
	lookAfter = 2 * time.Second
	// reopenPause lies between two tries to open a queue database again, and between two databases that are damaged.
	reopenPause = 10 * time.Second
)

// Run is the agent that is always on: Open, Agent.Run and Close. If the queue database turns out to be damaged, or is
// deleted or replaced meanwhile, the agent delivers what it can without it, and goes on with another. Run fails only if
// it cannot begin.
func Run(ctx context.Context, cfg Config) error {
	cfg.setDefaults()
	a, err := openAfterOthers(ctx, cfg)
	switch {
	case ctx.Err() != nil && err != nil:
		cfg.Logger.Info("stopped") // before it had begun
		return nil
	case err != nil:
		return err
	}
	for {
		opened := time.Now()
		err := errors.Join(a.Run(ctx), a.Close())
		switch {
		case ctx.Err() != nil:
			return err
		case lostState(err):
			cfg.Logger.Error("the queue database cannot be relied upon any more; going on with another", "error", err)
			if time.Since(opened) < reopenPause {
				pause(ctx)
			}
		case errors.Is(err, errOtherKey):
			cfg.Logger.Info("the server has said what its table is unique on; going on by that key")
		default:
			return err
		}
		if a, err = reopen(ctx, cfg); err != nil {
			return err
		}
	}
}

// openAfterOthers is Open, but waits for the end of a single pass of another process. Of two agents that are always on,
// it refuses the second.
func openAfterOthers(ctx context.Context, cfg Config) (*Agent, error) {
	for said := false; ; said = true {
		cfg.Observer.Alive()
		a, err := Open(ctx, cfg)
		if !errors.Is(err, state.ErrLocked) || alwaysOn(ctx, cfg.QueueDB) {
			return a, err
		}
		if !said {
			cfg.Logger.Info("another process makes a pass on this queue database; waiting for its end", "error", err)
		}
		timer := time.NewTimer(askedEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// alwaysOn says whether an agent that is always on has the queue database. If that cannot be found out, it says so.
func alwaysOn(ctx context.Context, path string) bool {
	s, err := state.OpenExisting(ctx, path)
	if err != nil {
		return true
	}
	always, err := s.AlwaysOn(ctx)
	return errors.Join(err, s.Close()) != nil || always
}

// reopen tries until it can, ctx ends, or another agent is there.
func reopen(ctx context.Context, cfg Config) (*Agent, error) {
	said := ""
	for {
		cfg.Observer.Alive()
		a, err := Open(ctx, cfg)
		if err == nil || ctx.Err() != nil || errors.Is(err, state.ErrLocked) || errors.Is(err, sqlite.ErrNewer) {
			return a, err
		}
		if err.Error() != said {
			cfg.Logger.Error("cannot open the queue database again; trying until it works", "error", err)
			said = err.Error()
		}
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	timer := time.NewTimer(reopenPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func lostState(err error) bool {
	return errors.Is(err, sqlite.ErrCorrupt) || errors.Is(err, sqlite.ErrGone)
}

// guard ends ctx, with the cause, when the agent cannot go on with this queue database, or by this key.
func (a *Agent) guard(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(lookAfter)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-a.state.Corrupt():
			end(err)
			return
		case <-a.otherKey:
			end(errOtherKey)
			return
		case <-tick.C:
			if err := a.state.CheckPresent(); err != nil {
				end(err)
				return
			}
		}
	}
}

// damage returns what guard would have found.
func (a *Agent) damage() error {
	select {
	case err := <-a.state.Corrupt():
		return err
	case <-a.otherKey:
		return errOtherKey
	default:
		return nil
	}
}

// leave is called when all work has ended. It returns what was found wrong with the queue database. If its file is
// gone, leave saves the content, and tries that until it succeeds or stop has ended.
func (a *Agent) leave(stop context.Context, cause error) error {
	if !lostState(cause) && (stop.Err() != nil || !errors.Is(cause, errOtherKey)) {
		cause = nil
	}
	gone := a.state.CheckPresent()
	if gone == nil {
		return cause
	}
	for said := ""; ; {
		a.cfg.Observer.Alive()
		err := a.state.Save(context.WithoutCancel(stop))
		if err == nil {
			a.log.Warn("the content of the queue database, whose file is gone, has been saved; "+
				"stop the agent before its file is removed", "queue_db", a.cfg.QueueDB)
			if stop.Err() != nil {
				return nil
			}
			return gone
		}
		if err.Error() != said {
			a.log.Error("cannot save the content of the queue database, whose file is gone", "error", err)
			said = err.Error()
		}
		if stop.Err() != nil {
			return errors.Join(gone, err)
		}
		pause(stop)
	}
}
