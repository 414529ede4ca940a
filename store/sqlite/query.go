package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"
)

// Querier is what *sql.DB and *sql.Tx have in common. The same statements run through it alone or in a transaction.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Row is what *sql.Row and *sql.Rows have in common.
type Row interface {
	Scan(dest ...any) error
}

// Rows runs a query and yields the rows of its result, one at a time. It closes the result when the loop ends. If the
// query fails, the last pair holds the error and no row.
func Rows(ctx context.Context, q Querier, query string, args ...any) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			if !yield(rows, nil) {
				return
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			yield(nil, err)
		}
	}
}

// Select runs a query and returns what scan makes of each row of its result.
func Select[T any](ctx context.Context, q Querier, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	var list []T
	for row, err := range Rows(ctx, q, query, args...) {
		if err != nil {
			return nil, err
		}
		v, err := scan(row)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// Column scans a row that has one column. It is for Select.
func Column[T any](row Row) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// In returns a list of placeholders for the operator IN, such as "(?, ?)", and the arguments for them.
func In[T any](values []T) (placeholders string, args []any) {
	for _, v := range values {
		args = append(args, v)
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ") + ")", args
}
