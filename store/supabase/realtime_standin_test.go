package supabase_test

import (
	"fmt"
	"testing"

	"github.com/gfxsync/gfxsync/store/supabase"
)

// applyHands applies the schema and what the SQL of the hands makes of it, as far as Realtime rests on it.
func (p *place) applyHands(t *testing.T) {
	t.Helper()
	p.Exec(t, supabase.SchemaSQL(p.schema, p.table))
	p.Exec(t, fmt.Sprintf(`set search_path = "%s";
		create table gfx_players (id uuid primary key default gen_random_uuid());
		create table gfx_hands (id uuid primary key default gen_random_uuid(), session_id bigint, position integer, hand_num integer);
		create table gfx_hand_players (id uuid primary key default gen_random_uuid());
		create table gfx_events (id uuid primary key default gen_random_uuid(), event_order integer);
		create table gfx_expand_sessions (session_id bigint primary key, file_hash text, stale boolean not null default false,
			changed integer[] not null default '{}', expanded_at timestamptz);
		grant all on gfx_hands, gfx_expand_sessions to service_role;
		reset search_path`, p.schema))
}
