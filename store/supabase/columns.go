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

// Before the first record is sent, the remote finds out which columns the table lacks. Otherwise each missing column
// would cost a failed request with a whole batch.

// learnColumns finds out which columns the table lacks. It fails only with errors that would fail every upsert.
func (r *Remote) learnColumns(ctx context.Context) error {
	if r.learned.Load() {
		return nil
	}
	r.learning.Lock()
	defer r.learning.Unlock()
	for range len(allColumns()) { // each answer names at most one missing column
		if r.learned.Load() {
			return nil
		}
		absent := r.absentColumns()
		present := slices.DeleteFunc(allColumns(), func(c string) bool { return absent[c] })
		err := r.probe(ctx, present, &r.conflict)
		name := lackingColumn(err)
		switch {
		case err == nil, store.ClassOf(err) == store.Rejected, store.ClassOf(err) == store.TooMuch:
			r.learned.Store(true) // after a refusal, the upserts of records find out more
		case !r.learnAbsent(err):
			return err
		case isExtra(name):
			r.learnExtras(ctx)
		}
	}
	return nil
}

// learnExtras asks for each extra column in a request of its own, all at the same time. A table that lacks one of them
// usually lacks all. On a slow line, one request after the other would delay the first record.
func (r *Remote) learnExtras(ctx context.Context) {
	absent := r.absentColumns()
	var asking sync.WaitGroup
	for _, c := range store.ExtraColumns() {
		if !absent[c] {
			// Any other failure shows again in the next round of learnColumns.
			asking.Go(func() { r.learnAbsent(r.probe(ctx, []string{c}, &r.conflict)) })
		}
	}
	asking.Wait()
}

func allColumns() []string { return slices.Concat(store.Columns(), store.ExtraColumns()) }

func isExtra(column string) bool { return slices.Contains(store.ExtraColumns(), column) }

// upsert sends the records without the columns that the table lacks and those in without. If the server names another
// missing column, it tries again without that column.
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

// learnStatus reports whether the error says that the column sync_status is an enum without the value 'synced'. If so,
// the column is left out from now on.
func (r *Remote) learnStatus(err error, absent map[string]bool) bool {
	var re *store.RemoteError
	if absent[columnStatus] || !errors.As(err, &re) || re.Code != "22P02" ||
		!strings.HasSuffix(re.Message, `: "synced"`) {
		return false
	}
	r.giveUp(re, columnStatus)
	return true
}

// giveUp leaves out columns from now on.
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

// isValueRefused reports whether PostgreSQL could not convert a value to the type of its column.
func isValueRefused(re *store.RemoteError) bool { return re.Code == "22003" || re.Code == "22P02" }

// upsertWithoutExtras sends a record again that the table has refused for a value. The value may be that of an extra
// column, which must not cost the session. First the extra columns are sent empty, so that the row keeps nothing of an
// older version. If that is refused too, their types are not as expected: they are left out from now on. If the record
// is refused without them, it is the refusal of the record.
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

// quoted finds the value in PostgreSQL's messages: value "3000000000" is out of range for type integer.
var quoted = regexp.MustCompile(`"([^"]+)"`)

// refusedBy returns the columns whose value the refusal names. If it names none, it returns all of them.
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

// missingColumn finds the column in PostgREST's message of PGRST204.
var missingColumn = regexp.MustCompile(`'([^']+)' column`)

// learnAbsent reports whether the error says that the table lacks an optional column. If so, the column is left out
// from now on.
func (r *Remote) learnAbsent(err error) bool {
	name := lackingColumn(err)
	if !r.isOptional(name) {
		return false
	}
	r.noteAbsent(name)
	return true
}

// lackingColumn returns the column that the table lacks according to the error, or an empty string.
func lackingColumn(err error) string {
	re, ok := err.(*store.RemoteError)
	if !ok || re.Code != "PGRST204" {
		return ""
	}
	if m := missingColumn.FindStringSubmatch(re.Message); m != nil {
		return m[1]
	}
	return ""
}

func (r *Remote) noteAbsent(column string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.absent[column]:
	case isExtra(column):
		r.absent[column] = true
		r.opts.Logger.Debug("the table has no such column, and need not have it",
			"table", r.opts.Table, "column", column)
	default:
		r.absent[column] = true
		r.opts.Logger.Warn("the table lacks a column; it is left out until gfxsync starts again "+
			"(gfxsync schema prints the SQL that adds it)", "table", r.opts.Table, "column", column)
	}
}

// isOptional reports whether gfxsync can leave out the column. The columns of the conflict key are required.
func (r *Remote) isOptional(column string) bool {
	return slices.Contains(allColumns(), column) && column != store.ColumnFileHash && column != store.ColumnRawJSON &&
		!slices.Contains(r.conflict.Columns(), column)
}

func (r *Remote) absentColumns() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	absent := make(map[string]bool, len(r.absent))
	for c := range r.absent {
		absent[c] = true
	}
	return absent
}
