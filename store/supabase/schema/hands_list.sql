{{- /* The functions and triggers that decide which sessions are expanded, and when. */ -}}

{{define "expand totals" -}}
-- The totals are sums over gfx_expand_players, not increments. So they are right after any restore or delete. The rows
	-- are locked in a fixed order, and after all other locks. So transactions with the same players only wait for each
	-- other's commit.
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand_totals(hashes text[]) RETURNS void
	LANGUAGE plpgsql {{template "settings"}} AS $body$
	BEGIN
		PERFORM FROM {{.Schema}}.gfx_players p WHERE p.player_hash = ANY (hashes)
		ORDER BY p.player_hash FOR NO KEY UPDATE;
		-- A new statement sees the commits of the transactions that held the locks before.
		UPDATE {{.Schema}}.gfx_players p
		SET total_hands_played = t.hands, total_sessions = t.sessions, first_seen_at = t.first, last_seen_at = t.last
		FROM (
			SELECT h.hash, coalesce(sum(x.hands), 0) AS hands, count(x.session_id) AS sessions,
				min(x.first_seen_at) AS first, max(x.last_seen_at) AS last
			FROM (SELECT DISTINCT u.hash FROM unnest(hashes) AS u (hash)) AS h
			LEFT JOIN {{.Schema}}.gfx_expand_players x ON x.player_hash = h.hash GROUP BY 1
		) AS t
		WHERE p.player_hash = t.hash AND (p.total_hands_played, p.total_sessions, p.first_seen_at, p.last_seen_at)
			IS DISTINCT FROM (t.hands, t.sessions, t.first, t.last);
	END
	$body$
{{- end}}

{{define "expand list" -}}
-- A transaction waits for the lock of a session only if it holds no other such lock. So there is no deadlock. A session
	-- that another transaction works on, or for which no time is left, stays stale (gfx_expand_status).
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand_list(
		sessions bigint[], seconds double precision, again boolean, waits boolean, OUT expanded integer, OUT last bigint
	) LANGUAGE plpgsql {{template "settings"}} AS $body$
	DECLARE
		until    CONSTANT timestamptz := clock_timestamp() + make_interval(secs => seconds);
		session  bigint;
		lock     bigint;
		done     record;
		finished boolean;
		touched  text[] := '{}';
		state    text;
		says     text;
	BEGIN
		expanded := 0;
		FOREACH session IN ARRAY sessions LOOP
			IF clock_timestamp() > until THEN
				UPDATE {{.Schema}}.gfx_expand_sessions x SET stale = true WHERE x.session_id IN (
					SELECT s.session_id FROM {{.Schema}}.gfx_expand_sessions s
					WHERE s.session_id = ANY (sessions) AND s.session_id >= session AND NOT s.stale AND NOT again
					FOR UPDATE SKIP LOCKED
				);
				EXIT;
			END IF;
			lock := hashtextextended('gfx_expand {{.Schema}}', session);
			IF waits AND coalesce(current_setting('gfxsync.holds', true), '') = '' THEN
				PERFORM pg_advisory_xact_lock(lock);
			ELSIF NOT pg_try_advisory_xact_lock(lock) THEN
				last := session;
				CONTINUE;
			END IF;
			PERFORM set_config('gfxsync.holds', 'a lock', true);
			finished := true;
			BEGIN
				done := {{.Schema}}.gfx_expand_session(session, until, again);
				touched := touched || coalesce(done.players, '{}');
				expanded := expanded + (done.result IN ('expanded', 'part'))::integer;
				finished := done.result NOT IN ('part', 'stale');
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, says = MESSAGE_TEXT;
				RAISE WARNING 'gfxsync: the hands of session % are not expanded: % (%)', session, says, state;
				IF state !~ {{template "passing"}} THEN
					INSERT INTO {{.Schema}}.gfx_expand_errors AS x (session_id, position, sqlstate, message)
					VALUES (session, -1, state, left(says, 500))
					ON CONFLICT (session_id, position) DO UPDATE
						SET sqlstate = excluded.sqlstate, message = excluded.message, occurred_at = now();
				END IF;
			END;
			IF finished THEN
				last := session;
			END IF;
		END LOOP;
		IF touched <> '{}' THEN
			PERFORM {{.Schema}}.gfx_expand_totals(touched);
		END IF;
	END
	$body$
{{- end}}

{{define "expand note" -}}
-- Only a trigger for each row knows whether raw_json was set. Only a trigger for each statement can expand the sessions
	-- in order. The first passes the sessions to the second in a setting that ends with the transaction.
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand_note() RETURNS trigger
	LANGUAGE plpgsql {{template "settings"}} AS $body$
	BEGIN
		IF NEW.session_id IS NOT NULL AND NEW.raw_json IS NOT NULL THEN
			PERFORM set_config('gfxsync.sessions',
				concat_ws(',', nullif(current_setting('gfxsync.sessions', true), ''), NEW.session_id), true);
		END IF;
		RETURN NULL;
	END
	$body$
{{- end}}

{{define "expand written" -}}
-- The row of the session is stored even if this fails. Only a stop of the whole statement makes it fail.
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand_written() RETURNS trigger
	LANGUAGE plpgsql {{template "settings"}} AS $body$
	DECLARE
		sessions CONSTANT bigint[] := ARRAY(
			SELECT DISTINCT s.id::bigint
			FROM unnest(string_to_array(nullif(current_setting('gfxsync.sessions', true), ''), ',')) AS s (id)
			ORDER BY 1
		);
	BEGIN
		IF sessions <> '{}' THEN
			PERFORM set_config('gfxsync.sessions', '', true);
			PERFORM {{.Schema}}.gfx_expand_list(sessions, 2, false, true);
		END IF;
		RETURN NULL;
	EXCEPTION WHEN OTHERS THEN
		RAISE WARNING 'gfxsync: hands are not expanded: % (%)', SQLERRM, SQLSTATE;
		RETURN NULL;
	END
	$body$
{{- end}}

{{define "expand step" -}}
-- One step. It ends within the time limit of the API for a statement. If again is true, it goes through all sessions
	-- greater than after. It compares every hand with the file, tries failed hands again, and counts players and events.
	-- Call it until remaining is 0.
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_expand(
		seconds double precision DEFAULT 2, again boolean DEFAULT false, after bigint DEFAULT NULL
	) RETURNS TABLE (expanded integer, remaining integer, errors integer, last bigint)
	LANGUAGE plpgsql {{template "settings"}} AS $body$
	#variable_conflict use_column
	DECLARE
		wanted bigint[];
		done   record;
	BEGIN
		wanted := ARRAY(
			SELECT s.session_id FROM {{.Schema}}.gfx_expand_status s
			WHERE (again OR s.state <> 'current') AND (after IS NULL OR s.session_id > after)
			ORDER BY s.session_id
		);
		done := {{.Schema}}.gfx_expand_list(wanted, seconds, again, false);
		RETURN QUERY SELECT done.expanded,
			(SELECT count(*) FROM unnest(wanted) AS u (id) WHERE u.id > done.last OR done.last IS NULL)::integer,
			(SELECT count(*) FROM {{.Schema}}.gfx_expand_errors)::integer, done.last;
	END
	$body$
{{- end}}
