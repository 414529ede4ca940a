package reconcile

import (
	"cmp"
	"context"
	"fmt"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// A row names a file that is not there when the file was renamed, or when it was one of two with the same content and
// was deleted. The content of the row is right, and is not sent again.

const (
	// renamedStep is how many rows are corrected before that is written down.
	renamedStep = 50
	// renamedMost is how many rows a pass corrects, each by a request. The next pass goes on.
	renamedMost = 1000
)

// correctNames has rows name the files that have their content now.
func (a *Agent) correctNames(ctx context.Context, r *Report) {
	for _, scope := range a.rows.scopes() {
		if err := a.correctNamesIn(ctx, scope, r); err != nil {
			r.remoteFailed(fmt.Errorf("correct the names in rows of renamed files, whose content is right: %w", err))
			return
		}
	}
}

// correctNamesIn goes on with the next rows where the server refuses to change some.
func (a *Agent) correctNamesIn(ctx context.Context, scope string, r *Report) error {
	var refused error
	for after := ""; r.Renamed < renamedMost; {
		step, err := a.state.In(scope).Renamed(ctx, after, renamedStep)
		if err != nil || len(step) == 0 {
			return cmp.Or(err, refused)
		}
		renamed, err := a.renameRows(ctx, scope, step)
		r.Renamed += renamed
		if err != nil && store.ClassOf(err) != store.Rejected {
			return err
		}
		refused = cmp.Or(refused, err)
		after = step[len(step)-1].Hash
	}
	return refused
}

// renameRows changes rows, and then notes in the index which were. It returns how many these are. If it is cut short,
// the next pass does it once more, which changes nothing.
func (a *Agent) renameRows(ctx context.Context, scope string, step []state.Renamed) (renamed int64, err error) {
	var refused error
	var done []state.Renamed
	for _, one := range step {
		switch err := a.cfg.table(scope).Rename(ctx, one.Hash, one.Now.Path); {
		case err == nil:
			done = append(done, one)
		case store.ClassOf(err) == store.Rejected:
			refused = cmp.Or(refused, err)
		default:
			return 0, err
		}
	}
	err = a.state.Update(ctx, func(v state.View) error {
		for _, one := range done {
			if err := v.In(scope).SetRowFile(ctx, one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int64(len(done)), refused
}
