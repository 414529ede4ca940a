package state

import (
	"context"
	"fmt"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// Adopt makes the file fit the settings of this agent: its roots, the scopes of its hashes, and whether its remote has
// one row for each session. Files of other roots become gone. What the file knows of the remote in other scopes, or in
// the other kind of table, is forgotten. The next diff finds it again.
func (v View) Adopt(ctx context.Context, roots, scopes []string, bySession bool) error {
	inRoots, rootArgs := sqlite.In(roots)
	inScopes, scopeArgs := sqlite.In(scopes)
	type statement struct {
		text string
		args []any
	}
	statements := []statement{
		{`UPDATE files SET state = 'gone' WHERE state <> 'gone' AND root NOT IN ` + inRoots, rootArgs},
		{`DELETE FROM remote_hashes WHERE scope NOT IN ` + inScopes, scopeArgs},
	}
	if bySession {
		statements = append(statements, statement{`DELETE FROM remote_hashes WHERE session_id IS NULL`, nil})
	} else {
		statements = append(statements,
			statement{`UPDATE remote_hashes SET session_id = NULL WHERE session_id IS NOT NULL`, nil},
			statement{`UPDATE files SET state = 'pending' WHERE state = 'superseded'`, nil})
	}
	for _, s := range statements {
		if _, err := v.q.ExecContext(ctx, s.text, s.args...); err != nil {
			return fmt.Errorf("adopt the queue database: %w", err)
		}
	}
	return v.forgetColumnHands(ctx)
}

// noteHandsFromContent is the name of a note. It says that forgetColumnHands has done its work.
const noteHandsFromContent = "hands from content"

// forgetColumnHands forgets, once, the versions that an older gfxsync has found on the remote. It took their number of
// hands from the column hand_count, which other programs rewrite. The next diff finds them again.
func (v View) forgetColumnHands(ctx context.Context) error {
	var done bool
	if _, err := v.Notes.Get(ctx, noteHandsFromContent, &done); err != nil || done {
		return err
	}
	_, err := v.q.ExecContext(ctx, `DELETE FROM remote_hashes WHERE session_id IS NOT NULL AND NOT own`)
	if err != nil {
		return fmt.Errorf("adopt the queue database: %w", err)
	}
	return v.Notes.Set(ctx, noteHandsFromContent, true)
}
