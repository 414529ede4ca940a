package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	sqlite3 "modernc.org/sqlite"
)

// connector makes connections that pass all errors through explain. SQLite may find that a file is corrupt, or that its
// disk is gone, at any row of any query.
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
	sc := inner.(sqliteConn)
	return &conn{sqliteConn: sc, explain: c.explain, statements: stmtCache{conn: sc}}, nil
}

// sqliteConn holds the methods of SQLite's connections that database/sql uses.
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
	statements stmtCache
}

// Close closes the prepared statements, then the connection.
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
	cached, err := c.statements.get(ctx, query)
	if err != nil {
		return nil, c.explain(err)
	}
	if cached == nil {
		result, err := c.sqliteConn.ExecContext(ctx, query, args)
		return result, c.explain(err)
	}
	defer cached.free()
	result, err := cached.ExecContext(ctx, args)
	return result, c.explain(err)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	cached, err := c.statements.get(ctx, query)
	if err != nil {
		return nil, c.explain(err)
	}
	if cached == nil {
		inner, err := c.sqliteConn.QueryContext(ctx, query, args)
		return explainRows(inner, err, c.explain)
	}
	inner, err := cached.QueryContext(ctx, args)
	if err != nil {
		cached.free()
		return nil, c.explain(err)
	}
	return explainRows(&cachedRows{inner, cached}, nil, c.explain)
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
