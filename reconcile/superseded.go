package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// supersededStep is how many rows are deleted by one request, whose URL holds their hashes.
const supersededStep = 50

// deleteSuperseded deletes the rows of older versions of files. Before that, the table is seen to have the newer ones.
func (a *Agent) deleteSuperseded(ctx context.Context, r *Report) {
	for _, scope := range a.rows.scopes() {
		if err := a.deleteSupersededIn(ctx, scope, r); err != nil {
			r.remoteFailed(fmt.Errorf("delete superseded rows: %w", err))
			return
		}
	}
}

// deleteSupersededIn goes on with the next rows where the server refuses to delete some, as it does where other
// tables refer to them.
func (a *Agent) deleteSupersededIn(ctx context.Context, scope string, r *Report) error {
	var refused error
	for after := ""; ; {
		step, err := a.state.In(scope).Superseded(ctx, after, supersededStep)
		if err != nil || len(step) == 0 {
			return cmp.Or(err, refused)
		}
		deleted, err := a.deleteStep(ctx, scope, after, step)
		r.Deleted += deleted
		if err != nil && store.ClassOf(err) != store.Rejected {
			return err
		}
		refused = cmp.Or(refused, err)
		after = step[len(step)-1].Hash
	}
}

// deleteStep deletes rows, and then has the index forget those that the server does not have any more. It returns how
// many these are. Rows whose deletion failed stay in the index, and so the next pass tries again. After a crash
// between the two the next pass finds rows missing that no file has, and sends nothing.
func (a *Agent) deleteStep(ctx context.Context, scope, after string, step []state.Superseded) (int, error) {
	table := a.cfg.table(scope)
	doomed, err := a.confirmSuperseded(ctx, scope, after, step)
	if err != nil || len(doomed) == 0 {
		return 0, err
	}
	refused := deleteRows(ctx, table, doomed)
	if refused != nil && store.ClassOf(refused) != store.Rejected {
		return 0, refused
	}
	// A server whose policies hide the rows from a deletion acknowledges it all the same.
	left, err := table.Has(ctx, doomed)
	if err != nil {
		return 0, err
	}
	gone := slices.DeleteFunc(doomed, func(h string) bool { return slices.Contains(left, h) })
	err = a.state.Update(ctx, func(v state.View) error {
		for _, h := range gone {
			if err := v.In(scope).Index.RemoteLost(ctx, h); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && refused == nil && len(left) > 0 {
		refused = &store.RemoteError{
			Class: store.Rejected,
			Message: fmt.Sprintf("the server acknowledged the deletion of %s that it still has",
				plural(len(left), "row", "rows")),
			Hint: "if row level security is on and the key is not that of service_role, " +
				"its role needs a policy for DELETE",
		}
	}
	return len(gone), cmp.Or(err, refused)
}

// confirmSuperseded returns which rows of a step are superseded by rows that the server is seen to have.
func (a *Agent) confirmSuperseded(ctx context.Context, scope, after string, step []state.Superseded) (
	doomed []string, err error,
) {
	newer := make([]string, len(step))
	for i, s := range step {
		newer[i] = s.Newer
	}
	there, err := a.cfg.table(scope).Has(ctx, newer)
	if err != nil {
		return nil, err
	}
	// Asked again: a file may have come back to its older content meanwhile.
	still, err := a.state.In(scope).Superseded(ctx, after, supersededStep)
	for _, s := range still {
		if slices.Contains(there, s.Newer) {
			doomed = append(doomed, s.Hash)
		}
	}
	return doomed, err
}

// deleteRows deletes rows, and where the server refuses some, bisects them so that the others go.
func deleteRows(ctx context.Context, table store.Table, hashes []string) error {
	err := table.Delete(ctx, hashes)
	if err == nil || len(hashes) == 1 || store.ClassOf(err) != store.Rejected {
		return err
	}
	half := len(hashes) / 2
	first := deleteRows(ctx, table, hashes[:half])
	if first != nil && store.ClassOf(first) != store.Rejected {
		return first
	}
	second := deleteRows(ctx, table, hashes[half:])
	if second != nil && store.ClassOf(second) != store.Rejected {
		return second
	}
	return cmp.Or(first, second)
}
