package supabase

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/supabase-community/postgrest-go"

	"github.com/gfxsync/gfxsync/store"
)

// Rules asks the server what the table is unique on, and whether session_id may be null. It writes nothing. If the
// table is unique on no key, it fails with a *store.RemoteError of class Setup, whose hint has the SQL to run. Other
// errors are those of Upsert.
func (r *Remote) Rules(ctx context.Context) (rules store.TableRules, err error) {
	if rules.Unique, err = r.uniqueKeys(ctx); err != nil {
		return rules, err
	}
	// If there is no description, files without a session are sent. A table that requires a session refuses them, which
	// does no harm.
	description, err := r.describe(ctx)
	if err != nil {
		r.opts.Logger.Debug("the server does not describe the table", "table", r.opts.Table, "error", err)
		return rules, nil
	}
	rules.SessionRequired = slices.Contains(description.Required, columnSession)
	return rules, nil
}

// uniqueKeys tries an upsert of no rows with each key.
func (r *Remote) uniqueKeys(ctx context.Context) (unique []store.ConflictKey, err error) {
	var refused error
	for _, key := range store.ConflictKeys() {
		err := r.probe(ctx, key.Columns(), &key)
		switch code := codeOf(err); {
		case err == nil, code == insufficientPrivilege && !isForSchema(err):
			unique = append(unique, key) // PostgreSQL checks the rights after it has found the constraint
		case code == "42P10", code == "PGRST204", code == "42703": // no such constraint, or no such column
		case store.ClassOf(err) == store.Rejected: // a column that cannot be written, such as a generated one
			refused = err
		default:
			return nil, err
		}
	}
	if unique == nil {
		return nil, r.noKey(refused)
	}
	return unique, nil
}

func (r *Remote) noKey(refused error) error {
	if refused != nil {
		return &store.RemoteError{
			Class: store.Setup, Code: codeOf(refused), Hint: setupHint, Err: refused,
			Message: "the columns by which rows are found again cannot be written: " + messageOf(refused),
		}
	}
	return &store.RemoteError{
		Class: store.Setup, Code: "42P10",
		Message: fmt.Sprintf("the table %s is unique on none of session_id, file_hash and (gfx_pc_id, "+
			"file_hash), by which rows are found again", r.name()),
		Hint: fmt.Sprintf("in the SQL editor: ALTER TABLE %s ADD UNIQUE (%s); gfxsync schema prints all that "+
			"is needed", r.name(), store.ByHash),
	}
}

// name returns the name of the table with its schema.
func (r *Remote) name() string { return r.opts.Schema + "." + r.opts.Table }

// probe asks the server to insert no rows into these columns. If by is not nil, it asks for an upsert by that key. The
// errors say what an insert or upsert of rows would lack.
//
// PostgREST looks up the names in the parameter columns (its documentation, "Tables and Views", "Specifying Columns";
// Plan.hs, resolveOrError). It answers PGRST204 for a column that does not exist. It does not read the body
// (Payload.hs, getPayload), and runs INSERT … SELECT … FROM json_to_recordset('[]'), for an upsert with ON CONFLICT …
// DO UPDATE SET of these columns (QueryBuilder.hs, mutatePlanToQuery; UpsertSpec.hs, "succeeds when the payload has no
// elements"). PostgreSQL plans this statement, for which it needs the unique constraint (42P10), and checks all rights
// (42501). Then it finds that there are no rows.
func (r *Remote) probe(ctx context.Context, columns []string, by *store.ConflictKey) error {
	return r.insert(ctx, &exchange{body: []byte("[]")}, columns, by)
}

// insert sends the body of x, a list of rows with these columns. If by is not nil, it is an upsert by that key.
func (r *Remote) insert(ctx context.Context, x *exchange, columns []string, by *store.ConflictKey) error {
	more := x.edit
	x.edit = func(req *http.Request) {
		q := req.URL.Query()
		q.Set("columns", strings.Join(columns, ","))
		req.URL.RawQuery = q.Encode()
		if more != nil {
			more(req)
		}
	}
	return r.send(ctx, x, r.opts.Table, func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		if by == nil {
			return t.Insert(nil, false, "", "minimal", "")
		}
		return t.Upsert(nil, by.String(), "minimal", "")
	})
}

// isForSchema reports whether a missing right is one to the schema, not to the table.
func isForSchema(err error) bool { return strings.Contains(messageOf(err), "for schema") }

// description is the server's description of a table (PostgREST's documentation, "OpenAPI"; its Response/OpenAPI.hs,
// makeTableDef and makeProperty).
type description struct {
	Required   []string // columns that are NOT NULL, whether or not they have a default
	Properties map[string]columnDescription
}

type columnDescription struct {
	Format      string          // PostgreSQL's name of the type; of integers see isInteger
	Default     json.RawMessage // nil if there is no default, or if it is not JSON, such as nextval(…)
	Description string
}

// isInteger knows PostgreSQL's names of the integers, and those that PostgREST uses instead since its version 14.8 (its
// Response/OpenAPI.hs, toSwaggerFormat).
func (c columnDescription) isInteger() bool {
	return slices.Contains([]string{"smallint", "integer", "bigint", "int32", "int64"}, c.Format)
}

// describe asks for the description of the table. Supabase gives it only to secret keys. A server may not give it at
// all (openapi-mode disabled, PGRST126).
func (r *Remote) describe(ctx context.Context) (*description, error) {
	x := &exchange{edit: func(req *http.Request) {
		req.URL.Path = strings.TrimSuffix(req.URL.Path, "/") + "/"
		req.URL.RawQuery = ""
	}}
	err := r.send(ctx, x, "", func(t *postgrest.QueryBuilder) *postgrest.FilterBuilder {
		return t.Select("", "", false)
	})
	if err != nil {
		return nil, err
	}
	var all struct{ Definitions map[string]*description }
	if err := json.Unmarshal(x.answer, &all); err != nil {
		return nil, fmt.Errorf("read the description of the tables: %w", err)
	}
	d := all.Definitions[r.opts.Table]
	if d == nil {
		return nil, fmt.Errorf("the description of the tables does not name %s", r.opts.Table)
	}
	return d, nil
}
