package supabase_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// realtimeSchema stands in for Realtime in a project. It has Realtime's function and table for sending, the rights on
// them, and the publication. A message is a row. A failure is a warning, not an error. (github.com/supabase/realtime,
// lib/realtime/tenants/repo/migrations: RedefineAuthorizationTables, MessagesPartitioning, BroadcastSendErrorLogging.)
const realtimeSchema = `
create schema realtime;
grant usage on schema realtime to anon, authenticated, service_role;
create table realtime.messages (
	topic       text not null,
	extension   text not null,
	payload     jsonb,
	event       text,
	private     boolean default false,
	updated_at  timestamp not null default now(),
	inserted_at timestamp not null default now(),
	id          uuid not null default gen_random_uuid(),
	primary key (id, inserted_at)
) partition by range (inserted_at);
create table realtime.messages_today partition of realtime.messages for values from ('2000-01-01') to ('2100-01-01');
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
create function realtime.topic() returns text language sql stable as $$
	select nullif(current_setting('realtime.topic', true), '')
$$;
create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
language plpgsql as $$
begin
	perform set_config('realtime.topic', topic, true);
	insert into realtime.messages (payload, event, topic, private, extension)
	values (send.payload, send.event, send.topic, send.private, 'broadcast');
exception when others then
	raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;
create publication supabase_realtime;
`

// messagesSQL selects the topic and the content of every message.
const messagesSQL = `select concat_ws(' ', topic, event, private, extension, payload - 'id') from realtime.messages
	order by payload ->> 'session_id', payload::text`

// notices applies SQL and returns the notices and warnings that it raises.
func notices(t *testing.T, p *place, sql string) (raised []string) {
	t.Helper()
	config := p.DB().Config().ConnConfig
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { raised = append(raised, n.Severity+": "+n.Message) }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the test is over
	if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	return raised
}

// In a database without Realtime, the SQL says so and changes nothing.
func TestRealtimeIsMissing(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, "")
	p.apply(t)
	before := p.QueryStrings(t, catalogSQL)
	for _, schema := range []string{"", `create schema realtime`} {
		p.exec(t, schema)
		if schema != "" {
			before = p.QueryStrings(t, catalogSQL)
		}
		for _, sql := range []string{
			supabase.RealtimeSQL(p.schema, p.table), supabase.PublicationSQL(p.schema, p.table),
		} {
			raised := notices(t, p, sql)
			if len(raised) != 1 || !strings.HasPrefix(raised[0], "NOTICE: gfxsync: this database has no ") ||
				!strings.Contains(raised[0], "Nothing was changed.") {
				t.Errorf("with %q: notices %q", schema, raised)
			}
			if after := p.QueryStrings(t, catalogSQL); !slices.Equal(after, before) {
				t.Errorf("with %q it changes:\n%s", schema, differing(before, after))
			}
		}
	}
}

// Without the tables of hands there is nothing to announce. The error says so, and what to do.
func TestRealtimeWithoutHands(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, realtimeSchema)
	p.apply(t)
	for _, sql := range []string{
		supabase.RealtimeSQL(p.schema, p.table), supabase.PublicationSQL(p.schema, p.table),
	} {
		_, err := p.DB().Exec(t.Context(), sql)
		pgErr, ok := err.(*pgconn.PgError) //nolint:errorlint // pgx does not wrap it
		if !ok || pgErr.Code != "42P01" || !strings.Contains(pgErr.Hint, "gfxsync schema --hands") {
			t.Errorf("error %v", err)
		}
	}
}

// announced makes a table whose hands are announced.
func announced(t *testing.T, schema, table string, production string) *place {
	t.Helper()
	p := at(t, schema, table, store.ByHash, production)
	p.Exec(t, realtimeSchema)
	p.applyHands(t)
	p.Exec(t, supabase.RealtimeSQL(schema, table))
	return p
}

// published returns the tables in the publication of Realtime.
const publishedSQL = `select r.prrelid::regclass || ' ' || r.xmin from pg_publication_rel r order by 1`

func TestRealtimeAppliedAgainChangesNothing(t *testing.T) {
	t.Parallel()
	for schema, table := range map[string]string{"public": "gfx_sessions", "Gfx_2": "Gfx_Sessions"} {
		p := announced(t, schema, table, "")
		p.Exec(t, supabase.PublicationSQL(schema, table))
		state := func() []string {
			return append(p.QueryStrings(t, catalogSQL), p.QueryStrings(t, publishedSQL)...)
		}
		before := state()
		for _, path := range []string{"public", `"$user", public, pg_catalog`, "pg_catalog"} {
			for _, sql := range []string{supabase.RealtimeSQL(schema, table), supabase.PublicationSQL(schema, table)} {
				if locks := applyIn(t, p, path, sql); len(locks) > 0 {
					t.Errorf("%s, with the search path %s it locks: %q", schema, path, locks)
				}
			}
			if after := state(); !slices.Equal(after, before) {
				t.Errorf("%s, with the search path %s it changes:\n%s", schema, path, differing(before, after))
			}
		}
	}
}

// Only the trigger may call the function. It runs with the rights of the writer.
func TestRealtimeFunctionIsNobodys(t *testing.T) {
	t.Parallel()
	p := announced(t, "public", "gfx_sessions", "")
	got := p.query(t, `select r.rolname from pg_proc f, pg_roles r where f.proname = 'gfx_announce_hands'
		and r.rolname in ('anon', 'authenticated', 'service_role') and has_function_privilege(r.oid, f.oid, 'execute')`)
	if len(got) > 0 {
		t.Errorf("%q may call it", got)
	}
	if got := p.query(t, `select prosecdef || ' ' || array_to_string(proconfig, ',') from pg_proc
		where proname = 'gfx_announce_hands'`); !slices.Equal(got, []string{`false search_path=""`}) {
		t.Errorf("security definer and settings: %q", got)
	}
}

// A publication of all tables needs no change. PostgreSQL would refuse to add a table to it.
func TestPublicationOfEverything(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, realtimeSchema+`drop publication supabase_realtime;
		create publication supabase_realtime for all tables`)
	p.applyHands(t)
	if raised := notices(t, p, supabase.PublicationSQL(p.schema, p.table)); len(raised) > 0 {
		t.Errorf("notices %q", raised)
	}
}

// PostgreSQL refuses every update of a published table without a replica identity. That must not happen to a table that
// is written at every save.
func TestPublicationLeavesOutWhatItWouldBlock(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, realtimeSchema)
	p.applyHands(t)
	p.exec(t, `alter table gfx_events drop constraint gfx_events_pkey`)
	raised := notices(t, p, supabase.PublicationSQL(p.schema, p.table))
	if len(raised) != 1 || !strings.Contains(raised[0], "gfx_events has no primary key") {
		t.Errorf("notices %q", raised)
	}
	got := p.query(t, `select prrelid::regclass from pg_publication_rel order by prrelid::regclass::text`)
	if want := []string{"gfx_hand_players", "gfx_hands", "gfx_players"}; !slices.Equal(got, want) {
		t.Errorf("published: %q, want %q", got, want)
	}
	p.exec(t, `update gfx_events set event_order = 1; alter table gfx_events replica identity full`)
	if raised := notices(t, p, supabase.PublicationSQL(p.schema, p.table)); len(raised) > 0 {
		t.Errorf("notices %q", raised)
	}
	if got := p.query(t, `select count(*) from pg_publication_rel`); got[0] != "4" {
		t.Errorf("%s tables published, want 4", got[0])
	}
}

// applyHands applies the schema with the hands, which Realtime requires.
func (p *place) applyHands(t *testing.T) {
	t.Helper()
	p.Exec(t, withHands.SQL(p.schema, p.table))
}
