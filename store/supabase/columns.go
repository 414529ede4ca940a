package supabase

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// Which columns a table lacks is found out once, before the first record is sent: a request that carries records and
// names a column that is not there costs its whole body.

// learnColumns has the server name the columns that the table lacks. It fails only with what would fail every upsert.
func (r *Remote) learnColumns(ctx context.Context) error {
	if r.learned.Load() {
		return nil
	}
	r.learning.Lock()
	defer r.learning.Unlock()
	for range len(allColumns()) { // each round can find one column more missing
		if r.learned.Load() {
			return nil
		}
		absent := r.absentColumns()
		err := r.insertNothing(ctx, slices.DeleteFunc(allColumns(), func(c string) bool { return absent[c] }))
		name := lackingColumn(err)
		switch {
		case err == nil, store.ClassOf(err) == store.Rejected, store.ClassOf(err) == store.TooMuch:
			r.learned.Store(true) // if it is a refusal, the records are to find out
		case !r.learnAbsent(err):
			return err
		case isExtra(name):
			r.learnExtras(ctx)
		}
	}
	return nil
}

// learnExtras asks for each extra column by itself, all at one time. A table that lacks one mostly lacks them all,
// and on a slow line to ask for one after the other keeps the first record waiting.
func (r *Remote) learnExtras(ctx context.Context) {
	absent := r.absentColumns()
	var asking sync.WaitGroup
	for _, c := range store.ExtraColumns() {
		if !absent[c] {
			// any other failure is for the next round
			asking.Go(func() { r.learnAbsent(r.insertNothing(ctx, []string{c})) })
		}
	}
	asking.Wait()
}

// insertNothing upserts no row into these columns. PostgREST (its documentation, "Tables and Views", "Specifying
// Columns"; Plan.hs, resolveOrError) looks the columns up, answers PGRST204 for one that is not there, and else has
// PostgreSQL insert what an empty array holds.
func (r *Remote) insertNothing(ctx context.Context, columns []string) error {
	return r.probe(ctx, columns, &r.conflict)
}

func allColumns() []string { return slices.Concat(store.Columns(), store.ExtraColumns()) }

func isExtra(column string) bool { return slices.Contains(store.ExtraColumns(), column) }

// upsert sends the records without the columns that the table does not take, and finds out which those are.
func (r *Remote) upsert(ctx context.Context, records []store.Record, without map[string]bool) (err error) {
	for range len(allColumns()) {
		absent := r.absentColumns()
		maps.Copy(absent, without)
		body := encode(records, absent)
		_, err = r.do(ctx, r.opts.Table, body, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
			return t.Upsert(nil, r.conflict.String(), "minimal", "")
		})
		if err == nil || !r.learnAbsent(err) && !r.learnStatus(err, absent) {
			break
		}
	}
	return err
}

const columnStatus = "sync_status"

// learnStatus looks whether the error says that the column sync_status has no value 'synced', as an enum may not, and
// gives the column up.
func (r *Remote) learnStatus(err error, absent map[string]bool) bool {
	var re *store.RemoteError
	if absent[columnStatus] || !errors.As(err, &re) || re.Code != "22P02" ||
		!strings.HasSuffix(re.Message, `: "synced"`) {
		return false
	}
	r.giveUp(re, columnStatus)
	return true
}

// giveUp leaves columns out from now on.
func (r *Remote) giveUp(refusal *store.RemoteError, columns ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range columns {
		r.absent[c] = true
	}
	r.opts.Logger.Warn("the table does not take what gfxsync has for a column; "+
		"the column is left out until gfxsync starts again, and the sessions are stored",
		"table", r.opts.Table, "column", strings.Join(columns, ","), "error", refusal.Message)
}

// isValueRefused says whether PostgreSQL could not make a column's type of a value: out of range, or no such value.
func isValueRefused(re *store.RemoteError) bool { return re.Code == "22003" || re.Code == "22P02" }

// upsertWithoutExtras tries a record once more that the table has refused for a value, because the extra columns must
// not cost the session. At first they are sent empty, so that the row keeps nothing of an older version. If they are
// not taken even so, their types are not what gfxsync expects, and they are left out from now on. If that does not
// help either, the refusal stands.
func (r *Remote) upsertWithoutExtras(ctx context.Context, record store.Record, refusal *store.RemoteError) error {
	absent := r.absentColumns()
	carried := slices.DeleteFunc(store.ExtraColumns(), func(c string) bool { return absent[c] })
	if len(carried) == 0 {
		return refusal
	}
	bare := record
	bare.Extras = store.Extras{}
	filled := slices.DeleteFunc(slices.Clone(carried), func(c string) bool {
		return record.ExtraText(c) == bare.ExtraText(c)
	})
	if len(filled) > 0 && r.upsert(ctx, []store.Record{bare}, nil) == nil {
		r.opts.Logger.Warn("the table has no room for a value of the file; the row is stored, "+
			"and the column is empty in it",
			"path", record.NASPath, "table", r.opts.Table,
			"column", strings.Join(refusedBy(&record, filled, refusal), ","), "error", refusal.Message)
		return nil
	}
	without := map[string]bool{}
	for _, c := range carried {
		without[c] = true
	}
	if r.upsert(ctx, []store.Record{bare}, without) != nil {
		return refusal
	}
	r.giveUp(refusal, carried...)
	return nil
}

// quoted is how PostgreSQL names a value that it refuses: value "3000000000" is out of range for type integer.
var quoted = regexp.MustCompile(`"([^"]+)"`)

// refusedBy returns those of the columns whose value the refusal names; all, if it names none.
func refusedBy(record *store.Record, columns []string, refusal *store.RemoteError) []string {
	m := quoted.FindStringSubmatch(refusal.Message)
	named := slices.DeleteFunc(slices.Clone(columns), func(c string) bool {
		return m == nil || !strings.Contains(record.ExtraText(c), m[1])
	})
	if len(named) == 0 {
		return columns
	}
	return named
}
