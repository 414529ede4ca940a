package reconcile

import (
	"context"
	"fmt"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// A file that was renamed, or one of two with the same content that was deleted, leaves a row that names a file which is
// not there. Its content is right, and is not sent again.

const (
	// renamedStep is how many rows are corrected before that is written down.
	renamedStep = 50
	// renamedMost is how many rows a pass corrects, each by a request. The next pass goes on.
	renamedMost = 1000
)

// correctNames has rows name the files that have their content now.
func (a *Agent) correctNames(ctx context.Context, r *Report) {
	for _, scope := range a.cfg.scopes() {
		if err := a.correctNamesIn(ctx, scope, r); err != nil {
			r.remoteFailed(fmt.Errorf("correct the names in rows of renamed files, whose content is right: %w", err))
			return
		}
	}
}

func (a *Agent) correctNamesIn(ctx context.Context, scope string, r *Report) error {
	for after := ""; r.Renamed < renamedMost; {
		step, err := a.state.In(scope).Renamed(ctx, after, renamedStep)
		if err != nil || len(step) == 0 {
			return err
		}
		for _, one := range step {
			if err := a.cfg.table(scope).Rename(ctx, one.Hash, one.Now.Path); err != nil {
				return err
			}
		}
		err = a.state.Update(ctx, func(v state.View) error {
			for _, one := range step {
				if err := v.In(scope).RowIsOf(ctx, one); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Renamed += int64(len(step))
		after = step[len(step)-1].Hash
	}
	return nil
}
