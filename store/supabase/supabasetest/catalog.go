package supabasetest

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// table is what PostgREST's schema cache knows of a relation.
type table struct {
	name    string
	columns []columnInfo
}

type columnInfo struct {
	name, typ string
	key       bool
}

const catalogSQL = `
select a.attname, format_type(a.atttypid, a.atttypmod),
	exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey))
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by a.attnum`

// lookUp reads the catalog at every request. PostgREST keeps a cache until
// NOTIFY pgrst, 'reload schema'; the staleness in between is not modelled.
// docs.postgrest.org, Schema Cache
func lookUp(ctx context.Context, conn *pgconn.PgConn, schema, name string) (*table, error) {
	text := []uint32{25, 25}
	r := conn.ExecParams(ctx, catalogSQL, [][]byte{[]byte(schema), []byte(name)}, text, nil, nil).Read()
	if r.Err != nil {
		return nil, r.Err
	}
	if len(r.Rows) == 0 { // docs.postgrest.org, Errors, PGRST205
		return nil, pgrst(http.StatusNotFound, "PGRST205",
			"Could not find the table '"+schema+"."+name+"' in the schema cache")
	}
	t := &table{name: name}
	for _, row := range r.Rows {
		if row[0] != nil {
			t.columns = append(t.columns, columnInfo{string(row[0]), string(row[1]), string(row[2]) == "t"})
		}
	}
	return t, nil
}

// typeOf refuses a column that is not there. docs.postgrest.org, Errors, PGRST204
func (t *table) typeOf(column string) (string, error) {
	for _, c := range t.columns {
		if c.name == column {
			return c.typ, nil
		}
	}
	return "", pgrst(http.StatusBadRequest, "PGRST204",
		"Could not find the '"+column+"' column of '"+t.name+"' in the schema cache")
}

func (t *table) primaryKey() []string {
	var key []string
	for _, c := range t.columns {
		if c.key {
			key = append(key, c.name)
		}
	}
	return key
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

func (q *query) from() string { return pgx.Identifier{q.schema, q.table.name}.Sanitize() }

func (q *query) column(name string) string { return pgx.Identifier{q.table.name, name}.Sanitize() }
