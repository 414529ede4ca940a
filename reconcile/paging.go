package reconcile

import (
	"errors"
	"fmt"

	"github.com/gfxsync/gfxsync/store"
)

// A table is read page by page, each from the last key of the one before. A server that does not go on from there
// would be asked for ever.

// errNoAdvance says that a server's pages lead nowhere.
var errNoAdvance = errors.New("the server does not answer the table page by page: " +
	"look whether something between gfxsync and Supabase drops the query of a URL " +
	"or keeps old answers, and run gfxsync check")

// advances says whether a page of sessions goes on after the last one, in order. Before the first there is none.
func advances(after int64, first bool, rows []store.SessionRow) error {
	for i, row := range rows {
		if row.Session < after || row.Session == after && (i > 0 || !first) {
			return fmt.Errorf("%w (session %d came after %d)", errNoAdvance, row.Session, after)
		}
		after = row.Session
	}
	return nil
}

// cursor is where a reading of hashes has come to. In which order the server has hashes that are not as gfxsync makes
// them is not known, so that it shows no more of those than that a page ends where an earlier one has ended.
type cursor struct {
	after string
	mark  string // an earlier place: that of page 1, 2, 4, 8 …, so that every circle is found
	pages int
}

// next goes on to the end of a page.
func (c *cursor) next(page []string) error {
	last := page[len(page)-1]
	if last == "" || last == c.after || last == c.mark || wellFormed(last) && wellFormed(c.after) && last < c.after {
		return fmt.Errorf("%w (a page after the hash %q ends with %q)", errNoAdvance, c.after, last)
	}
	if c.pages++; c.pages&(c.pages-1) == 0 {
		c.mark = last
	}
	c.after = last
	return nil
}
