package supabasetest

import "strings"

// ProductionTable is the table gfx_sessions as a project has it that another program has filled before. Its SQL is
// for WithSQL or Exec, in a database without a table.
type ProductionTable struct {
	Name   string // what is particular about it
	Schema string // "public", or the schema that WithSchemas must name
	SQL    string
	// Unfilled is the column that refuses every row of gfxsync: it must not be null, has no default, and no record
	// fills it. It is empty where rows can be stored.
	Unfilled string
}

// ProductionTables are the variants of the table that are in use. All are unique on session_id and on file_hash, have
// a trigger that sets updated_at, row level security, and a function refresh_hand_counts that rewrites hand_count
// from gfx_hands, often to 0. None has rows.
var ProductionTables = []ProductionTable{
	{Name: "unique on session and hash", Schema: "public", SQL: production("")},
	{Name: "raw_json may be null", Schema: "public", SQL: production(`
		alter table gfx_sessions alter raw_json drop not null;`)},
	{Name: "with gfx_pc_id and sync_source", Schema: "public", SQL: production(`
		alter table gfx_sessions add gfx_pc_id text, add sync_source text default 'nas_central';`)},
	{Name: "gfx_pc_id not null", Schema: "public", SQL: production(`
		alter table gfx_sessions add gfx_pc_id text not null, add sync_source text default 'nas_central',
			add constraint uq_gfx_sessions_pc_hash unique (gfx_pc_id, file_hash);`)},
	{Name: "columns of another loader", Schema: "public", Unfilled: "loader_run", SQL: production(`
		alter table gfx_sessions add loader_run uuid not null, add loader_version text not null;`)},
	{Name: "schema json with a bigint id", Schema: "json", Unfilled: "id", SQL: "create schema json;" +
		productionIn("json", "bigint", "") + `
		grant usage on schema json to anon, authenticated, service_role;
		grant all on all tables in schema json to anon, authenticated, service_role;`},
}

// production is the SQL of the table in the schema public, and then of what a variant changes.
func production(variant string) string {
	return productionIn("public", "uuid", "default gen_random_uuid()") + variant
}

func productionIn(schema, idType, idDefault string) string {
	r := strings.NewReplacer("SCHEMA.", schema+".", "ID_TYPE", idType, "ID_DEFAULT", idDefault)
	return r.Replace(productionTable)
}

const productionTable = `
create type SCHEMA.table_type as enum ('FEATURE_TABLE', 'MAIN_TABLE', 'FINAL_TABLE', 'SIDE_TABLE', 'UNKNOWN');
create type SCHEMA.gfx_sync_status as enum ('pending', 'synced', 'updated', 'failed', 'archived');

create table SCHEMA.gfx_sessions (
	id                     ID_TYPE not null ID_DEFAULT primary key,
	session_id             bigint not null,
	file_name              text not null,
	file_hash              text not null,
	nas_path               text,
	table_type             SCHEMA.table_type not null default 'UNKNOWN',
	event_title            text default '',
	software_version       text default '',
	payouts                integer[] default '{}',
	hand_count             integer default 0,
	player_count           integer default 0,
	total_duration_seconds integer default 0,
	session_created_at     timestamptz,
	session_start_time     timestamptz,
	session_end_time       timestamptz,
	raw_json               jsonb not null,
	sync_status            SCHEMA.gfx_sync_status default 'pending',
	sync_error             text,
	processed_at           timestamptz default now(),
	created_at             timestamptz default now(),
	updated_at             timestamptz default now(),
	constraint uq_gfx_sessions_session_id unique (session_id),
	constraint uq_gfx_sessions_file_hash unique (file_hash)
);

create function SCHEMA.update_updated_at_column() returns trigger language plpgsql as $body$
begin
	new.updated_at = now();
	return new;
end
$body$;
create trigger update_gfx_sessions_updated_at before update on SCHEMA.gfx_sessions
	for each row execute function SCHEMA.update_updated_at_column();

alter table SCHEMA.gfx_sessions enable row level security;
create policy gfx_sessions_select on SCHEMA.gfx_sessions for select to authenticated using (true);
create policy gfx_sessions_select_service on SCHEMA.gfx_sessions for select to service_role using (true);
create policy gfx_sessions_insert on SCHEMA.gfx_sessions for insert to service_role with check (true);
create policy gfx_sessions_update on SCHEMA.gfx_sessions for update to service_role using (true) with check (true);

` + productionHands + `
create table SCHEMA.gfx_session_links (
	id      bigint generated always as identity primary key,
	session ID_TYPE references SCHEMA.gfx_sessions (id)
);

create function SCHEMA.refresh_hand_counts() returns void language sql as $body$
	update SCHEMA.gfx_sessions s
	set hand_count = (select count(*) from SCHEMA.gfx_hands h where h.session_id = s.session_id)
$body$;
`
