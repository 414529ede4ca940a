package supabase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

var _ store.Expander = (*Remote)(nil)

// expandSeconds is how long one step works. Supabase stops a statement of the API after 8 seconds.
const expandSeconds = 2

// Expansion implements store.Expander with the view gfx_expand_summary.
func (r *Remote) Expansion(ctx context.Context) (store.Expansion, error) {
	var rows []store.Expansion
	err := r.ask(ctx, "gfx_expand_summary", &rows, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select("sessions,hands,stale,errors,repeated", "", false)
	})
	switch code := codeOf(err); {
	case code == "PGRST205", code == "42P01": // PostgREST documentation, "Errors"
		return store.Expansion{}, fmt.Errorf("%w: %w", store.ErrNoExpansion, err)
	case err != nil:
		return store.Expansion{}, expandError(err)
	case len(rows) != 1:
		return store.Expansion{}, unexpected(fmt.Errorf("it has %d rows", len(rows)))
	}
	return rows[0], nil
}

// Expand implements store.Expander with the function gfx_expand (PostgREST documentation, "Functions as RPC").
func (r *Remote) Expand(ctx context.Context, again bool, after int64) (store.ExpandStep, error) {
	arguments := map[string]any{"seconds": expandSeconds}
	if again {
		arguments["again"], arguments["after"] = true, after
	}
	body, err := json.Marshal(arguments)
	if err != nil {
		return store.ExpandStep{}, fmt.Errorf("ask for a step: %w", err)
	}
	answer, err := r.do(ctx, "rpc/gfx_expand", body, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Insert(nil, false, "", "representation", "")
	})
	if err != nil {
		return store.ExpandStep{}, expandError(err)
	}
	var steps []store.ExpandStep
	if err := decode(answer, &steps); err != nil {
		return store.ExpandStep{}, err
	}
	if len(steps) != 1 {
		return store.ExpandStep{}, unexpected(fmt.Errorf("it has %d rows", len(steps)))
	}
	return steps[0], nil
}

// ExpandErrors implements store.Expander with the table gfx_expand_errors.
func (r *Remote) ExpandErrors(ctx context.Context, limit int) (list []store.ExpandError, err error) {
	err = r.ask(ctx, "gfx_expand_errors", &list, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select("session_id,position,hand_num,sqlstate,message", "", false).
			Order("session_id", &ascending).Order("position", &ascending).Limit(limit, "")
	})
	return list, expandError(err)
}

func (r *Remote) ask(ctx context.Context, from string, into any,
	build func(*postgrest.QueryBuilder) *postgrest.FilterBuilder,
) error {
	answer, err := r.do(ctx, from, nil, build)
	if err != nil {
		return err
	}
	return decode(answer, into)
}

// expandError adds a hint to an error if the expansion lacks a view, a function, or a right to them. A missing right is
// of class Setup here, not Credentials, because the key may read the table.
func expandError(err error) error {
	var re *store.RemoteError
	if !errors.As(err, &re) {
		return err
	}
	switch re.Code {
	case "PGRST202", "PGRST205", "42883", "42P01", "42703", insufficientPrivilege:
		own := *re
		own.Class, own.Ambiguous, own.Hint = store.Setup, false, handsHint
		return &own
	}
	return err
}
