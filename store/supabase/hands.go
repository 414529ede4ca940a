package supabase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// How many hands a row has is told by its raw_json alone: the column hand_count may be anybody's. Only rows whose
// content is not known are asked for it, because PostgreSQL must read the whole raw_json of each.

// computedHands is the function over a row that gfxsync schema makes (PostgREST documentation, "Computed Fields").
const computedHands = "gfx_session_hands"

// handsStep is how many rows are counted by one request: of one MB each, they take PostgreSQL less than a second.
const handsStep = 50

// maxProbes are enough for 2^31 hands.
const maxProbes = 64

// HandsOf implements store.SessionTable by the function gfx_session_hands, and where the table has none by asking
// whether there is a hand with some number.
func (r *Remote) HandsOf(ctx context.Context, rows []store.SessionRow) ([]int, error) {
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
		Hands   int   `json:"gfx_session_hands"` // null, of a row that has lost its content meanwhile, is 0
	}
	if err := json.Unmarshal(body, &found); err != nil {
		message := clip(fmt.Sprintf("the answer is no list of hands: %v", err))
		return &store.RemoteError{Class: store.Outage, Message: message, Err: err}
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

// count is a number that is being searched for: at least low and, once high is known, at most high.
type count struct {
	session   int64
	low, high int
	bounded   bool
}

// probe is the index of the element that is to be asked for next.
func (c *count) probe() int {
	if c.bounded {
		return (c.low + c.high) / 2
	}
	return max(15, 2*c.low-1)
}

// undefinedFunction is what PostgreSQL says to @> of json, which jsonb alone has.
const undefinedFunction = "42883"

// condition holds if the element is there. Of jsonb, PostgreSQL takes a text or a number for a list of one, which it
// is not.
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

// searchHands finds out how many elements the lists have, of all rows at one time: a list of n elements has one at
// index n-1 and none at n. An element that is null is there too. Of 180 hands that takes twelve requests of a few KB
// (PostgREST documentation, "Tables and Views", "JSON Columns" and "Logical operators").
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
