package state_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

// An operator's consent to missing files is for the pass that the operator asked for. It does not hold for a pass that
// another agent runs later.
func TestAConsentIsNotReplayed(t *testing.T) {
	for name, begun := range map[string]bool{"begun": true, "not begun": false} {
		t.Run(name, func(t *testing.T) {
			s := open(t, newPath(t))
			ask := func(options any) {
				t.Helper()
				update(t, s, func(v state.View) error {
					id, err := v.Passes.Request(t.Context(), "reconcile", "quick", options)
					if err == nil && begun {
						err = v.Passes.Begin(t.Context(), id)
					}
					return err
				})
			}
			ask(map[string]bool{"accept_missing": true})
			ask(map[string]bool{})
			update(t, s, func(v state.View) error { return v.Passes.RequeueUnfinished(t.Context()) })
			var again []string
			for {
				pass, err := s.Passes.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if pass == nil {
					break
				}
				again = append(again, string(pass.Options))
				update(t, s, func(v state.View) error { return v.Passes.Begin(t.Context(), pass.ID) })
			}
			if len(again) != 1 || again[0] != "{}" {
				t.Errorf("made again: %q, want the pass without a consent alone", again)
			}
		})
	}
}
