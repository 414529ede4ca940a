package supabase

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/store"
)

// handsHint repairs what the expansion lacks.
const handsHint = "run the SQL that gfxsync schema --hands prints in the SQL editor of the Supabase dashboard"

// hands finds out whether the database expands sessions into rows of hands, and whether all are up to date.
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
	case store.ClassOf(err) == store.Setup:
		c.say(partHands, store.Warn, "how far hands are expanded cannot be asked, and no reconcile can have them "+
			"expanded: "+messageOf(err), hintOf(err))
		return
	case err != nil:
		c.say(partHands, store.Fail, "how far hands are expanded cannot be asked: "+messageOf(err), laterHint)
		return
	}
	text := plural(state.Hands, "hand") + " of " + plural(state.Sessions, "session")
	verdict, todo := store.OK, []string(nil)
	if state.Stale > 0 {
		verdict = store.Warn
		text += "; " + plural(state.Stale, "session") + " not up to date"
		todo = append(todo, "run gfxsync reconcile, which has them expanded")
	}
	if state.Errors > 0 {
		verdict = store.Warn
		text += fmt.Sprintf("; %s could not be expanded%s", humanize.Comma(state.Errors), c.firstExpandErrors(ctx))
		todo = append(todo, "see the table gfx_expand_errors; what cannot be expanded is tried again with the next "+
			"save and by gfxsync reconcile --full")
	}
	c.say(partHands, verdict, text, strings.Join(todo, "; "))
}

func plural(n int64, one string) string {
	return humanize.Comma(n) + " " + english.PluralWord(int(n), one, "")
}

// namedExpandErrors is how many of the hands that could not be expanded are named.
const namedExpandErrors = 3

func (c *check) firstExpandErrors(ctx context.Context) string {
	first, err := c.r.ExpandErrors(ctx, namedExpandErrors)
	if err != nil || len(first) == 0 {
		return ""
	}
	named := make([]string, len(first))
	for i, e := range first {
		named[i] = fmt.Sprintf("%s: %s (%s)", e.Name(), e.Message, e.Code)
	}
	return ", the first: " + strings.Join(named, ", ")
}
