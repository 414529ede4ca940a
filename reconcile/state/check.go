package state

import "context"

// Check reads the whole file, and tries whether it can be written, without changing it. Errors are those of
// sqlite.DB.Check.
func (s *State) Check(ctx context.Context) error { return s.db.Check(ctx) }
