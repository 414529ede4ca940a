package diff

import (
	"errors"
	"fmt"

	"github.com/gfxsync/gfxsync/store"
)

// ErrNoAdvance says that a server's pages lead nowhere. A table is read page by page, each from the last key of the one
// before. A server that does not go on from there would be asked for ever.
var ErrNoAdvance = errors.New("the server does not answer the table page by page: " +
	"look whether something between gfxsync and Supabase drops the query of a URL " +
	"or keeps old answers, and run gfxsync check")

// advances says whether a page of sessions goes on after the last one, in order. Before the first there is none.
func advances(after int64, first bool, rows []store.SessionRow) error {
	for i, row := range rows {
		if row.Session < after || row.Session == after && (i > 0 || !first) {
			return fmt.Errorf("%w (session %d came after %d)", ErrNoAdvance, row.Session, after)
		}
		after = row.Session
	}
	return nil
}

// cursor is the place that a reading of hashes has reached. The order of hashes that gfxsync has not made is not known.
// Of them it is only seen that a page ends where an earlier one ended.
type cursor struct {
	after string
	mark  string // the place after page 1, 2, 4, 8 …, so that every circle is found
	pages int
}

// next goes on to the end of a page.
func (c *cursor) next(page []string) error {
	last := page[len(page)-1]
	if last == "" || last == c.after || last == c.mark || wellFormed(last) && wellFormed(c.after) && last < c.after {
		return fmt.Errorf("%w (a page after the hash %q ends with %q)", ErrNoAdvance, c.after, last)
	}
	if c.pages++; c.pages&(c.pages-1) == 0 {
		c.mark = last
	}
	c.after = last
	return nil
}
