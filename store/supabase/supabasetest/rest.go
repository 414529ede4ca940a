package supabasetest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// acquireTimeout is db-pool-acquisition-timeout's default (docs.postgrest.org,
// Configuration), after which a request fails with PGRST003.
const acquireTimeout = 10 * time.Second

// operation builds and runs a request's statement inside its transaction.
type operation func(ctx context.Context, conn *pgconn.PgConn, q *query) (response, error)

// run does what all operations share: it finds the table and opens the
// transaction. The context is the server's, not the request's, because PostgREST
// finishes and commits what a client no longer waits for.
func (s *Server) run(q *query, r *http.Request, profile string, do operation) (response, error) {
	var err error
	if q.schema, err = pickSchema(r.Header.Get(profile), s.schemas); err != nil {
		return response{}, err
	}
	if err := acceptable(q.method, r.Header.Get("Accept")); err != nil {
		return response{}, err
	}
	q.values = r.URL.Query()
	q.prefer = preferences(r.Header)
	if !q.limits.txOverride {
		// docs.postgrest.org, Configuration, db-tx-end: what may not be overridden is not even a preference
		delete(q.prefer, "tx")
	}
	if q.prefer["handling"] == "strict" {
		return response{}, notModelled("Prefer: handling=strict")
	}
	c, err := s.acquire()
	if err != nil {
		return response{}, err
	}
	defer c.Release()
	conn := c.Conn().PgConn()
	if !q.function {
		if q.table, err = lookUp(s.work, conn, q.schema, q.name); err != nil {
			return response{}, err
		}
	}
	answer, err := inTransaction(s.work, conn, q, do)
	if err == nil && r.Header.Get(profile) != "" {
		answer.set("Content-Profile", q.schema)
	}
	return answer, err
}

func (s *Server) acquire() (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(s.work, acquireTimeout)
	defer cancel()
	return s.api.Acquire(ctx)
}

// inTransaction follows docs.postgrest.org, Transactions: the role and its
// settings last as long as the transaction, and reads are read only.
func inTransaction(ctx context.Context, conn *pgconn.PgConn, q *query, do operation) (response, error) {
	access := "read write"
	if q.method == http.MethodGet || q.method == http.MethodHead {
		access = "read only"
	}
	begin := fmt.Sprintf("begin isolation level read committed %s; set local role %s; set local search_path = %s, public, extensions; "+
		"set local statement_timeout = %d", access, ident(q.role), ident(q.schema), q.limits.timeout.Milliseconds())
	answer, err := response{}, execute(ctx, conn, begin)
	if err == nil {
		answer, err = do(ctx, conn, q)
	}
	end := "commit"
	if err == nil && q.prefer["tx"] == "rollback" {
		// docs.postgrest.org, Prefer Header, "Transaction End Preference"; MainTx.hs, optionalRollback
		end = "rollback"
		err = execute(ctx, conn, "set constraints all immediate")
	}
	if err != nil {
		// A connection that cannot roll back is broken, and the pool drops it.
		_ = execute(ctx, conn, "rollback")
		return response{}, err
	}
	return answer, execute(ctx, conn, end)
}

func execute(ctx context.Context, conn *pgconn.PgConn, sql string) error {
	_, err := conn.Exec(ctx, sql).ReadAll()
	return err
}

// fetch runs a statement of one row of counts and text.
func (q *query) fetch(ctx context.Context, conn *pgconn.PgConn, sql string) ([]string, error) {
	r := conn.ExecParams(ctx, sql, q.args.values, q.args.types, nil, nil).Read()
	if r.Err != nil {
		return nil, r.Err
	}
	row := make([]string, len(r.Rows[0]))
	for i, v := range r.Rows[0] {
		row[i] = string(v)
	}
	return row, nil
}

// read answers GET and HEAD. docs.postgrest.org, Tables and Views, "Read"
func (s *Server) read(ctx context.Context, conn *pgconn.PgConn, q *query) (response, error) {
	cols, err := q.selection()
	if err != nil {
		return response{}, err
	}
	where, err := q.where()
	if err != nil {
		return response{}, err
	}
	order, err := q.ordering()
	if err != nil {
		return response{}, err
	}
	w, err := q.window()
	if err != nil {
		return response{}, err
	}
	total := "null"
	if q.prefer["count"] != "" { // planned and estimated are exact here as well
		total = "(select count(*) from " + q.from() + where + ")"
	}
	sql := fmt.Sprintf("with source as (select %s from %s%s%s limit %d offset %d) "+
		"select count(*), coalesce(json_agg(pgrst_row), '[]'), %s from (select * from source) pgrst_row",
		exprs(cols), q.from(), where, order, w.limit, w.offset, total)
	row, err := q.fetch(ctx, conn, sql)
	if err != nil {
		return response{}, err
	}
	return readAnswer(q, w, row)
}

// readAnswer derives status and Content-Range from the counts.
// docs.postgrest.org, Pagination and Count
func readAnswer(q *query, w window, row []string) (response, error) {
	n, err := strconv.Atoi(row[0])
	if err != nil {
		return response{}, err
	}
	answer := response{status: http.StatusOK, body: []byte(row[1]), rows: n}
	size, total := "*", -1
	if row[2] != "" {
		size = row[2]
		if total, err = strconv.Atoi(size); err != nil {
			return response{}, err
		}
	}
	switch {
	case total >= 0 && w.offset > total:
		answer = failure(unsatisfiable(fmt.Sprintf(
			"An offset of %d was requested, but there are only %d rows.", w.offset, total)), q.role)
	case total >= 0 && n < total:
		answer.status = http.StatusPartialContent
	}
	span := "*"
	if n > 0 {
		span = fmt.Sprintf("%d-%d", w.offset, w.offset+n-1)
	}
	answer.set("Content-Type", "application/json; charset=utf-8")
	answer.set("Content-Range", span+"/"+size)
	answer.applied(q, "count")
	return answer, nil
}

// remove answers DELETE. docs.postgrest.org, Tables and Views, "Delete".
// Supabase loads pg-safeupdate for the API, hence the refusal of a bare DELETE.
func (s *Server) remove(ctx context.Context, conn *pgconn.PgConn, q *query) (response, error) {
	if q.values.Has("limit") || q.values.Has("offset") {
		return response{}, notModelled("limited deletes")
	}
	where, err := q.where()
	if err != nil {
		return response{}, err
	}
	if where == "" {
		return response{}, &pgconn.PgError{Code: "21000", Message: "DELETE requires a WHERE clause"}
	}
	cols, err := q.selection()
	if err != nil {
		return response{}, err
	}
	sql := "delete from " + q.from() + where
	return q.mutate(ctx, conn, sql, cols, http.StatusNoContent, http.StatusOK)
}

// update answers PATCH. docs.postgrest.org, Tables and Views, "Update". As for
// DELETE, pg-safeupdate refuses a bare one.
func (s *Server) update(ctx context.Context, conn *pgconn.PgConn, q *query) (response, error) {
	if q.values.Has("limit") || q.values.Has("offset") || q.values.Has("columns") {
		return response{}, notModelled("limited updates, and updates with ?columns=")
	}
	p, err := parsePayload(q.body, q.header.Get("Content-Type"), nil)
	if err != nil {
		return response{}, err
	}
	if !p.object || len(p.columns) == 0 {
		return response{}, notModelled("updates with another body than an object with columns")
	}
	rows, err := q.source(p)
	if err != nil {
		return response{}, err
	}
	where, err := q.where()
	if err != nil {
		return response{}, err
	}
	if where == "" {
		return response{}, &pgconn.PgError{Code: "21000", Message: "UPDATE requires a WHERE clause"}
	}
	cols, err := q.selection()
	if err != nil {
		return response{}, err
	}
	sql := "update " + q.from() + " set (" + idents(p.columns) + ") = (" + rows + ")" + where
	return q.mutate(ctx, conn, sql, cols, http.StatusNoContent, http.StatusOK)
}

// mutate runs a data-changing statement and answers with its rows only if that
// was asked for. docs.postgrest.org, Prefer Header, "Return Representation"
func (q *query) mutate(ctx context.Context, conn *pgconn.PgConn, sql string, cols []column, bare, full int) (
	response, error,
) {
	body, returning := "null", "1" // SqlFragment.hs, returningF: it asks for no right to SELECT
	wanted := q.prefer["return"] == "representation"
	if wanted {
		returning = exprs(cols)
		body = "(select coalesce(json_agg(pgrst_row), '[]') from (select * from source) pgrst_row)"
	}
	row, err := q.fetch(ctx, conn, fmt.Sprintf("with source as (%s returning %s) select count(*), %s, %s from source",
		sql, returning, insertedRows, body))
	if err != nil {
		return response{}, err
	}
	answer := response{status: bare}
	if answer.rows, err = strconv.Atoi(row[0]); err != nil {
		return response{}, err
	}
	if q.method == http.MethodPost && q.header.Get("Accept") == singular {
		if answer.rows != 1 { // MainTx.hs, failNotSingular; SingularSpec.hs, "the rows should not exist, either"
			err := pgrst(http.StatusNotAcceptable, "PGRST116", "Cannot coerce the result to a single JSON object")
			err.details = fmt.Sprintf("The result contains %d rows", answer.rows)
			return response{}, err
		}
		if wanted {
			return response{}, notModelled("one object as an answer")
		}
	}
	if wanted {
		answer.status, answer.body = full, []byte(row[2])
		answer.set("Content-Type", "application/json; charset=utf-8")
	}
	// docs.postgrest.org, Prefer Header, "resolution"; PostgREST PR 2926: an upsert
	// that only updated has created nothing.
	if answer.status == http.StatusCreated && row[1] == "0" && q.prefer["resolution"] == "merge-duplicates" {
		answer.status = http.StatusOK
	}
	size := "*"
	if q.prefer["count"] != "" {
		size = row[0]
	}
	span := "*"
	if q.method == http.MethodPatch && answer.rows > 0 { // Response.hs, actionResponse: of updates alone
		span = fmt.Sprintf("0-%d", answer.rows-1)
	}
	answer.set("Content-Range", span+"/"+size)
	if q.method != http.MethodPost || q.conflictTarget() == nil { // Response.hs, as above
		delete(q.prefer, "resolution")
	}
	answer.applied(q, "resolution", "return", "count", "tx")
	return answer, nil
}

// applied reports the preferences that had an effect.
func (r *response) applied(q *query, names ...string) {
	var used []string
	for _, name := range names {
		if v := q.prefer[name]; v != "" {
			used = append(used, name+"="+v)
		}
	}
	if used != nil {
		r.set("Preference-Applied", strings.Join(used, ", "))
	}
}

func exprs(cols []column) string {
	all := make([]string, len(cols))
	for i, c := range cols {
		all[i] = c.expr + " as " + c.as
	}
	return strings.Join(all, ", ")
}
