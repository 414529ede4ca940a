package supabasetest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// function is what the schema cache knows of one.
type function struct {
	Args     map[string]string `json:"args"` // type by name
	Required []string          `json:"required"`
	Set      bool              `json:"set"`   // it returns rows
	Plain    bool              `json:"plain"` // it returns a scalar
	Void     bool              `json:"void"`
}

const functionsSQL = `select json_build_object(
		'args', coalesce((select json_object_agg(a.name, a.type::regtype) from unnest(p.proargnames, p.proargtypes::oid[])
			with ordinality as a (name, type, n) where a.name is not null and a.type is not null), '{}'),
		'required', coalesce((select json_agg(a.name) from unnest(p.proargnames) with ordinality as a (name, n)
			where a.n <= p.pronargs - p.pronargdefaults), '[]'),
		'set', p.proretset, 'plain', p.proargmodes is null and t.typtype <> 'c',
		'void', t.typname = 'void')
	from pg_proc p join pg_namespace s on s.oid = p.pronamespace join pg_type t on t.oid = p.prorettype
	where s.nspname = $1 and p.proname = $2 and p.prokind = 'f'`

// call answers POST of rpc/NAME, whose body names the arguments. docs.postgrest.org, Functions as RPC
func (s *Server) call(ctx context.Context, conn *pgconn.PgConn, q *query) (response, error) {
	if len(q.values) > 0 {
		return response{}, notModelled("parameters in the URL of a function")
	}
	given := map[string]json.RawMessage{}
	if len(q.body) > 0 {
		if err := json.Unmarshal(q.body, &given); err != nil { // docs.postgrest.org, Errors, PGRST102
			return response{}, pgrst(http.StatusBadRequest, "PGRST102", "Empty or invalid json")
		}
	}
	names := slices.Sorted(maps.Keys(given))
	f, err := findFunction(ctx, conn, q.schema, q.name, names)
	if err != nil {
		return response{}, err
	}
	var columns, args []string
	for _, name := range names {
		columns = append(columns, ident(name)+" "+f.Args[name])
		args = append(args, fmt.Sprintf("%s := (select %s from given)", ident(name), ident(name)))
	}
	sql := fmt.Sprintf("%s.%s(%s)", ident(q.schema), ident(q.name), strings.Join(args, ", "))
	if len(names) > 0 {
		sql = fmt.Sprintf("with given as (select * from json_to_record(%s) as given(%s)), called as (select * from %s as f)",
			q.args.add(q.body, typeJSON), strings.Join(columns, ", "), sql)
	} else {
		sql = "with called as (select * from " + sql + " as f)"
	}
	body := "coalesce(json_agg(called), '[]')"
	switch {
	case f.Void:
		body = "''"
	case f.Plain && f.Set:
		body = "coalesce(json_agg(called.f), '[]')"
	case f.Plain:
		body = "coalesce(to_json((array_agg(called.f))[1]), 'null')"
	case !f.Set:
		body = "to_json((array_agg(called))[1])"
	}
	row, err := q.fetch(ctx, conn, sql+" select count(*), "+body+" from called")
	if err != nil {
		return response{}, err
	}
	if f.Void {
		return response{status: http.StatusNoContent}, nil
	}
	answer := response{status: http.StatusOK, body: []byte(row[1])}
	answer.set("Content-Type", "application/json; charset=utf-8")
	return answer, nil
}

// findFunction looks for the overload that takes the arguments, as PostgREST does by their names.
func findFunction(ctx context.Context, conn *pgconn.PgConn, schema, name string, given []string) (function, error) {
	r := conn.ExecParams(ctx, functionsSQL, [][]byte{[]byte(schema), []byte(name)}, nil, nil, nil).Read()
	if r.Err != nil {
		return function{}, r.Err
	}
	for _, row := range r.Rows {
		var f function
		if err := json.Unmarshal(row[0], &f); err != nil {
			return function{}, err
		}
		takes := func(arg string) bool { return f.Args[arg] != "" }
		if !slices.ContainsFunc(given, func(arg string) bool { return !takes(arg) }) &&
			!slices.ContainsFunc(f.Required, func(arg string) bool { return !slices.Contains(given, arg) }) {
			return f, nil
		}
	}
	return function{}, noFunction(schema+"."+name, given)
}

// noFunction is docs.postgrest.org, Errors, PGRST202; PostgREST's Error.hs, NoRpc.
// Its hints are not modelled.
func noFunction(name string, given []string) error {
	signature, with := name+" without parameters", "without parameters"
	if len(given) > 0 {
		signature, with = name+"("+strings.Join(given, ", ")+")", "with parameter"
		if len(given) > 1 {
			with += "s"
		}
		with += " " + strings.Join(given, ", ")
	}
	err := pgrst(http.StatusNotFound, "PGRST202", "Could not find the function "+signature+" in the schema cache")
	err.details = fmt.Sprintf("Searched for the function %s %s or with a single unnamed json/jsonb parameter, "+
		"but no matches were found in the schema cache.", name, with)
	return err
}
