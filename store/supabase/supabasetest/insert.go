package supabasetest

import (
	"context"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// insert answers POST. docs.postgrest.org, Tables and Views, "Insert",
// "Bulk Insert" and "Upsert"
func (s *Server) insert(ctx context.Context, conn *pgconn.PgConn, q *query) (response, error) {
	if q.prefer["missing"] == "default" {
		return response{}, notModelled("Prefer: missing=default")
	}
	if q.values.Has("columns") && q.values.Get("columns") == "" { // PostgREST's InsertSpec.hs, "disallows blank ?columns"
		return response{}, badQuery(`"failed to parse columns parameter ()" (line 1, column 1)`,
			"unexpected end of input expecting field name (* or [a..z0..9_$])")
	}
	p, err := parsePayload(q.body, q.header.Get("Content-Type"), columnList(q.values["columns"]))
	if err != nil {
		return response{}, err
	}
	cols, err := q.selection()
	if err != nil {
		return response{}, err
	}
	rows, err := q.source(p)
	if err != nil {
		return response{}, err
	}
	sql := "insert into " + q.from() + into(p.columns) + rows
	if q.prefer["resolution"] == "merge-duplicates" {
		sql += " where " + countInserted("+", "0")
	}
	return q.mutate(ctx, conn, sql+q.onConflict(p.columns), cols, http.StatusCreated, http.StatusCreated)
}

// insertedRows is how many rows an upsert has made. QueryBuilder.hs, addConfigPgrstInserted: a setting of the
// transaction counts each row of the body up, and down again if it has updated another.
const insertedRows = "coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0)"

// countInserted is a condition that always holds, and counts.
func countInserted(sign, never string) string {
	return "set_config('pgrst.inserted', (" + insertedRows + " " + sign + " 1)::text, true) <> '" + never + "'"
}

// columnList is nil without ?columns=, which means that the body decides.
func columnList(values []string) []string {
	if len(values) == 0 || values[0] == "" {
		return nil
	}
	list := strings.Split(values[0], ",")
	for i, name := range list {
		list[i] = strings.Trim(strings.TrimSpace(name), `"`)
	}
	return list
}

func into(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	return "(" + idents(columns) + ")"
}

// source makes rows of the body inside PostgreSQL, which thereby judges its
// JSON, its encoding and its values. The body is a json parameter, as with
// PostgREST, so the text of jsonb columns is what was sent.
func (q *query) source(p payload) (string, error) {
	body := q.args.add(q.body, typeJSON)
	if len(p.columns) == 0 {
		if p.object {
			return " select from (select " + body + "::json) one", nil
		}
		return " select from json_array_elements(" + body + "::json) one", nil
	}
	typed := make([]string, len(p.columns))
	for i, name := range p.columns {
		typ, err := q.table.typeOf(name)
		if err != nil {
			return "", err
		}
		typed[i] = ident(name) + " " + typ
	}
	function := "json_to_recordset"
	if p.object {
		function = "json_to_record"
	}
	return " select " + idents(p.columns) + " from " + function + "(" + body + "::json) as _(" + strings.Join(typed, ", ") + ")", nil
}

// onConflict needs a preference to have any effect; without on_conflict the
// primary key is meant. docs.postgrest.org, Tables and Views, "Upsert" and "On Conflict"
func (q *query) onConflict(columns []string) string {
	resolution := q.prefer["resolution"]
	if resolution != "merge-duplicates" && resolution != "ignore-duplicates" {
		return ""
	}
	target := q.conflictTarget()
	if target == nil {
		return ""
	}
	clause := " on conflict (" + idents(target) + ") do "
	if resolution == "ignore-duplicates" || len(columns) == 0 {
		return clause + "nothing"
	}
	set := make([]string, len(columns))
	for i, name := range columns {
		set[i] = ident(name) + " = excluded." + ident(name)
	}
	return clause + "update set " + strings.Join(set, ", ") + " where " + countInserted("-", "-1")
}

// conflictTarget returns the columns by which an upsert finds rows again; nil if there are none.
func (q *query) conflictTarget() []string {
	if target := columnList(q.values["on_conflict"]); target != nil {
		return target
	}
	return q.table.primaryKey()
}

func idents(columns []string) string {
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = ident(name)
	}
	return strings.Join(quoted, ", ")
}
