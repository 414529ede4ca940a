-- The tables that graphics read, and the expansion's own tables. An existing table keeps its keys, types, checks and
-- triggers. It gets the columns that distinguish the versions of a hand. Values for which it has no column are left
-- out.
DO $gfxsync$
DECLARE
	item  text;
	needed text;
	added text;
BEGIN
	{{- template "patience"}}
	IF to_regclass('{{.Schema}}.gfx_players') IS NULL THEN
		CREATE TABLE {{.Schema}}.gfx_players (
			id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
			player_hash        text NOT NULL UNIQUE, -- md5(lower(trim(Name)) || ':' || lower(trim(LongName)))
			name               text NOT NULL DEFAULT '',
			long_name          text NOT NULL DEFAULT '',
			total_hands_played integer NOT NULL DEFAULT 0,
			total_sessions     integer NOT NULL DEFAULT 0,
			first_seen_at      timestamptz,
			last_seen_at       timestamptz,
			created_at         timestamptz NOT NULL DEFAULT now(),
			updated_at         timestamptz NOT NULL DEFAULT now()
		);
	END IF;
	IF to_regclass('{{.Schema}}.gfx_hands') IS NULL THEN
		CREATE TABLE {{.Schema}}.gfx_hands (
			id                       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
			session_id               bigint NOT NULL,
			-- index in the list Hands of the file; two hands may have the same HandNum
			position                 integer NOT NULL,
			hand_num                 bigint NOT NULL,
			game_variant             text,
			game_class               text,
			bet_structure            text,
			duration_seconds         bigint NOT NULL DEFAULT 0,
			start_time               timestamptz NOT NULL,
			recording_offset_iso     text,
			recording_offset_seconds bigint,
			num_boards               integer NOT NULL DEFAULT 1,
			run_it_num_times         integer NOT NULL DEFAULT 1,
			ante_amt                 bigint NOT NULL DEFAULT 0,
			bomb_pot_amt             bigint NOT NULL DEFAULT 0,
			description              text NOT NULL DEFAULT '',
			blinds                   jsonb,
			stud_limits              jsonb,
			player_count             integer NOT NULL DEFAULT 0,
			pot_size                 bigint NOT NULL DEFAULT 0,
			board_cards              text[] NOT NULL DEFAULT '{}',
			winner_name              text,
			winner_seat              integer,
			source_hash              bigint,
			session_id_text          text GENERATED ALWAYS AS (session_id::text) STORED,
			created_at               timestamptz NOT NULL DEFAULT now(),
			updated_at               timestamptz NOT NULL DEFAULT now(),
			UNIQUE (session_id, position)
		);
	END IF;
	IF to_regclass('{{.Schema}}.gfx_hand_players') IS NULL THEN
		CREATE TABLE {{.Schema}}.gfx_hand_players (
			id                           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
			hand_id                      uuid NOT NULL REFERENCES {{.Schema}}.gfx_hands (id) ON DELETE CASCADE,
			player_id                    uuid REFERENCES {{.Schema}}.gfx_players (id),
			seat_num                     integer NOT NULL,
			player_name                  text NOT NULL DEFAULT '',
			hole_cards                   text[] NOT NULL DEFAULT '{}',
			has_shown                    boolean NOT NULL DEFAULT false,
			start_stack_amt              bigint NOT NULL DEFAULT 0,
			end_stack_amt                bigint NOT NULL DEFAULT 0,
			cumulative_winnings_amt      bigint NOT NULL DEFAULT 0,
			blind_bet_straddle_amt       bigint NOT NULL DEFAULT 0,
			sitting_out                  boolean NOT NULL DEFAULT false,
			elimination_rank             integer NOT NULL DEFAULT -1,
			is_winner                    boolean NOT NULL DEFAULT false,
			vpip_percent                 numeric NOT NULL DEFAULT 0,
			preflop_raise_percent        numeric NOT NULL DEFAULT 0,
			aggression_frequency_percent numeric NOT NULL DEFAULT 0,
			went_to_showdown_percent     numeric NOT NULL DEFAULT 0,
			created_at                   timestamptz NOT NULL DEFAULT now(),
			UNIQUE (hand_id, seat_num)
		);
	END IF;
	IF to_regclass('{{.Schema}}.gfx_events') IS NULL THEN
		CREATE TABLE {{.Schema}}.gfx_events (
			id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
			hand_id         uuid NOT NULL REFERENCES {{.Schema}}.gfx_hands (id) ON DELETE CASCADE,
			event_order     integer NOT NULL,
			event_type      text NOT NULL,
			player_num      integer NOT NULL DEFAULT 0,
			bet_amt         bigint NOT NULL DEFAULT 0,
			pot             bigint NOT NULL DEFAULT 0,
			board_cards     text,
			board_num       integer NOT NULL DEFAULT 0,
			num_cards_drawn integer NOT NULL DEFAULT 0,
			event_time      timestamptz,
			created_at      timestamptz NOT NULL DEFAULT now(),
			UNIQUE (hand_id, event_order)
		);
	END IF;
	SELECT string_agg(format('ADD COLUMN %I %s', c.name, c.type), ', ' ORDER BY c.place) INTO added
	FROM (VALUES
		(1, 'position', 'integer'), (2, 'source_hash', 'bigint'),
		(3, 'session_id_text', 'text GENERATED ALWAYS AS (session_id::text) STORED')
	) AS c (place, name, type)
	WHERE NOT EXISTS (
		SELECT FROM pg_attribute a
		WHERE a.attrelid = '{{.Schema}}.gfx_hands'::regclass AND a.attname = c.name AND NOT a.attisdropped
	);
	IF added IS NOT NULL THEN
		EXECUTE 'ALTER TABLE {{.Schema}}.gfx_hands ' || added;
	END IF;
	IF to_regclass('{{.Schema}}.gfx_hands_gfxsync_source') IS NULL THEN
		CREATE INDEX gfx_hands_gfxsync_source ON {{.Schema}}.gfx_hands (session_id) INCLUDE (source_hash);
	END IF;
	IF to_regclass('{{.Schema}}.gfx_hand_players_gfxsync_player') IS NULL THEN
		CREATE INDEX gfx_hand_players_gfxsync_player ON {{.Schema}}.gfx_hand_players (player_id);
	END IF;
	IF ({{template "hands key" .}}) IS NULL THEN
		CREATE UNIQUE INDEX gfx_hands_gfxsync_key ON {{.Schema}}.gfx_hands (session_id, position);
	END IF;

	-- What was expanded for each session.
	IF to_regclass('{{.Schema}}.gfx_expand_sessions') IS NULL THEN
		CREATE TABLE {{.Schema}}.gfx_expand_sessions (
			session_id  bigint PRIMARY KEY,
			file_hash   text, -- hash of the version whose hands are in the tables
			mapping     integer, -- number of the mapping that was used
			hands       integer NOT NULL DEFAULT 0,
			repeated    integer NOT NULL DEFAULT 0, -- hands that are left out because a later one has the same HandNum
			errors      integer NOT NULL DEFAULT 0,
			-- number of rows in gfx_hands; digest is the XOR of their source_hash
			rows        integer NOT NULL DEFAULT 0,
			digest      bigint,
			stale       boolean NOT NULL DEFAULT false,
			changed     integer[] NOT NULL DEFAULT '{}', -- positions that the last expansion wrote
			expanded_at timestamptz
		);
	END IF;
	-- Hands that could not be expanded, and why. Position -1 stands for the whole session.
	IF to_regclass('{{.Schema}}.gfx_expand_errors') IS NULL THEN
		CREATE TABLE {{.Schema}}.gfx_expand_errors (
			session_id  bigint NOT NULL,
			position    integer NOT NULL,
			hand_num    text,
			sqlstate    text NOT NULL,
			message     text NOT NULL,
			occurred_at timestamptz NOT NULL DEFAULT now(),
			PRIMARY KEY (session_id, position)
		);
	END IF;
	-- What each player has played in each session. The totals in gfx_players are sums over this table.
	IF to_regclass('{{.Schema}}.gfx_expand_players') IS NULL THEN
		CREATE TABLE {{.Schema}}.gfx_expand_players (
			session_id    bigint NOT NULL,
			player_hash   text NOT NULL,
			hands         integer NOT NULL,
			first_seen_at timestamptz,
			last_seen_at  timestamptz,
			PRIMARY KEY (player_hash, session_id)
		);
		CREATE INDEX gfx_expand_players_session ON {{.Schema}}.gfx_expand_players (session_id);
	END IF;

	-- Other roles need a policy for each of the tables in order to read, for example
	--   CREATE POLICY readers ON {{.Schema}}.gfx_hands FOR SELECT TO authenticated USING (true);
	FOREACH item IN ARRAY ARRAY['gfx_players', 'gfx_hands', 'gfx_hand_players', 'gfx_events', 'gfx_expand_sessions',
		'gfx_expand_errors', 'gfx_expand_players']
	LOOP
		IF NOT (
			SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = format('%s.%I', '{{.Schema}}', item)::regclass
		) THEN
			EXECUTE format('ALTER TABLE %s.%I ENABLE ROW LEVEL SECURITY', '{{.Schema}}', item);
		END IF;
		FOREACH needed IN ARRAY ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] LOOP
			IF NOT has_table_privilege('service_role', format('%s.%I', '{{.Schema}}', item)::regclass, needed) THEN
				EXECUTE format('GRANT %s ON %s.%I TO service_role', needed, '{{.Schema}}', item);
			END IF;
		END LOOP;
	END LOOP;
END
$gfxsync$;
