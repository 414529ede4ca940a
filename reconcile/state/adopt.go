package state

import (
	"context"
	"fmt"
	"strings"
)

// Adopt makes what the file says fit an agent that has these roots, in which hashes count by these scopes, and whose remote has one
// row for each session or not. What the last agent knew of other roots is history; what it knew of the remote in other terms is
// forgotten, and found again by the next diff.
func (v View) Adopt(ctx context.Context, roots, scopes []string, bySession bool) error {
	statements := []struct {
		text string
		args []string
	}{
		{`UPDATE files SET state = 'gone' WHERE state <> 'gone' AND root NOT IN `, roots},
		{`DELETE FROM remote_hashes WHERE scope NOT IN `, scopes},
	}
	for _, s := range statements {
		args := make([]any, len(s.args))
		for i := range s.args {
			args[i] = s.args[i]
		}
		if _, err := v.q.ExecContext(ctx, s.text+`(`+strings.TrimSuffix(strings.Repeat("?, ", len(args)), ", ")+`)`, args...); err != nil {
			return fmt.Errorf("adopt the queue database: %w", err)
		}
	}
	rest := []string{`UPDATE remote_hashes SET session_id = NULL WHERE session_id IS NOT NULL`, `UPDATE files SET state = 'pending' WHERE state = 'superseded'`}
	if bySession {
		rest = []string{`DELETE FROM remote_hashes WHERE session_id IS NULL`}
	}
	for _, text := range rest {
		if _, err := v.q.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("adopt the queue database: %w", err)
		}
	}
	return v.forgetColumnHands(ctx)
}
