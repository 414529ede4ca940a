package supabasetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// accessSQL names the tables that the role may do something with: openapi-mode
// follow-privileges, the default. docs.postgrest.org, OpenAPI; PostgREST's
// SchemaCache.hs, accessibleTables
const accessSQL = `
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('v', 'r', 'm', 'f', 'p') and n.nspname = $1 and not c.relispartition
	and (pg_has_role(c.relowner, 'USAGE')
		or has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
		or has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))`

// describeSQL reads of each column what PostgREST keeps in its schema cache
// (SchemaCache.hs, tablesSqlQuery). It is to run with an empty search_path, as
// there, so that the names of types come with their schema. A column that is
// GENERATED ALWAYS AS IDENTITY has no default there.
const describeSQL = `
select c.relname, a.attname, a.attnotnull or t.typtype = 'd' and t.typnotnull,
	case when nt.nspname = 'pg_catalog' then format_type(a.atttypid, null) else format_type(a.atttypid,
		a.atttypmod) end,
	case
		when a.attidentity = 'd' then 'nextval(' || quote_literal(pg_get_serial_sequence(a.attrelid::regclass::text,
			a.attname)) || ')'
		when a.attgenerated = 's' then null
		else pg_get_expr(d.adbin, d.adrelid)
	end,
	(select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = a.atttypid),
	information_schema._pg_char_max_length(information_schema._pg_truetypid(a.*, t.*),
		information_schema._pg_truetypmod(a.*, t.*)),
	exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey))
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
join pg_namespace nt on nt.oid = t.typnamespace
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname = $1 and c.relkind in ('v', 'r', 'm', 'f', 'p') and not c.relispartition
order by c.relname, a.attnum`

// definition is a table in the OpenAPI description (Response/OpenAPI.hs,
// makeTableDef). Required are all columns that are NOT NULL, with a default or
// without.
type definition struct {
	Type       string              `json:"type"`
	Required   []string            `json:"required,omitempty"`
	Properties map[string]property `json:"properties,omitempty"`
}

// property is a column (Response/OpenAPI.hs, makeProperty).
type property struct {
	Type        string          `json:"type,omitempty"`
	Format      string          `json:"format"`
	Default     json.RawMessage `json:"default,omitempty"`
	Enum        json.RawMessage `json:"enum,omitempty"`
	MaxLength   json.RawMessage `json:"maxLength,omitempty"`
	Description string          `json:"description,omitempty"`
}

// root answers with the OpenAPI description. Of its parts only the definitions of
// tables are modelled, in full but for comments and foreign keys.
func (s *Server) root(r *http.Request, role string) (response, error) {
	switch {
	case s.settings.get().noOpenAPI:
		// docs.postgrest.org, Errors, PGRST126: openapi-mode = disabled
		return response{}, pgrst(http.StatusNotFound, "PGRST126", "Root endpoint metadata is disabled")
	case r.Method != http.MethodGet:
		return response{}, notModelled("the method " + r.Method + " of the root")
	}
	schema, err := pickSchema(r.Header.Get("Accept-Profile"), s.schemas)
	if err != nil {
		return response{}, err
	}
	c, err := s.acquire()
	if err != nil {
		return response{}, err
	}
	defer c.Release()
	q := &query{method: r.Method, role: role, schema: schema, limits: s.settings.get()}
	answer, err := inTransaction(s.work, c.Conn().PgConn(), q, describe)
	if err == nil && r.Header.Get("Accept-Profile") != "" {
		answer.set("Content-Profile", schema)
	}
	return answer, err
}

func describe(ctx context.Context, conn *pgconn.PgConn, q *query) (response, error) {
	access := conn.ExecParams(ctx, accessSQL, [][]byte{[]byte(q.schema)}, []uint32{typeText}, nil, nil).Read()
	if access.Err != nil {
		return response{}, access.Err
	}
	definitions := map[string]*definition{}
	for _, row := range access.Rows {
		definitions[string(row[0])] = &definition{Type: "object", Properties: map[string]property{}}
	}
	if err := execute(ctx, conn, "reset role; set local search_path = ''"); err != nil {
		return response{}, err
	}
	columns := conn.ExecParams(ctx, describeSQL, [][]byte{[]byte(q.schema)}, []uint32{typeText}, nil, nil).Read()
	if columns.Err != nil {
		return response{}, columns.Err
	}
	for _, row := range columns.Rows {
		if d := definitions[string(row[0])]; d != nil {
			d.add(row, q.limits.integerNames)
		}
	}
	answer := response{status: http.StatusOK}
	answer.body = encode(map[string]any{
		"swagger": "2.0", "info": map[string]string{"title": "PostgREST API", "version": "16.4"},
		"definitions": definitions,
	})
	answer.set("Content-Type", "application/openapi+json; charset=utf-8")
	return answer, nil
}

// add takes a row of describeSQL.
func (d *definition) add(row [][]byte, integerNames bool) {
	name, format := string(row[1]), string(row[3])
	if string(row[2]) == "t" {
		d.Required = append(d.Required, name)
	}
	p := property{Type: swaggerType(format), Format: format, Enum: row[5], MaxLength: row[6]}
	if !integerNames {
		p.Format = swaggerFormat(format)
	}
	if row[4] != nil {
		p.Default = swaggerDefault(p.Type, format, string(row[4]))
	}
	if string(row[7]) == "t" {
		p.Description = "Note:\nThis is a Primary Key.<pk/>"
	}
	d.Properties[name] = p
}

// swaggerType is OpenAPI.hs, toSwaggerType.
func swaggerType(format string) string {
	switch format {
	case "boolean":
		return "boolean"
	case "smallint", "integer", "bigint":
		return "integer"
	case "numeric", "real", "double precision":
		return "number"
	case "json", "jsonb":
		return ""
	}
	if strings.HasSuffix(format, "[]") {
		return "array"
	}
	return "string"
}

// swaggerFormat is OpenAPI.hs, toSwaggerFormat, of PostgREST 14.8 and later. Before,
// the types of integers kept their names.
func swaggerFormat(format string) string {
	switch format {
	case "smallint", "integer":
		return "int32"
	case "bigint":
		return "int64"
	}
	return format
}

// swaggerDefault is OpenAPI.hs, parseDefault: an expression that is not JSON by
// itself or in quotes, such as nextval(…) of a bigint or '{}'::integer[], is left
// out.
func swaggerDefault(kind, format, expression string) json.RawMessage {
	if kind == "string" {
		if literal, ok := strings.CutSuffix(expression, "::"+format); ok {
			expression = strings.Trim(literal, "'")
		}
		expression = fmt.Sprintf(`"%s"`, expression)
	}
	if !json.Valid([]byte(expression)) {
		return nil
	}
	return json.RawMessage(expression)
}
