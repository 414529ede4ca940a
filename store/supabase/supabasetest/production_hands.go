package supabasetest

// productionHands are the tables that graphics read, as the program that gfxsync replaces has made them. They have no
// rows.
const productionHands = `
create type SCHEMA.game_variant as enum ('HOLDEM', 'OMAHA', 'OMAHA_HILO', 'SHORT_DECK', 'STUD', 'RAZZ', 'DRAW');
create type SCHEMA.game_class as enum ('FLOP', 'STUD', 'DRAW', 'MIXED');
create type SCHEMA.bet_structure as enum ('NOLIMIT', 'POTLIMIT', 'LIMIT', 'SPREAD_LIMIT');
create type SCHEMA.event_type as enum ('FOLD', 'CHECK', 'CALL', 'BET', 'RAISE', 'ALL_IN', 'BOARD_CARD', 'ANTE', 'BLIND',
	'STRADDLE', 'BRING_IN', 'MUCK', 'SHOW', 'WIN');

create table SCHEMA.gfx_players (
	id                 uuid primary key default gen_random_uuid(),
	player_hash        text not null,
	name               text not null,
	long_name          text default '',
	total_hands_played integer default 0,
	total_sessions     integer default 0,
	first_seen_at      timestamptz default now(),
	last_seen_at       timestamptz default now(),
	created_at         timestamptz default now(),
	updated_at         timestamptz default now(),
	constraint uq_gfx_players_hash unique (player_hash)
);

create table SCHEMA.gfx_hands (
	id                       uuid primary key default gen_random_uuid(),
	session_id               bigint not null,
	hand_num                 integer not null,
	game_variant             SCHEMA.game_variant default 'HOLDEM',
	game_class               SCHEMA.game_class default 'FLOP',
	bet_structure            SCHEMA.bet_structure default 'NOLIMIT',
	duration_seconds         integer default 0,
	start_time               timestamptz not null,
	recording_offset_iso     text,
	recording_offset_seconds bigint,
	num_boards               integer default 1,
	run_it_num_times         integer default 1,
	ante_amt                 bigint default 0,
	bomb_pot_amt             bigint default 0,
	description              text default '',
	blinds                   jsonb default '{}',
	stud_limits              jsonb default '{}',
	pot_size                 bigint default 0,
	player_count             integer default 0,
	board_cards              text[] default '{}',
	winner_name              text,
	winner_seat              integer,
	created_at               timestamptz default now(),
	updated_at               timestamptz default now(),
	constraint uq_gfx_hands_session_hand unique (session_id, hand_num)
);

create table SCHEMA.gfx_hand_players (
	id                           uuid primary key default gen_random_uuid(),
	hand_id                      uuid not null references SCHEMA.gfx_hands (id) on delete cascade,
	player_id                    uuid references SCHEMA.gfx_players (id),
	seat_num                     integer not null check (seat_num between 1 and 10),
	player_name                  text not null,
	hole_cards                   text[] default '{}',
	has_shown                    boolean default false,
	start_stack_amt              bigint default 0,
	end_stack_amt                bigint default 0,
	cumulative_winnings_amt      bigint default 0,
	blind_bet_straddle_amt       bigint default 0,
	sitting_out                  boolean default false,
	elimination_rank             integer default -1,
	is_winner                    boolean default false,
	vpip_percent                 numeric(5, 2) default 0,
	preflop_raise_percent        numeric(5, 2) default 0,
	aggression_frequency_percent numeric(5, 2) default 0,
	went_to_showdown_percent     numeric(5, 2) default 0,
	created_at                   timestamptz default now(),
	constraint uq_gfx_hand_players_seat unique (hand_id, seat_num)
);

create table SCHEMA.gfx_events (
	id              uuid primary key default gen_random_uuid(),
	hand_id         uuid not null references SCHEMA.gfx_hands (id) on delete cascade,
	event_order     integer not null,
	event_type      SCHEMA.event_type not null,
	player_num      integer default 0,
	bet_amt         bigint default 0,
	pot             bigint default 0,
	board_cards     text,
	board_num       integer default 0,
	num_cards_drawn integer default 0,
	event_time      timestamptz,
	created_at      timestamptz default now(),
	constraint uq_gfx_events_order unique (hand_id, event_order)
);

create trigger update_gfx_players_updated_at before update on SCHEMA.gfx_players
	for each row execute function SCHEMA.update_updated_at_column();
create trigger update_gfx_hands_updated_at before update on SCHEMA.gfx_hands
	for each row execute function SCHEMA.update_updated_at_column();

alter table SCHEMA.gfx_players enable row level security;
alter table SCHEMA.gfx_hands enable row level security;
alter table SCHEMA.gfx_hand_players enable row level security;
alter table SCHEMA.gfx_events enable row level security;
create policy gfx_hands_select on SCHEMA.gfx_hands for select to authenticated using (true);
create policy gfx_hands_service on SCHEMA.gfx_hands for all to service_role using (true) with check (true);
`
