package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	sqlite3 "modernc.org/sqlite"
)

// connector makes SQLite's connections, whose errors are explained wherever they come up: SQLite may find a file damaged, or its
// disk gone, at any row of any query.
type connector struct {
	driver  sqlite3.Driver
	dsn     string
	explain func(error) error
}

func openPool(dsn string, explain func(error) error) *sql.DB {
	return sql.OpenDB(&connector{dsn: dsn, explain: explain})
}

func (c *connector) Driver() driver.Driver { return &c.driver }

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	inner, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, c.explain(err)
	}
	of := inner.(sqliteConn)
	return &conn{sqliteConn: of, explain: c.explain, statements: statements{conn: of}}, nil
}

// sqliteConn is what database/sql makes use of in SQLite's connections.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

type conn struct {
	sqliteConn
	explain    func(error) error
	statements statements
}

// Close closes the connection, and first what was prepared on it.
func (c *conn) Close() error {
	return errors.Join(c.explain(c.statements.close()), c.explain(c.sqliteConn.Close()))
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	inner, err := c.sqliteConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, c.explain(err)
	}
	return &tx{inner, c.explain}, nil
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	inner, err := c.sqliteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.explain(err)
	}
	return &stmt{inner.(sqliteStmt), c.explain}, nil
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	kept, err := c.statements.get(ctx, query)
	if err != nil {
		return nil, c.explain(err)
	}
	if kept == nil {
		result, err := c.sqliteConn.ExecContext(ctx, query, args)
		return result, c.explain(err)
	}
	defer kept.free()
	result, err := kept.ExecContext(ctx, args)
	return result, c.explain(err)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	kept, err := c.statements.get(ctx, query)
	if err != nil {
		return nil, c.explain(err)
	}
	if kept == nil {
		inner, err := c.sqliteConn.QueryContext(ctx, query, args)
		return explainRows(inner, err, c.explain)
	}
	inner, err := kept.QueryContext(ctx, args)
	if err != nil {
		kept.free()
		return nil, c.explain(err)
	}
	return explainRows(&keptRows{inner, kept}, nil, c.explain)
}

type tx struct {
	driver.Tx
	explain func(error) error
}

func (t *tx) Commit() error   { return t.explain(t.Tx.Commit()) }
func (t *tx) Rollback() error { return t.explain(t.Tx.Rollback()) }

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct {
	sqliteStmt
	explain func(error) error
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, err := s.sqliteStmt.ExecContext(ctx, args)
	return result, s.explain(err)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	inner, err := s.sqliteStmt.QueryContext(ctx, args)
	return explainRows(inner, err, s.explain)
}

type rows struct {
	driver.Rows
	explain func(error) error
}

func explainRows(inner driver.Rows, err error, explain func(error) error) (driver.Rows, error) {
	if err != nil {
		return nil, explain(err)
	}
	return &rows{inner, explain}, nil
}

func (r *rows) Next(dest []driver.Value) error { return r.explain(r.Rows.Next(dest)) }
func (r *rows) Close() error                   { return r.explain(r.Rows.Close()) }
