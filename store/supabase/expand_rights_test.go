package supabase_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// Only service_role may read the hands. The tables have row level security without a policy. The views use the rights
// of the reader. Only service_role may call the functions.
func TestHandsAreShownToNobodyElse(t *testing.T) {
	t.Parallel()
	p := at(t, "public", "gfx_sessions", store.ByHash, "")
	p.Exec(t, supabase.SchemaParts{Hands: true}.SQL(p.schema, p.table, store.ByHash))
	p.upsert(t, p.record(t, 1, 3, "PC01"))
	p.Exec(t, `INSERT INTO gfx_expand_errors (session_id, position, sqlstate, message)
		VALUES (1, 0, 'XX000', 'a test')`)
	authenticated := p.JWT(map[string]any{"role": "authenticated"})
	for _, relation := range []string{
		"gfx_hands", "gfx_hand_players", "gfx_events", "gfx_players", "gfx_expand_sessions", "gfx_expand_errors",
		"gfx_expand_players", "gfx_expand_status",
	} {
		for _, token := range []string{p.AnonJWT, authenticated} {
			status, body := p.get(t, relation, token)
			if status == http.StatusOK && strings.TrimSpace(string(body)) != "[]" {
				t.Errorf("%s: HTTP %d, %.100s, want no row", relation, status, body)
			}
		}
		var seen []any
		status, body := p.get(t, relation, p.ServiceJWT)
		if err := json.Unmarshal(body, &seen); err != nil || len(seen) == 0 {
			t.Errorf("%s: HTTP %d, %.100s: service_role sees no row", relation, status, body)
		}
	}
	for _, token := range []string{p.AnonJWT, authenticated} { // the summary counts only rows that the reader may see
		if status, body := p.get(t, "gfx_expand_summary?hands=gt.0", token); status == http.StatusOK &&
			strings.TrimSpace(string(body)) != "[]" {
			t.Errorf("gfx_expand_summary: HTTP %d, %.200s", status, body)
		}
	}
	loose := p.query(t, `SELECT proname || ' by ' || r FROM pg_proc, unnest('{anon,authenticated}'::text[]) r
		WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'gfx\_expand%'
			AND has_function_privilege(r, oid, 'execute')`)
	if len(loose) > 0 {
		t.Errorf("functions that anybody may call: %q", loose)
	}
	redirected := p.query(t, `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		AND (proconfig IS NULL OR NOT 'search_path=""' = ANY (proconfig) OR prosecdef)`)
	if len(redirected) > 0 {
		t.Errorf("functions that a search path can redirect, or that run with other rights: %q", redirected)
	}
}
