package supabase

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

const (
	// noHash is not the hash of any row, because it is not made of hex digits.
	noHash          = "gfxsync-check"
	columnSessionID = "session_id"
)

// write tries to insert, upsert and delete. None of these requests has or finds a row.
func (c *check) write(ctx context.Context) {
	columns, insert := c.columns(ctx)
	rights := &rights{}
	rights.add("select", c.reads, nil)
	rights.add("insert", insert == nil, insert)
	complete := !slices.ContainsFunc(c.required(), func(name string) bool { return !slices.Contains(columns, name) })
	if !complete {
		c.say(partConstraint, store.Skipped, "not tested: a column is missing", "")
		rights.untested("update", "a column is missing")
	} else {
		c.upsert(ctx, columns, insert == nil, rights)
	}
	switch {
	case !c.opts.Deletes:
	case !c.reads || !slices.Contains(columns, store.ColumnFileHash):
		rights.untested("delete", "that needs to select by file_hash")
	default:
		err := c.r.Delete(ctx, []string{noHash})
		rights.add("delete", err == nil, err)
	}
	c.say(partRights, rights.verdict(), rights.String(), rights.hint(c.table))
	switch {
	case len(c.opts.Rows) < 2:
		c.say(partRow, store.Skipped, "not tested: there are no rows to try", "")
	case c.keysErr != nil || !complete || c.found[partColumns].Verdict == store.Fail || rights.verdict() != store.OK:
		c.say(partRow, store.Skipped, "not tested: a row needs the columns, the constraint and the rights", "")
	default:
		c.rows(ctx, columns)
	}
}

// columns finds out which columns the table has, and whether the key may insert into them. If it may not, err says why.
func (c *check) columns(ctx context.Context) (present []string, err error) {
	present = store.Columns()
	var missing []string
	for len(present) > 0 {
		err = c.r.probe(ctx, present, nil)
		i := slices.Index(present, lackingColumn(err))
		if i < 0 {
			break
		}
		missing = append(missing, present[i])
		present = slices.Delete(present, i, i+1)
	}
	needed := slices.ContainsFunc(c.required(), func(name string) bool { return slices.Contains(missing, name) })
	list := strings.Join(missing, ", ")
	switch {
	case err != nil && codeOf(err) != "42501":
		c.say(partColumns, store.Fail, "an insert into them fails: "+messageOf(err), schemaHint)
	case needed:
		c.say(partColumns, store.Fail,
			fmt.Sprintf("%s has no %s; %s are required", c.table, list, strings.Join(c.required(), ", ")),
			schemaHint+", or set GFX_SYNC_TABLE to the right table")
	case slices.Contains(present, columnSessionID) && c.narrowSessionIDs(ctx):
		c.say(partColumns, store.Fail,
			"session_id is too narrow for the numbers of sessions, of 18 digits: every record would be refused",
			fmt.Sprintf("in the SQL editor: ALTER TABLE %s ALTER COLUMN session_id TYPE bigint;", c.table))
	case missing != nil:
		c.say(partColumns, store.Warn, fmt.Sprintf("%s has no %s; rows are written without", c.table, list),
			schemaHint+", if they are wanted")
	default:
		c.say(partColumns, store.OK, fmt.Sprintf("all %d", len(present)), "")
	}
	return present, err
}

// narrowSessionIDs says whether the column session_id is too narrow. It asks for a row with a real session ID: where
// the column cannot hold it, PostgreSQL refuses the request (22003) before it looks for a row. The request also names a
// hash that no row has. So PostgreSQL uses the index on file_hash, and does not read the whole table.
func (c *check) narrowSessionIDs(ctx context.Context) bool {
	_, err := c.r.do(ctx, c.r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select(store.ColumnFileHash, "", false).Eq(store.ColumnFileHash, noHash).
			Eq(columnSessionID, "638961999170907267").Limit(1, "")
	})
	return codeOf(err) == "22003"
}

// choose finds out by which conflict key the agent will write.
func (c *check) choose(ctx context.Context) {
	var rules store.TableRules
	rules.Unique, c.keysErr = c.r.uniqueKeys(ctx)
	c.choice, _ = c.opts.Setting.Choose(rules)
}

// upsert tries the unique constraint and the right to update. PostgreSQL looks for the constraint first.
func (c *check) upsert(ctx context.Context, columns []string, inserts bool, rights *rights) {
	key := strings.ReplaceAll(c.choice.Key.String(), ",", ", ")
	if _, given := c.opts.Setting.Key(); c.keysErr != nil && !given {
		c.say(partConstraint, store.Fail, messageOf(c.keysErr), hintOf(c.keysErr))
		rights.untested("update", "that needs the unique constraint")
		return
	}
	err := c.r.probe(ctx, columns, &c.choice.Key)
	switch code := codeOf(err); {
	case code == "42P10":
		c.say(partConstraint, store.Fail, fmt.Sprintf("%s has no unique constraint on (%s), by which rows are "+
			"found again", c.table, key), c.addConstraint(key))
		rights.untested("update", "that needs the unique constraint")
		return
	case err != nil && code != "42501":
		c.say(partConstraint, store.Fail, fmt.Sprintf("an upsert by (%s) fails: %s", key, messageOf(err)), schemaHint)
		rights.untested("update", "an upsert fails")
		return
	}
	c.sayChoice()
	if err != nil && (!inserts || !c.reads) {
		// The answer does not say which of the rights is missing.
		rights.untested("update", "an upsert needs the others too")
		return
	}
	rights.add("update", err == nil, err)
}

// addConstraint says how to add a unique constraint on the key, or how to set a key that the table is unique on.
func (c *check) addConstraint(key string) string {
	hint := fmt.Sprintf("in the SQL editor: ALTER TABLE %s ADD UNIQUE (%s); gfxsync schema prints all that "+
		"is needed", c.table, key)
	if other, ok := (store.ConflictSetting{}).Choose(c.choice.Rules); ok {
		hint = store.ConflictAdvice(other.Key) + "; or " + hint
	}
	return hint
}

// sayChoice names the key, and another unique constraint that will refuse rows.
func (c *check) sayChoice() {
	other, what, always, refused := c.choice.Refusal()
	switch text := fmt.Sprintf("%s; but the table is unique on %s as well: %s", c.choice, other, what); {
	case !refused:
		c.say(partConstraint, store.OK, c.choice.String(), "")
	case always:
		c.say(partConstraint, store.Fail, text, store.ConflictAdvice(other))
	default:
		c.say(partConstraint, store.Warn, text, store.ConflictAdvice(other))
	}
}

// rights collects which rights the key has.
type rights struct {
	has, lacks, unknown []string
}

func (r *rights) add(name string, has bool, err error) {
	switch {
	case has:
		r.has = append(r.has, name)
	case err == nil, codeOf(err) == "42501":
		r.lacks = append(r.lacks, name)
	default:
		r.untested(name, messageOf(err))
	}
}

func (r *rights) untested(name, why string) { r.unknown = append(r.unknown, name+" ("+why+")") }

func (r *rights) verdict() store.Verdict {
	switch {
	case r.lacks != nil:
		return store.Fail
	case r.unknown != nil:
		return store.Skipped
	default:
		return store.OK
	}
}

func (r *rights) String() string {
	var said []string
	for _, list := range []struct {
		what  string
		names []string
	}{{"may not ", r.lacks}, {"may ", r.has}, {"not tested: ", r.unknown}} {
		if list.names != nil {
			said = append(said, list.what+strings.Join(list.names, ", "))
		}
	}
	return "the key " + strings.Join(said, "; ")
}

func (r *rights) hint(table string) string {
	if r.lacks == nil {
		return ""
	}
	list := strings.ToUpper(strings.Join(r.lacks, ", "))
	return fmt.Sprintf("in the SQL editor: GRANT %s ON %s TO service_role;", list, table)
}
