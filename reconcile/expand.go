package reconcile

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store"
)

// A database with the tables of hands (gfxsync schema --hands) expands a session when it is written. A pass has it
// expand what it had no time for, and what was lost since.

// namedExpandErrors is how many hands that could not be expanded a report names.
const namedExpandErrors = 10

// expander returns the table as one that may expand sessions; ok is false if it never does.
func expander(t store.Table) (e store.Expander, ok bool) {
	if confirming, is := t.(*confirmingTable); is {
		t = confirming.SessionTable
	}
	e, ok = t.(store.Expander)
	return e, ok
}

// expand has the database expand what is stale; in a full pass it has every hand compared with its session.
func (a *Agent) expand(ctx context.Context, r *Report, mode Mode) {
	e, ok := expander(a.cfg.Remote)
	if !ok {
		return
	}
	state, err := e.Expansion(ctx)
	if err == nil && mode == Full {
		if r.Expanded, err = expandSteps(ctx, e, true); err == nil {
			state, err = e.Expansion(ctx)
		}
	}
	if err == nil && state.Stale > 0 {
		var more int64
		more, err = expandSteps(ctx, e, false)
		if r.Expanded += more; err == nil {
			state, err = e.Expansion(ctx)
		}
	}
	if r.expansion(ctx, e, state, err) {
		a.note(noteHands, handsNote{At: r.At, Expansion: r.Expansion})
	}
}

// expandSteps asks for one step after the other until nothing remains, or a step comes no further. What was expanded
// stays, whatever fails afterwards.
func expandSteps(ctx context.Context, e store.Expander, again bool) (expanded int64, err error) {
	for after := int64(math.MinInt64); ; {
		step, err := e.Expand(ctx, again, after)
		if err != nil {
			return expanded, err
		}
		expanded += step.Expanded
		if step.Remaining == 0 || step.Expanded == 0 && (!again || step.Last <= after) {
			return expanded, nil
		}
		after = max(after, step.Last)
	}
}

// expansion adds the state of the expansion to the report, or why it is not known. It says whether it is known.
func (r *Report) expansion(ctx context.Context, e store.Expander, state store.Expansion, err error) (known bool) {
	var named []store.ExpandError
	if err == nil && state.Errors > 0 {
		named, err = e.ExpandErrors(ctx, namedExpandErrors)
	}
	if errors.Is(err, store.ErrNoExpansion) {
		return true
	}
	if err != nil {
		// Sessions are written with the same key into the same table: neither of them is at fault.
		r.incomplete()
		r.problem(fileid.ID{}, kindRemote,
			fmt.Sprintf("expand sessions into hands, which does not keep sessions from being stored: %v", err))
		return false
	}
	r.Expansion = &state
	r.ExpandStale, r.ExpandErrors = state.Stale, state.Errors
	if state.Stale > 0 {
		r.problem(fileid.ID{}, kindHands, fmt.Sprintf("the hands of %s are not those of the last save; "+
			"gfxsync reconcile has them expanded", plural(state.Stale, "session", "sessions")))
	}
	for _, hand := range named {
		r.problem(fileid.ID{Path: hand.Name()}, kindHands, fmt.Sprintf("%s (%s)", hand.Message, hand.Code))
	}
	return true
}

// manySessions is from how many records on a request may leave sessions that are not expanded. The database takes 2 s
// at most for a request (gfxsync schema --hands), and about 0.1 s for a session of 180 hands.
const manySessions = 10

// expandSoon has the database expand what a large request has left, until ctx ends. So that does not wait for the next
// pass.
func (a *Agent) expandSoon(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.large:
		}
		if e, ok := expander(a.cfg.Remote); ok {
			a.expandStale(ctx, e)
		}
	}
}

func (a *Agent) expandStale(ctx context.Context, e store.Expander) {
	var expanded int64
	state, err := e.Expansion(ctx)
	if err == nil && state.Stale > 0 {
		expanded, err = expandSteps(ctx, e, false)
	}
	if expanded > 0 {
		a.log.Info("the database has brought the hands of sessions up to date", "sessions", expanded)
	}
	if err != nil && !errors.Is(err, store.ErrNoExpansion) && ctx.Err() == nil {
		a.log.Warn("the hands of some sessions wait for the next reconcile; the sessions are stored", "error", err)
	}
}

// tellHands logs which hands a pass has found wrong, unless they are the same as the last time.
func (a *Agent) tellHands(r *Report) {
	if r.Expansion == nil {
		return // nothing is known of them
	}
	told := ""
	for _, p := range r.Problems {
		if p.Kind == kindHands {
			told += p.String() + "\n"
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case told == a.hands:
		return
	case told == "":
		a.log.Info("all hands are expanded again")
	case r.ExpandErrors > 0:
		a.log.Warn("hands could not be expanded; their sessions are stored, "+
			"and the table gfx_expand_errors has the reasons",
			"hands", r.ExpandErrors, "stale", r.ExpandStale, "error", told)
	default:
		a.log.Warn("the hands of some sessions are not up to date; the sessions are stored, "+
			"and the next reconcile goes on",
			"stale", r.ExpandStale)
	}
	a.hands = told
}
