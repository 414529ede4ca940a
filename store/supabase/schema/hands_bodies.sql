{{- /* The functions of the expansion. SQL comments between slash and star are replaced by text from the catalogue: the
columns, terms and sets of each table, key, stands, match, left, winner and constraints. */ -}}

{{define "expand write" -}}
-- If a player or an event cannot be stored, the whole hand fails.
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand_write(
		expand_session bigint, positions integer[], hashes bigint[], hands jsonb[]
	) RETURNS void LANGUAGE plpgsql SET timezone = 'UTC' {{template "settings"}} AS $body$
	#variable_conflict use_column
	DECLARE
		written uuid[];
		random  CONSTANT text := replace(gen_random_uuid()::text, '-', '');
		-- The beginning of a UUID of version 7 (RFC 9562). The IDs of players and events are ascending, because an
		-- index takes ascending keys faster than random ones.
		ids     CONSTANT text := lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
			|| substr(random, 1, 3) || '8' || substr(random, 21, 7);
	BEGIN
		/*constraints*/
		-- New players are rare. Only one transaction at a time adds them, and it waits for nobody then. Two
		-- transactions that add the same players in different orders would deadlock.
		PERFORM FROM unnest(hands) AS u (j) CROSS JOIN LATERAL {{template "players"}} AS p (j, n)
		WHERE NOT EXISTS (SELECT FROM {{.Schema}}.gfx_players x WHERE x.player_hash = {{template "player hash"}});
		IF FOUND THEN
			PERFORM pg_advisory_xact_lock(hashtextextended('gfx_players {{.Schema}}', 0));
			INSERT INTO {{.Schema}}.gfx_players (player_hash, name, long_name)
			SELECT DISTINCT ON (1) {{template "player hash"}}, coalesce(p.j ->> 'Name', ''),
				coalesce(p.j ->> 'LongName', '')
			FROM unnest(hands) WITH ORDINALITY AS u (j, n) CROSS JOIN LATERAL {{template "players"}} AS p (j, n)
			ORDER BY 1, u.n, p.n
			ON CONFLICT (player_hash) DO NOTHING;
		END IF;

		INSERT INTO {{.Schema}}.gfx_hands (/*gfx_hands columns*/)
		SELECT /*gfx_hands terms*/
		FROM (
			SELECT u.position, u.hash, u.j, jsonb_array_length({{template "list" "Players"}}) AS players, e.pot,
				e.board, w.winner, w.seat
			FROM unnest(positions, hashes, hands) AS u (position, hash, j)
			CROSS JOIN LATERAL (
				SELECT max((e.j ->> 'Pot')::numeric) AS pot,
					array_agg({{template "card"}} ORDER BY e.n) FILTER (
						WHERE e.j ->> 'EventType' IN ('BOARD CARD', 'BOARD_CARD') AND {{template "card"}} <> ''
					) AS board
				FROM jsonb_array_elements({{template "list" "Events"}}) WITH ORDINALITY AS e (j, n)
			) AS e
			LEFT JOIN LATERAL (
				SELECT p.j ->> 'Name' AS winner, p.j ->> 'PlayerNum' AS seat
				FROM {{template "players"}} AS p (j, n)
				WHERE {{template "gain"}} > 0
				ORDER BY {{template "gain"}} DESC, p.n LIMIT 1
			) AS w ON true
		) AS g
		ON CONFLICT (session_id, /*key*/) DO UPDATE SET /*gfx_hands sets*/;

		written := ARRAY(
			SELECT h.id FROM unnest(positions, hands) AS u (position, j)
			JOIN {{.Schema}}.gfx_hands h ON h.session_id = expand_session AND /*match*/
		);
		DELETE FROM {{.Schema}}.gfx_hand_players x WHERE x.hand_id = ANY (written);
		DELETE FROM {{.Schema}}.gfx_events x WHERE x.hand_id = ANY (written);

		INSERT INTO {{.Schema}}.gfx_hand_players (/*gfx_hand_players columns*/)
		SELECT /*gfx_hand_players terms*/
		FROM (
			SELECT h.id, u.j, u.o FROM unnest(positions, hands) WITH ORDINALITY AS u (position, j, o)
			JOIN {{.Schema}}.gfx_hands h ON h.session_id = expand_session AND /*match*/
		) AS g
		CROSS JOIN LATERAL (
			SELECT p.j, p.n, x.id AS player_id, array_remove(string_to_array(CASE jsonb_typeof(p.j -> 'HoleCards')
				WHEN 'array' THEN array_to_string(ARRAY(SELECT jsonb_array_elements_text(p.j -> 'HoleCards')), ' ')
				ELSE coalesce(p.j ->> 'HoleCards', '') END, ' '), '') AS cards
			FROM (SELECT g.j) AS u, {{template "players"}} AS p (j, n)
			JOIN {{.Schema}}.gfx_players x ON x.player_hash = {{template "player hash"}}
			OFFSET 0
		) AS p;

		INSERT INTO {{.Schema}}.gfx_events (/*gfx_events columns*/)
		SELECT /*gfx_events terms*/
		FROM (
			SELECT h.id, u.j, u.o FROM unnest(positions, hands) WITH ORDINALITY AS u (position, j, o)
			JOIN {{.Schema}}.gfx_hands h ON h.session_id = expand_session AND /*match*/
		) AS g
		CROSS JOIN LATERAL (SELECT g.j) AS u
		CROSS JOIN LATERAL jsonb_array_elements({{template "list" "Events"}}) WITH ORDINALITY AS e (j, n);
	END
	$body$
{{- end}}

{{- /* Plans are cached, and some were made while the tables were empty. Such a plan must not read whole tables later.
Compiling such short statements would take longer than running them. */ -}}
{{define "settings"}}SET search_path = '' SET enable_seqscan = off SET jit = off{{end}}

{{- /* A list of the hand u. It fails if the value is not a list. */ -}}
{{define "list"}}coalesce(nullif(u.j -> '{{.}}', 'null'), '[]'){{end}}
{{define "players"}}jsonb_array_elements({{template "list" "Players"}}) WITH ORDINALITY{{end}}
{{define "player hash" -}}
md5(lower(trim(coalesce(p.j ->> 'Name', ''))) || ':' || lower(trim(coalesce(p.j ->> 'LongName', ''))))
{{- end}}
{{define "gain"}}((p.j ->> 'EndStackAmt')::numeric - (p.j ->> 'StartStackAmt')::numeric){{end}}
{{define "card" -}}
(CASE jsonb_typeof(e.j -> 'BoardCards') WHEN 'array' THEN e.j #>> '{BoardCards,0}' ELSE e.j ->> 'BoardCards' END)
{{- end}}

{{define "expand session" -}}
-- The caller holds the lock of the session. The result is 'current', 'expanded', 'part' if the time was over, or
	-- 'stale' if the time was over and nothing was written. The array players gets the hashes of players whose totals may
	-- be wrong now.
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand_session(
		expand_session bigint, until timestamptz, again boolean, OUT result text, OUT players text[]
	) LANGUAGE plpgsql {{template "settings"}} AS $body$
	#variable_conflict use_variable
	DECLARE
		step      CONSTANT integer := 50; -- number of hands that one call writes
		winner    record;
		old       {{.Schema}}.gfx_expand_sessions;
		new       {{.Schema}}.gfx_expand_sessions;
		total     integer;
		nums      text[];
		positions integer[];
		hashes    bigint[];
		hands     jsonb[];
		gone      uuid[];
		bad       jsonb := '[]';
		failed    jsonb;
	BEGIN
		result := 'current';
		SELECT v.file_hash, CASE WHEN jsonb_typeof(v.raw_json::jsonb -> 'Hands') = 'array'
			THEN v.raw_json::jsonb -> 'Hands' ELSE '[]' END AS hands INTO winner
		FROM {{.Table}} v WHERE v.session_id = expand_session AND v.raw_json IS NOT NULL /*winner*/ LIMIT 1;
		IF NOT FOUND THEN
			RETURN;
		END IF;
		SELECT * INTO old FROM {{.Schema}}.gfx_expand_sessions x WHERE x.session_id = expand_session;
		new.session_id := expand_session;
		new.file_hash := winner.file_hash;
		new.mapping := {{template "mapping number"}};
		new.stale := false;
		new.changed := '{}';

		SELECT count(*), count(*) FILTER (WHERE NOT u.stands), coalesce(array_agg(u.j ->> 'HandNum'), '{}'),
			array_agg(u.position) FILTER (WHERE u.stands AND h.id IS NULL),
			array_agg(u.hash) FILTER (WHERE u.stands AND h.id IS NULL),
			array_agg(u.j) FILTER (WHERE u.stands AND h.id IS NULL)
		INTO total, new.repeated, nums, positions, hashes, hands
		FROM (
			SELECT e.j, e.n::integer - 1 AS position, jsonb_hash_extended(e.j, new.mapping) AS hash,
				/*stands*/ AS stands
			FROM jsonb_array_elements(winner.hands) WITH ORDINALITY AS e (j, n)
		) AS u
		LEFT JOIN {{.Schema}}.gfx_hands h ON h.session_id = expand_session AND h.position = u.position
			AND h.source_hash = u.hash AND (NOT again OR (
				(SELECT count(*) FROM {{.Schema}}.gfx_hand_players x WHERE x.hand_id = h.id)
					= jsonb_array_length({{template "list" "Players"}})
				AND (SELECT count(*) FROM {{.Schema}}.gfx_events x WHERE x.hand_id = h.id)
					= jsonb_array_length({{template "list" "Events"}})));
		new.hands := total;

		gone := ARRAY(
			SELECT h.id FROM {{.Schema}}.gfx_hands h
			WHERE h.session_id = expand_session AND (h.position IS NULL OR /*left*/)
		);
		IF gone <> '{}' THEN
			DELETE FROM {{.Schema}}.gfx_hand_players x WHERE x.hand_id = ANY (gone);
			DELETE FROM {{.Schema}}.gfx_events x WHERE x.hand_id = ANY (gone);
			DELETE FROM {{.Schema}}.gfx_hands h WHERE h.id = ANY (gone);
		END IF;

		FOR begun IN 1 .. coalesce(cardinality(positions), 0) BY step LOOP
			IF begun > 1 AND clock_timestamp() > until THEN -- so each call makes progress
				new.stale := true;
				EXIT;
			END IF;
			failed := {{.Schema}}.gfx_expand_try(expand_session, positions[begun : begun + step - 1],
				hashes[begun : begun + step - 1], hands[begun : begun + step - 1]);
			IF failed IS NOT NULL THEN -- write each hand by itself, so that a bad one does not stop the others
				FOR i IN begun .. least(begun + step - 1, cardinality(positions)) LOOP
					failed := {{.Schema}}.gfx_expand_try(expand_session, positions[i : i], hashes[i : i], hands[i : i]);
					IF failed IS NOT NULL THEN
						bad := bad || jsonb_build_array(failed);
					ELSE
						new.changed := new.changed || positions[i];
					END IF;
				END LOOP;
			ELSE
				new.changed := new.changed || positions[begun : begun + step - 1];
			END IF;
		END LOOP;

		DELETE FROM {{.Schema}}.gfx_expand_errors x
		WHERE x.session_id = expand_session AND NOT (new.stale AND x.position >= 0)
			AND NOT bad @> jsonb_build_array(jsonb_build_object('position', x.position));
		IF bad <> '[]' THEN
			INSERT INTO {{.Schema}}.gfx_expand_errors AS x (session_id, position, hand_num, sqlstate, message)
			SELECT expand_session, b.position, b.hand_num, b.sqlstate, b.message
			FROM jsonb_to_recordset(bad) AS b (position integer, hand_num text, sqlstate text, message text)
			ON CONFLICT (session_id, position) DO UPDATE
				SET hand_num = excluded.hand_num, sqlstate = excluded.sqlstate, message = excluded.message,
					occurred_at = now()
				WHERE (x.hand_num, x.sqlstate, x.message) IS DISTINCT FROM
					(excluded.hand_num, excluded.sqlstate, excluded.message);
		END IF;
		SELECT count(*) INTO new.errors FROM {{.Schema}}.gfx_expand_errors x WHERE x.session_id = expand_session;
		SELECT count(*), bit_xor(h.source_hash) INTO new.rows, new.digest
		FROM {{.Schema}}.gfx_hands h WHERE h.session_id = expand_session;

		IF new.changed <> '{}' OR gone <> '{}' OR again THEN
			WITH present AS MATERIALIZED (
				SELECT pl.player_hash, count(DISTINCT x.hand_id)::integer AS hands, min(h.start_time) AS first_seen_at,
					max(h.start_time) AS last_seen_at
				FROM {{.Schema}}.gfx_hands h
				-- Without OFFSET, this would become a join, and the planner might read the players of all sessions.
				CROSS JOIN LATERAL (
					SELECT x.hand_id, x.player_id FROM {{.Schema}}.gfx_hand_players x WHERE x.hand_id = h.id OFFSET 0
				) AS x
				JOIN {{.Schema}}.gfx_players pl ON pl.id = x.player_id
				WHERE h.session_id = expand_session GROUP BY 1
			), absent AS (
				DELETE FROM {{.Schema}}.gfx_expand_players x
				WHERE x.session_id = expand_session AND x.player_hash NOT IN (SELECT n.player_hash FROM present n)
				RETURNING x.player_hash
			), put AS (
				INSERT INTO {{.Schema}}.gfx_expand_players AS x
					(session_id, player_hash, hands, first_seen_at, last_seen_at)
				SELECT expand_session, n.player_hash, n.hands, n.first_seen_at, n.last_seen_at FROM present n
				ON CONFLICT (player_hash, session_id) DO UPDATE SET hands = excluded.hands,
					first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at
					WHERE (x.hands, x.first_seen_at, x.last_seen_at) IS DISTINCT FROM
						(excluded.hands, excluded.first_seen_at, excluded.last_seen_at)
			)
			SELECT array_agg(t.player_hash) INTO players
			FROM (SELECT a.player_hash FROM absent a UNION SELECT n.player_hash FROM present n) AS t;
		END IF;

		IF new.changed <> '{}' OR gone <> '{}' OR old IS NULL OR (old.file_hash, old.mapping, old.hands, old.repeated,
			old.errors, old.rows, old.digest, old.stale) IS DISTINCT FROM (new.file_hash, new.mapping, new.hands,
			new.repeated, new.errors, new.rows, new.digest, new.stale)
		THEN
			new.expanded_at := clock_timestamp();
			INSERT INTO {{.Schema}}.gfx_expand_sessions AS x SELECT new.*
			ON CONFLICT (session_id) DO UPDATE SET (file_hash, mapping, hands, repeated, errors, rows, digest, stale,
				changed, expanded_at) = (new.file_hash, new.mapping, new.hands, new.repeated, new.errors, new.rows, new.digest,
				new.stale, new.changed, new.expanded_at);
			result := 'expanded';
		END IF;
		IF new.stale THEN
			result := CASE WHEN new.changed = '{}' THEN 'stale' ELSE 'part' END;
		END IF;
	END
	$body$
{{- end}}

{{- /* SQLSTATEs of failures that no hand causes: a conflict of transactions, a lock, a lack of disk, a stop. */ -}}
{{define "passing"}}'^(40|53|55|57|58|XX)'{{end}}

{{define "expand try" -}}
-- A lock, a lack of disk or a stop is not an error of a hand. It fails the whole expansion.
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand_try(
		expand_session bigint, positions integer[], hashes bigint[], hands jsonb[]
	) RETURNS jsonb LANGUAGE plpgsql {{template "settings"}} AS $body$
	DECLARE
		state text;
		says  text;
	BEGIN
		PERFORM {{.Schema}}.gfx_expand_write(expand_session, positions, hashes, hands);
		RETURN NULL;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, says = MESSAGE_TEXT;
		IF state ~ {{template "passing"}} THEN
			RAISE;
		END IF;
		RETURN jsonb_build_object('position', positions[1], 'hand_num', hands[1] ->> 'HandNum', 'sqlstate', state,
			'message', left(says, 500));
	END
	$body$
{{- end}}
