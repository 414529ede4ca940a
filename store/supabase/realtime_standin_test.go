package supabase_test

import (
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/supabase"
)

// applyHands applies the schema and a stand-in of what the SQL of the hands makes, as far as Realtime rests on it: the
// tables, and a row of gfx_expand_sessions that is written once for each save that changes a hand.
func (p *place) applyHands(t *testing.T) {
	t.Helper()
	p.Exec(t, supabase.SchemaSQL(p.schema, p.table))
	p.exec(t, strings.ReplaceAll(handsStandIn, "SCHEMA", `"`+p.schema+`"`))
}

const handsStandIn = `
create table SCHEMA.gfx_players (id uuid primary key default gen_random_uuid());
create table SCHEMA.gfx_hands (
	id uuid primary key default gen_random_uuid(), session_id bigint, position integer, hand_num integer,
	source_hash bigint, unique (session_id, position)
);
create table SCHEMA.gfx_hand_players (id uuid primary key default gen_random_uuid());
create table SCHEMA.gfx_events (id uuid primary key default gen_random_uuid(), event_order integer);
create table SCHEMA.gfx_expand_sessions (
	session_id bigint primary key, file_hash text, stale boolean not null default false,
	changed integer[] not null default '{}', expanded_at timestamptz
);
grant all on SCHEMA.gfx_hands, SCHEMA.gfx_expand_sessions to service_role;
create function SCHEMA.expand() returns trigger language plpgsql as $$
declare
	written integer[];
begin
	if (select count(*) from SCHEMA.gfx_hands h where h.session_id = new.session_id)
		> jsonb_array_length(new.raw_json -> 'Hands')
	then
		return null; -- an older version
	end if;
	with w as (
		insert into SCHEMA.gfx_hands as h (session_id, position, hand_num, source_hash)
		select new.session_id, n - 1, (x ->> 'HandNum')::integer, jsonb_hash_extended(x, 0)
		from jsonb_array_elements(new.raw_json -> 'Hands') with ordinality as x (x, n)
		on conflict (session_id, position) do update set source_hash = excluded.source_hash
		where h.source_hash <> excluded.source_hash
		returning position
	)
	select array_agg(position order by position) into written from w;
	if written is not null then
		insert into SCHEMA.gfx_expand_sessions (session_id, file_hash, changed, expanded_at)
		values (new.session_id, new.file_hash, written, clock_timestamp())
		on conflict (session_id) do update
		set file_hash = excluded.file_hash, changed = excluded.changed, expanded_at = excluded.expanded_at;
	end if;
	return null;
end
$$;
create trigger expand after insert or update on TABLE! for each row execute function SCHEMA.expand();
`
