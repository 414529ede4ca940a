-- gfxsync: announces each new or changed hand on the private channel gfx:hands of Supabase Realtime. For each session
-- and save there is one message with the event "hands" and
--   {"session_id": "638963849867159576", "gfx_pc_id": "PC01", "hands": [{"position": 179, "hand_num": 180}]}
-- It needs the tables of gfxsync schema --hands. It may be applied at any time, and again. If Realtime is missing, it
-- says so and changes nothing.
--
-- To receive a message of a private channel, a role needs a policy on realtime.messages (Supabase documentation,
-- "Realtime Authorization"), for example
--   CREATE POLICY gfx_hands_receive ON realtime.messages FOR SELECT TO authenticated
--   	USING ((SELECT realtime.topic()) = 'gfx:hands' AND extension = 'broadcast');
DO $gfxsync$
DECLARE
	makes  text;
	item   text;
	self   CONSTANT text := '{{.Schema}}.gfx_announce_hands()';
	says   CONSTANT text := 'Announces the hands that an expansion has written to the channel gfx:hands.';
	before CONSTANT text := current_setting('search_path');
BEGIN
	{{- template "patience"}}
	IF to_regprocedure('realtime.send(jsonb,text,text,boolean)') IS NULL THEN
		RAISE NOTICE 'gfxsync: this database has no function realtime.send, so hands are not announced. Nothing was '
			'changed. On Supabase, Realtime makes it: apply this again when Realtime is there.';
		RETURN;
	END IF;
	IF to_regclass('{{.Schema}}.gfx_expand_sessions') IS NULL THEN
		RAISE EXCEPTION 'the table % is missing, which tells what hands are new', '{{.Schema}}.gfx_expand_sessions'
			USING ERRCODE = 'undefined_table', HINT = 'Apply what gfxsync schema --hands prints, and then this again.';
	END IF;
	PERFORM set_config('search_path', '', true); -- the form in which PostgreSQL prints a definition depends on it

	-- The function runs with the rights of the role that writes the session, as all functions of gfxsync do. Realtime
	-- allows service_role to insert into its messages (github.com/supabase/realtime,
	-- lib/realtime/tenants/repo/migrations, RedefineAuthorizationTables). If anything fails, the session is still
	-- written: realtime.send turns its errors into warnings, and this function does the same.
	makes := $sql$
	CREATE OR REPLACE FUNCTION {{.Schema}}.gfx_announce_hands() RETURNS trigger
	LANGUAGE plpgsql SET search_path = '' AS $body$
	DECLARE
		sessions bigint[];
		message  jsonb;
	BEGIN
		-- If a row was only marked, for example as stale, it still lists what its last expansion wrote.
		IF TG_OP = 'INSERT' THEN
			sessions := ARRAY(SELECT w.session_id FROM written AS w WHERE w.changed <> '{}');
		ELSE
			sessions := ARRAY(
				SELECT w.session_id FROM written AS w JOIN former AS f ON f.session_id = w.session_id
				WHERE w.changed <> '{}' AND w.expanded_at IS DISTINCT FROM f.expanded_at
			);
		END IF;
		FOR message IN
			SELECT jsonb_build_object('session_id', s.session_id::text, 'gfx_pc_id', PC, 'hands', (
				SELECT jsonb_agg(jsonb_build_object('position', h.position, 'hand_num', h.hand_num) ORDER BY h.position)
				FROM {{.Schema}}.gfx_hands AS h WHERE h.session_id = s.session_id AND h.position = ANY (s.changed)
			))
			FROM {{.Schema}}.gfx_expand_sessions AS s WHERE s.session_id = ANY (sessions) ORDER BY s.session_id
		LOOP
			PERFORM realtime.send(message, 'hands', 'gfx:hands', true);
		END LOOP;
		RETURN NULL;
	EXCEPTION WHEN OTHERS THEN
		RAISE WARNING 'gfxsync: new hands are not announced: % (%)', SQLERRM, SQLSTATE;
		RETURN NULL;
	END
	$body$
	$sql$;
	-- The PC of the version that was expanded.
	makes := replace(makes, 'PC', CASE WHEN EXISTS (
		SELECT FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = '{{.Table}}'::regclass AND a.attname = 'gfx_pc_id' AND NOT a.attisdropped
	) THEN '(
				SELECT t.gfx_pc_id FROM {{.Table}} AS t
				WHERE t.session_id = s.session_id AND t.file_hash::text = s.file_hash ORDER BY t.gfx_pc_id LIMIT 1
			)' ELSE 'NULL::text' END);

	IF to_regprocedure(self) IS NULL OR obj_description(to_regprocedure(self), 'pg_proc') IS DISTINCT FROM
		format('%s (gfxsync %s)', says, md5(makes || pg_get_functiondef(to_regprocedure(self))))
	THEN
		EXECUTE makes;
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', self,
			format('%s (gfxsync %s)', says, md5(makes || pg_get_functiondef(to_regprocedure(self)))));
	END IF;

	-- Only the trigger may call it.
	FOR item IN
		SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM %s', self, coalesce(quote_ident(r.rolname), 'PUBLIC'))
		FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
		LEFT JOIN pg_roles r ON r.oid = g.grantee
		WHERE p.oid = to_regprocedure(self) AND g.privilege_type = 'EXECUTE'
			AND (g.grantee = 0 OR r.rolname IN ('anon', 'authenticated', 'service_role'))
	LOOP
		EXECUTE item;
	END LOOP;

	FOR item IN
		SELECT format('CREATE TRIGGER %I AFTER %s FOR EACH STATEMENT EXECUTE FUNCTION %s', x.name, x.event, self)
		FROM (VALUES
			('gfxsync_announce_inserted', 'INSERT ON {{.Schema}}.gfx_expand_sessions REFERENCING NEW TABLE AS written'),
			('gfxsync_announce_updated', 'UPDATE ON {{.Schema}}.gfx_expand_sessions '
				'REFERENCING OLD TABLE AS former NEW TABLE AS written')
		) AS x (name, event)
		WHERE NOT EXISTS (
			SELECT FROM pg_trigger t
			WHERE t.tgrelid = '{{.Schema}}.gfx_expand_sessions'::regclass AND t.tgname = x.name
		)
	LOOP
		EXECUTE item;
	END LOOP;
	PERFORM set_config('search_path', before, true);
END
$gfxsync$;
