package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Notes are named values that outlive the process.
type Notes struct {
	q sqlite.Querier
}

// Set stores a value as JSON under a name. It replaces the old value.
func (n Notes) Set(ctx context.Context, name string, value any) error {
	b, err := json.Marshal(value)
	if err == nil {
		_, err = n.q.ExecContext(ctx, `INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)`, name, string(b))
	}
	if err != nil {
		return fmt.Errorf("note %s: %w", name, err)
	}
	return nil
}

// Get decodes the value of a name into the pointer, and reports whether there is one.
func (n Notes) Get(ctx context.Context, name string, into any) (bool, error) {
	var text string
	err := n.q.QueryRowContext(ctx, `SELECT value FROM notes WHERE name = ?`, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), into)
	}
	if err != nil {
		return false, fmt.Errorf("note %s: %w", name, err)
	}
	return true, nil
}
