package supabase

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/store"
)

// hands finds out whether the database expands sessions into rows of hands, and how far it has come.
func (c *check) hands(ctx context.Context) {
	if !c.reads {
		c.say(partHands, store.Skipped, "not tested: the key may not select", "")
		return
	}
	state, err := c.r.Expansion(ctx)
	switch {
	case errors.Is(err, store.ErrNoExpansion):
		c.say(partHands, store.Skipped, "not set up: the database makes no rows of hands, players and events; "+
			"gfxsync schema --hands prints the SQL for it", "")
		return
	case codeOf(err) == "42501":
		c.say(partHands, store.Warn, "the key may not read gfx_expand_summary: no reconcile can have hands expanded",
			"run the SQL that gfxsync schema --hands prints in the SQL editor of the Supabase dashboard")
		return
	case err != nil:
		c.say(partHands, store.Fail, "how far hands are expanded cannot be asked: "+messageOf(err), laterHint)
		return
	}
	text := fmt.Sprintf("%s hands of %s sessions", humanize.Comma(state.Hands), humanize.Comma(state.Sessions))
	switch {
	case state.Stale > 0:
		c.say(partHands, store.Warn, fmt.Sprintf("%s; %s sessions are not up to date", text, humanize.Comma(state.Stale)),
			"run gfxsync reconcile, which has them expanded")
	case state.Errors > 0:
		c.say(partHands, store.Warn, fmt.Sprintf("%s; %s could not be expanded%s", text, humanize.Comma(state.Errors),
			c.firstExpandError(ctx)), "see the table gfx_expand_errors; they are tried again with the next save")
	default:
		c.say(partHands, store.OK, text, "")
	}
}

func (c *check) firstExpandError(ctx context.Context) string {
	first, err := c.r.ExpandErrors(ctx, 1)
	if err != nil || len(first) == 0 {
		return ""
	}
	return fmt.Sprintf(", the first: session %d, position %d: %s (%s)", first[0].Session, first[0].Position,
		first[0].Message, first[0].Code)
}
