package supabase

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// This file finds out whether the table takes a row, and leaves no row behind. A request may demand that its answer is
// a single object. If it results in another number of rows, PostgREST rolls it back (its documentation, "Resource
// Representation", "Singular or Plural"; MainTx.hs, failNotSingular; SingularSpec.hs, "raises an error when attempting
// to create multiple entities … the rows should not exist, either"). Before that, PostgreSQL has stored the rows, and
// has run the triggers, the policies and all constraints that are not deferred. A server that does not know this demand
// would keep the rows. For this reason, the first such request has no row.

// singleObject makes a request demand a single object.
func singleObject(req *http.Request) { req.Header.Set("Accept", "application/vnd.pgrst.object+json") }

// notSingular is the code of PostgREST for a request that did not result in a single object and was rolled back.
const notSingular = "PGRST116"

// undone finds how many rows were stored before the request was rolled back.
var undone = regexp.MustCompile(`The result contains (\d+) rows`)

// unproven says what the rolled-back rows do not test.
const unproven = "not tested: triggers on UPDATE, deferred constraints"

// rows has the server store made-up rows and roll them back.
func (c *check) rows(ctx context.Context, columns []string) {
	if c.enums(ctx, columns) {
		return
	}
	columns = c.filled(ctx, columns)
	x := &exchange{body: []byte("[]"), edit: singleObject}
	if err := c.r.insert(ctx, x, columns, &c.choice.Key); codeOf(err) != notSingular {
		c.described(ctx, columns)
		return
	}
	without := map[string]bool{}
	for _, name := range allColumns() {
		without[name] = !slices.Contains(columns, name)
	}
	x = &exchange{body: encode(c.opts.Rows, without), edit: singleObject}
	c.judgeRows(ctx, columns, c.r.insert(ctx, x, columns, &c.choice.Key))
}

// filled returns the columns that the agent would send: those of every table, and the extra columns that this table
// has.
func (c *check) filled(ctx context.Context, columns []string) []string {
	r := &Remote{shared: c.r.shared, conflict: c.choice.Key}
	if err := r.learnColumns(ctx); err != nil {
		return columns
	}
	absent := r.absentColumns()
	return slices.DeleteFunc(allColumns(), func(name string) bool {
		return absent[name] || name == columnStatus && c.spared != ""
	})
}

// judgeRows reports what happened to the rows.
func (c *check) judgeRows(ctx context.Context, columns []string, err error) {
	switch code := codeOf(err); {
	case err == nil:
		c.say(partRow, store.Fail, "the server has kept the made-up rows of this check, which it was to undo",
			c.removal())
	case code == notSingular:
		if m := undone.FindStringSubmatch(messageOf(err)); m != nil && m[1] != strconv.Itoa(len(c.opts.Rows)) {
			c.say(partRow, store.Fail, fmt.Sprintf("%s drops rows without an error: of %d rows only %s would "+
				"have been stored",
				c.table, len(c.opts.Rows), m[1]), "look for a trigger BEFORE INSERT that returns NULL, or for a rule")
			return
		}
		text := "a row can be stored (tried and rolled back; " + unproven + ")"
		if c.spared != "" {
			c.say(partRow, store.Warn, c.spared+"; without it, "+text, c.sparedHint)
			return
		}
		c.say(partRow, store.OK, text, "")
	case code == "23502":
		c.sayUnfilled(ctx, columns, err)
	case code == insufficientPrivilege:
		c.say(partRow, store.Fail, "a policy or a missing right refuses rows: "+messageOf(err),
			fmt.Sprintf("in the SQL editor: CREATE POLICY gfxsync ON %s TO service_role USING (true) WITH CHECK "+
				"(true); or grant the right that is named", c.table))
	case code == "55000": // PostgreSQL sees this only when there is a row
		c.say(partRow, store.Fail, "every row is refused: "+messageOf(err),
			fmt.Sprintf("the unique constraint on (%s) must not be DEFERRABLE: drop it, and "+
				"in the SQL editor: ALTER TABLE %s ADD UNIQUE (%s);", c.choice.Key, c.table, c.choice.Key))
	case store.ClassOf(err) == store.Rejected:
		c.say(partRow, store.Fail, "a row is refused: "+messageOf(err),
			"the constraint or trigger that is named has to allow such rows")
	default:
		c.say(partRow, store.Skipped, "not tested: "+messageOf(err), laterHint)
	}
}

// removal returns the SQL that removes the made-up rows.
func (c *check) removal() string {
	hashes := make([]string, len(c.opts.Rows))
	for i := range c.opts.Rows {
		hashes[i] = "'" + c.opts.Rows[i].FileHash + "'"
	}
	list := strings.Join(hashes, ", ")
	return fmt.Sprintf("in the SQL editor: DELETE FROM %s WHERE file_hash IN (%s);", c.table, list)
}

// nullColumn matches the message of PostgreSQL for 23502.
var nullColumn = regexp.MustCompile(`null value in column "([^"]+)"`)

// sayUnfilled names the columns that must not be null and that nothing fills: the column in the error, which is the
// first of them, and the columns that the description of the table shows.
func (c *check) sayUnfilled(ctx context.Context, columns []string, err error) {
	m := nullColumn.FindStringSubmatch(messageOf(err))
	if m == nil {
		c.say(partRow, store.Fail, "a row is refused: "+messageOf(err), "")
		return
	}
	d, _ := c.r.describe(ctx) // without it, the next column is named when this one is repaired
	names := []string{m[1]}
	for _, name := range d.unfilled(columns) {
		if d.tellsDefault(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	c.say(partRow, store.Fail, fmt.Sprintf("every row is refused: %s must not be null, and neither gfxsync nor a "+
		"default fills it", strings.Join(names, ", ")),
		c.fill(d, names))
}

// described judges by the description of the table alone, where no row can be tried.
func (c *check) described(ctx context.Context, columns []string) {
	const untried = "no row was tried, as this server might keep it"
	d, err := c.r.describe(ctx)
	if err != nil {
		c.say(partRow, store.Skipped,
			"not tested: "+untried+", and it does not describe its tables: "+messageOf(err), "")
		return
	}
	certain, perhaps := []string(nil), []string(nil)
	for _, name := range d.unfilled(columns) {
		if d.tellsDefault(name) {
			certain = append(certain, name)
		} else {
			perhaps = append(perhaps, name)
		}
	}
	switch {
	case certain != nil:
		c.say(partRow, store.Fail, fmt.Sprintf("every row is refused: %s must not be null, and neither gfxsync "+
			"nor a default fills it",
			strings.Join(certain, ", ")), c.fill(d, certain))
	case perhaps != nil:
		c.say(partRow, store.Warn, fmt.Sprintf("%s; every row is refused if %s has no default, which the server "+
			"does not tell; not tested: triggers, policies, constraints",
			untried, strings.Join(perhaps, ", ")), "")
	default:
		c.say(partRow, store.Warn, untried+"; all columns that must not be null are filled; not tested: "+
			"triggers, policies, constraints", "")
	}
}

// unfilled returns the columns that must not be null, that gfxsync does not fill, and that show no default. A nil
// description has none.
func (d *description) unfilled(columns []string) (names []string) {
	if d == nil {
		return nil
	}
	for _, name := range d.Required {
		if !slices.Contains(columns, name) && d.Properties[name].Default == nil {
			names = append(names, name)
		}
	}
	return names
}

// tellsDefault says whether the description would show a default of the column: only what is JSON is shown, as every
// default of a type that is written as a string is. The default nextval(…) of a number, an identity, or
// '{}'::integer[] is not.
func (d *description) tellsDefault(name string) bool {
	column := d.Properties[name]
	return !column.isInteger() && !strings.HasSuffix(column.Format, "[]") && !slices.Contains([]string{
		"", "boolean", "numeric", "real", "double precision", "json", "jsonb",
	}, column.Format)
}

// fill returns the SQL that fills columns that must not be null, or lets them be null. The description may be nil.
func (c *check) fill(d *description, names []string) string {
	var actions []string
	numbered := ""
	for _, name := range names {
		var column columnDescription
		if d != nil {
			column = d.Properties[name]
		}
		isKey := strings.Contains(column.Description, "<pk/>")
		switch {
		case isKey && column.Format == "uuid":
			actions = append(actions, fmt.Sprintf("ALTER COLUMN %s SET DEFAULT gen_random_uuid()", name))
		case isKey && column.isInteger():
			actions = append(actions, fmt.Sprintf("ALTER COLUMN %s ADD GENERATED BY DEFAULT AS IDENTITY", name))
			numbered = fmt.Sprintf(" SELECT setval(pg_get_serial_sequence('%s', '%s'), max(%s)) FROM %s;", c.table,
				name, name, c.table)
		case isKey:
			actions = append(actions, fmt.Sprintf("ALTER COLUMN %s SET DEFAULT …", name))
		default:
			actions = append(actions, fmt.Sprintf("ALTER COLUMN %s DROP NOT NULL", name))
		}
	}
	return fmt.Sprintf("in the SQL editor: ALTER TABLE %s %s;%s (or ALTER COLUMN … SET DEFAULT … with a value "+
		"that fits)",
		c.table, strings.Join(actions, ", "), numbered)
}

// valued has the values that gfxsync writes into columns whose type may be an enum.
var valued = []struct {
	column string
	values []string
	spared bool // rows are written without the column if it lacks a value
}{
	{column: "table_type", values: []string{"FEATURE_TABLE", "MAIN_TABLE", "FINAL_TABLE", "SIDE_TABLE", "UNKNOWN"}},
	{column: columnStatus, values: []string{"synced"}, spared: true},
}

// lackingValue matches the message of PostgreSQL for 22P02 with an enum.
var lackingValue = regexp.MustCompile(`invalid input value for enum ([^ ]+): "([^"]*)"`)

// enums asks for rows with the values that gfxsync writes. PostgreSQL refuses the request if an enum lacks one of them.
// It returns whether a required value is missing.
func (c *check) enums(ctx context.Context, columns []string) bool {
	for _, v := range valued {
		missing, name := c.lacking(ctx, v.column, v.values)
		if missing == nil {
			continue
		}
		var add []string
		for _, value := range missing {
			add = append(add, fmt.Sprintf("ALTER TYPE %s ADD VALUE '%s';", name, value))
		}
		text := fmt.Sprintf("%s has no value %s", v.column, strings.Join(missing, ", "))
		hint := "in the SQL editor: " + strings.Join(add, " ")
		if v.spared {
			c.spared, c.sparedHint = text, hint
			continue
		}
		if slices.Contains(columns, v.column) {
			c.say(partRow, store.Fail, text+": every file of that kind is refused", hint)
			return true
		}
	}
	return false
}

// lacking returns the values that the enum of the column lacks, and the name of the enum.
func (c *check) lacking(ctx context.Context, column string, values []string) (missing []string, name string) {
	for left := slices.Clone(values); len(left) > 0; {
		_, err := c.r.do(ctx, c.r.opts.Table, nil, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
			return t.Select(store.ColumnFileHash, "", false).
				Eq(store.ColumnFileHash, noHash).In(column, left).Limit(1, "")
		})
		if err == nil {
			break
		}
		m := lackingValue.FindStringSubmatch(messageOf(err))
		if m == nil || !slices.Contains(left, m[2]) {
			return missing, name // another error, such as no such column
		}
		missing, name = append(missing, m[2]), m[1]
		left = slices.DeleteFunc(left, func(v string) bool { return v == m[2] })
	}
	return missing, name
}
