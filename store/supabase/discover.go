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

// Rules asks the server what the table is unique on and whether it takes rows without a session. Nothing is written. It
// fails with a *store.RemoteError of class Setup, with the SQL to run, if the table is unique on no key; other errors
// are those of Upsert.
func (r *Remote) Rules(ctx context.Context) (rules store.TableRules, err error) {
	if rules.Unique, err = r.uniqueKeys(ctx); err != nil {
		return rules, err
	}
	// Without the description, a file without a session is sent, and refused by a table that requires one: no harm is
	// done.
	description, err := r.describe(ctx)
	if err != nil {
		r.opts.Logger.Debug("the server does not describe the table", "table", r.opts.Table, "error", err)
		return rules, nil
	}
	rules.SessionRequired = slices.Contains(description.Required, columnSession)
	return rules, nil
}

// uniqueKeys tries each key on no row.
func (r *Remote) uniqueKeys(ctx context.Context) (unique []store.ConflictKey, err error) {
	var refused error
	for _, key := range store.ConflictKeys() {
		err := r.probe(ctx, key.Columns(), &key)
		switch code := codeOf(err); {
		case err == nil, code == insufficientPrivilege && !isForSchema(err):
			unique = append(unique, key) // rights are looked at after the constraint was found
		case code == "42P10", code == "PGRST204", code == "42703": // no such constraint, or no such column
		case store.ClassOf(err) == store.Rejected: // a column that cannot be written, as one that is generated
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

// probe asks the server to insert nothing at all into these columns, or to upsert it by the key unless that is nil.
// With the parameter columns PostgREST (its documentation, "Tables and Views", "Specifying Columns") looks them up,
// answers PGRST204 for one that is not there, and hands the body on unread (Payload.hs, getPayload): INSERT … SELECT
// … FROM json_to_recordset('[]'), for an upsert with ON CONFLICT … DO UPDATE SET of these columns (QueryBuilder.hs,
// mutatePlanToQuery; UpsertSpec.hs, "succeeds when the payload has no elements"). PostgreSQL plans that, which needs
// the unique constraint (42P10), and then looks at all rights that it needs (42501), before it finds that there is no
// row.
func (r *Remote) probe(ctx context.Context, columns []string, by *store.ConflictKey) error {
	return r.insert(ctx, &exchange{body: []byte("[]")}, columns, by)
}

// insert sends the body of x, rows of these columns.
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

// isForSchema says whether a refusal is of the schema rather than of the table.
func isForSchema(err error) bool { return strings.Contains(messageOf(err), "for schema") }

// description is what the server tells of a table (PostgREST's documentation, "OpenAPI"; its Response/OpenAPI.hs,
// makeTableDef and makeProperty).
type description struct {
	Required   []string // columns that are NOT NULL, whether or not they have a default
	Properties map[string]columnDescription
}

type columnDescription struct {
	Format      string          // the type, as PostgreSQL names it; of integers see isInteger
	Default     json.RawMessage // nil if there is none, or it is no JSON, as nextval(…) is not
	Description string
}

// isInteger knows the names that PostgreSQL has for integers, and those that PostgREST has put in their place since its
// version 14.8 (its Response/OpenAPI.hs, toSwaggerFormat).
func (c columnDescription) isInteger() bool {
	return slices.Contains([]string{"smallint", "integer", "bigint", "int32", "int64"}, c.Format)
}

// describe asks for the description of the table. Supabase serves it to secret keys alone, and openapi-mode may be
// disabled (PGRST126).
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
