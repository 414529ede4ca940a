package supabase

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// The number of hands of a row must come from its raw_json, because other programs write the column hand_count too.
// PostgreSQL must read the whole raw_json of each row for that. So it is only done for rows whose content is not known.

// computedHands is a function of a row that gfxsync schema makes (PostgREST documentation, "Computed Fields").
const computedHands = "gfx_session_hands"

// handsStep is how many rows one request counts. If each has one MB, PostgreSQL takes less than a second.
const handsStep = 50

// maxProbes is more than a binary search for any number of hands takes.
const maxProbes = 64

// CountHands implements store.SessionTable with the function gfx_session_hands. If the table has no such function, it
// does a binary search: it asks whether a row has a hand at an index.
func (r *Remote) CountHands(ctx context.Context, rows []store.SessionRow) ([]int, error) {
	counts := make([]int, len(rows))
	for begin := 0; begin < len(rows); begin += handsStep {
		end := min(begin+handsStep, len(rows))
		if err := r.handsOf(ctx, rows[begin:end], counts[begin:end]); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

func (r *Remote) handsOf(ctx context.Context, rows []store.SessionRow, counts []int) error {
	err := errNoFunction
	if !r.noHandsFunction.Load() {
		err = r.computeHands(ctx, rows, counts)
	}
	if errors.Is(err, errNoFunction) {
		err = r.searchHands(ctx, rows, counts)
	}
	if err != nil && len(rows) > 1 && store.ClassOf(err) == store.TooMuch {
		half := len(rows) / 2
		if err = r.handsOf(ctx, rows[:half], counts[:half]); err == nil {
			err = r.handsOf(ctx, rows[half:], counts[half:])
		}
	}
	return err
}

var errNoFunction = errors.New("the table has no function " + computedHands)

func (r *Remote) computeHands(ctx context.Context, rows []store.SessionRow, counts []int) error {
	body, err := r.do(ctx, r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select(columnSession+","+computedHands, "", false).In(columnSession, sessionIDs(rows))
	})
	var re *store.RemoteError
	if errors.As(err, &re) && (re.Code == "42703" || re.Code == "42501") &&
		strings.Contains(re.Message, computedHands) {
		if !r.noHandsFunction.Swap(true) {
			r.opts.Logger.Info("the hands of rows that are not known are counted by several requests, "+
				"because the table has no function "+computedHands+" that may be used; "+
				"gfxsync schema prints the SQL that adds it",
				"table", r.opts.Table)
		}
		return errNoFunction
	}
	if err != nil {
		return err
	}
	var found []struct {
		Session int64 `json:"session_id"`
		Hands   int   `json:"gfx_session_hands"` // null, and so 0, if the row has lost its content meanwhile
	}
	if err := decode(body, &found); err != nil {
		return err
	}
	bySession := map[int64]int{}
	for _, f := range found {
		bySession[f.Session] = f.Hands
	}
	for i := range rows {
		counts[i] = bySession[rows[i].Session]
	}
	return nil
}

// count is the number of hands of a session during the binary search. It is at least low and, if bounded, at most high.
type count struct {
	session   int64
	low, high int
	bounded   bool
}

// probe returns the index to ask for next.
func (c *count) probe() int {
	if c.bounded {
		return (c.low + c.high) / 2
	}
	return max(15, 2*c.low-1)
}

// undefinedFunction is PostgreSQL's answer to the operator @> on json. Only jsonb has it.
const undefinedFunction = "42883"

// condition returns a condition that holds if the list has an element at the index. For jsonb, PostgreSQL takes a text
// or a number for a list of one element, so the condition also requires a list.
func (c *count) condition(isJSON bool) string {
	isList := ""
	if c.probe() == 0 && !isJSON {
		isList = store.ColumnRawJSON + "->Hands.cs.[],"
	}
	return fmt.Sprintf("and(%s.eq.%d,%s%s->Hands->%d.not.is.null)",
		columnSession, c.session, isList, store.ColumnRawJSON, c.probe())
}

func (c *count) answer(isThere bool) {
	if i := c.probe(); isThere {
		c.low = i + 1
	} else {
		c.high, c.bounded = i, true
	}
}

func (c *count) known() bool { return c.bounded && c.low == c.high }

// searchHands finds the lengths of the lists by binary search, for all rows at the same time. A list of n elements has
// an element at index n-1 and none at index n. An element may be null. For 180 hands it takes twelve requests of a few
// KB (PostgREST documentation, "Tables and Views", "JSON Columns" and "Logical operators").
func (r *Remote) searchHands(ctx context.Context, rows []store.SessionRow, counts []int) error {
	searches := make([]count, len(rows))
	for i := range rows {
		searches[i].session = rows[i].Session
	}
	for range maxProbes {
		var asked []string
		for i := range searches {
			if c := &searches[i]; !c.known() {
				asked = append(asked, c.condition(r.isJSON.Load()))
			}
		}
		if asked == nil {
			for i := range searches {
				counts[i] = searches[i].low
			}
			return nil
		}
		there, err := r.sessionsWhere(ctx, strings.Join(asked, ","))
		if codeOf(err) == undefinedFunction && !r.isJSON.Swap(true) {
			continue
		}
		if err != nil {
			return err
		}
		for i := range searches {
			if c := &searches[i]; !c.known() {
				c.answer(there[c.session])
			}
		}
	}
	return &store.RemoteError{
		Class: store.Outage,
		Message: "the server answers that a session has a hand of every number; " +
			"the hands of its rows cannot be counted",
		Hint: "apply the SQL that gfxsync schema prints, whose function " + computedHands + " counts them",
	}
}

func (r *Remote) sessionsWhere(ctx context.Context, or string) (map[int64]bool, error) {
	body, err := r.do(ctx, r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select(columnSession, "", false).Or(or, "")
	})
	if err != nil {
		return nil, err
	}
	rows, err := readSessions(body)
	there := map[int64]bool{}
	for _, row := range rows {
		there[row.Session] = true
	}
	return there, err
}

func sessionIDs(rows []store.SessionRow) []string {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = strconv.FormatInt(row.Session, 10)
	}
	return ids
}
