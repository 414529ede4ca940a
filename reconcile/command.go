package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// ErrOtherAgent says that the agent that runs on the queue database watches another folder than this command names.
var ErrOtherAgent = errors.New("the running agent watches another folder")

// Reconcile makes one pass over the configured folder and table. If an agent runs on the same queue database, that
// agent makes the pass: two that deliver from one index would do everything twice.
func Reconcile(ctx context.Context, cfg Config, mode Mode, opts PassOptions, progress func(Progress)) (*Report, error) {
	// A modified file need not wait for others: there are none.
	alone := cfg
	alone.NoWatch, alone.Delivery.FlushInterval = true, 100*time.Millisecond
	for again := false; ; {
		a, err := Open(ctx, alone)
		if err == nil {
			r, err := a.Reconcile(ctx, mode, opts, progress)
			err = errors.Join(err, a.leave(ctx, a.damage()), a.Close())
			if (lostState(err) || errors.Is(err, errOtherKey)) && !again && ctx.Err() == nil {
				again = true
				continue // with a new queue database, or by another key
			}
			return r, err
		}
		if !errors.Is(err, state.ErrLocked) {
			return nil, err
		}
		r, err := askAgent(ctx, cfg, mode, opts, progress)
		if !errors.Is(err, errAgentLeft) {
			return r, err
		}
	}
}

var errAgentLeft = errors.New("the agent has stopped")

// askAgent has the running agent make the pass, and waits for it. It fails with errAgentLeft if the agent stops before
// it begins.
func askAgent(ctx context.Context, cfg Config, mode Mode, opts PassOptions, progress func(Progress)) (
	r *Report, err error,
) {
	s, err := state.OpenExisting(ctx, cfg.QueueDB)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var root string
	if known, err := s.Notes.Get(ctx, noteRoot, &root); err != nil {
		return nil, err
	} else if known && root != cfg.rootsText() {
		return nil, fmt.Errorf("%w: %s, not %s; stop it first, or give this command another GFX_SYNC_QUEUE_DB_PATH",
			ErrOtherAgent, root, cfg.rootsText())
	}
	var id int64
	err = s.Update(ctx, func(v state.View) (err error) {
		id, err = v.Passes.Request(ctx, commandReconcile, string(mode), opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	return awaitPass(ctx, s, id, progress)
}

func awaitPass(ctx context.Context, s *state.State, id int64, progress func(Progress)) (*Report, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		pass, err := s.Passes.Get(ctx, id)
		if err != nil || (pass != nil && pass.Report != nil) {
			return decodeReport(pass, err)
		}
		if pass == nil {
			return nil, errAgentLeft // and the next one has begun already (state.Passes.RequeueUnfinished)
		}
		if running, err := s.Locked(); err != nil {
			return nil, err
		} else if !running {
			return nil, errors.Join(errAgentLeft, withdraw(ctx, s, id))
		}
		var p Progress
		if known, err := s.Notes.Get(ctx, noteProgress, &p); known && err == nil && progress != nil {
			progress(p)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), withdraw(context.WithoutCancel(ctx), s, id))
		}
	}
}

// withdraw takes back a request that no agent has begun, so that the next one does not come upon it.
func withdraw(ctx context.Context, s *state.State, id int64) error {
	return s.Update(ctx, func(v state.View) error {
		_, err := v.Passes.Withdraw(ctx, id)
		return err
	})
}

func decodeReport(pass *state.Pass, err error) (*Report, error) {
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(pass.Report, r); err != nil {
		return nil, fmt.Errorf("read the pass: %w", err)
	}
	return r, nil
}
