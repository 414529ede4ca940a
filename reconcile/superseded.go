package reconcile

import (
	"context"
	"fmt"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// supersededStep is how many rows are deleted by one request, whose URL holds their hashes.
const supersededStep = 50

// deleteSuperseded removes the rows of older versions of files, once the remote is seen to have the newer ones.
func (a *Agent) deleteSuperseded(ctx context.Context, r *Report) {
	for _, scope := range a.cfg.scopes() {
		if err := a.deleteSupersededIn(ctx, scope, r); err != nil {
			r.remoteFailed(fmt.Errorf("delete superseded rows: %w", err))
			return
		}
	}
}

func (a *Agent) deleteSupersededIn(ctx context.Context, scope string, r *Report) error {
	for after := ""; ; {
		step, err := a.state.In(scope).Superseded(ctx, after, supersededStep)
		if err != nil || len(step) == 0 {
			return err
		}
		deleted, err := a.deleteStep(ctx, scope, after, step)
		r.Deleted += deleted
		if err != nil {
			return err
		}
		after = step[len(step)-1].Hash
	}
}

// deleteStep has the index forget the rows before it deletes them: after a crash in between they are rows that nobody knows, and
// none is missing.
func (a *Agent) deleteStep(ctx context.Context, scope, after string, step []state.Superseded) (int, error) {
	var newer []string
	for _, s := range step {
		newer = append(newer, s.Newer)
	}
	table := a.cfg.table(scope)
	there, err := table.Has(ctx, newer)
	if err != nil {
		return 0, err
	}
	confirmed := map[string]bool{}
	for _, h := range there {
		confirmed[h] = true
	}
	var doomed []string
	err = a.state.Update(ctx, func(v state.View) error {
		v = v.In(scope)
		// Asked again: a file may have come back to its older content meanwhile.
		still, err := v.Superseded(ctx, after, supersededStep)
		for i := 0; err == nil && i < len(still); i++ {
			if confirmed[still[i].Newer] {
				doomed = append(doomed, still[i].Hash)
				err = v.Index.RemoteLost(ctx, still[i].Hash)
			}
		}
		return err
	})
	if err != nil || len(doomed) == 0 {
		return 0, err
	}
	return len(doomed), table.Delete(ctx, doomed)
}
