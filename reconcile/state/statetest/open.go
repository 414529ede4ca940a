// Package statetest opens state files for tests.
package statetest

import (
	"path/filepath"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// Open opens a new state file, and closes it when the test ends.
func Open(t *testing.T) *state.State {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "pending.db"))
}

// OpenAt opens the state file at path, and closes it when the test ends.
func OpenAt(t *testing.T, path string) *state.State {
	t.Helper()
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
