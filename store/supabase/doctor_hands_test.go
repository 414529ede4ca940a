package supabase_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// TestCheckOfHands: what is not up to date, or could not be expanded, is named, with what to do.
func TestCheckOfHands(t *testing.T) {
	t.Parallel()
	x := &expanding{at(t, "public", "gfx_sessions", store.ByHash, ""), false}
	x.Exec(t, withHands.SQL("public", "gfx_sessions", store.ByHash))
	finding := func() store.Finding {
		t.Helper()
		findings := remoteAt(t, x.URL, x.SecretKey, nil).Check(t.Context(), supabase.CheckOptions{Rows: madeUp(t)})
		return findings[len(findings)-1]
	}
	for _, step := range []struct {
		name, sql  string
		verdict    store.Verdict
		text, hint string
	}{
		{"all is well", ``, store.OK, "3 hands of 1 session", ""},
		{
			"a session is stale", `delete from gfx_hands where position = 1`, store.Warn, "1 session not up to date",
			"gfxsync reconcile",
		},
		{
			"a hand cannot be expanded", `update gfx_sessions set raw_json = jsonb_set(raw_json, '{Hands,0,HandNum}', '"x"')`,
			store.Warn, "1 could not be expanded, the first: session 1, hand x at position 0", "gfx_expand_errors",
		},
		{
			"no right", `revoke all on gfx_expand_summary from service_role`, store.Warn,
			"permission denied for view gfx_expand_summary", "schema --hands",
		},
		{"gone", `drop view gfx_expand_summary`, store.Skipped, "not set up", ""},
	} {
		if step.sql == "" {
			x.save(t, 1, sample.New(1).Play(3).JSON())
		} else {
			x.Exec(t, step.sql)
		}
		f := finding()
		if f.Part != "hands" || f.Verdict != step.verdict {
			t.Errorf("%s: %+v, want %s", step.name, f, step.verdict)
		}
		says(t, []store.Finding{f}, "hands", step.text, step.hint)
	}
}
