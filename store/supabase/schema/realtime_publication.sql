-- gfxsync: adds the tables that graphics read to the publication supabase_realtime. Then Supabase Realtime reports
-- every change of their rows to front ends that subscribe to postgres_changes. It needs the tables of gfxsync schema
-- --hands, or tables with the same names. It may be applied at any time, and again. If Realtime is missing, it says so
-- and changes nothing.
--
-- A front end receives only rows that its role may read: see the policies in the SQL of gfxsync schema --hands.
DO $gfxsync$
DECLARE
	made    record;
	tables  CONSTANT text[] := ARRAY['gfx_players', 'gfx_hands', 'gfx_hand_players', 'gfx_events'];
	missing text;
BEGIN
	{{- template "patience"}}
	IF to_regnamespace('realtime') IS NULL
		OR NOT EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'supabase_realtime')
	THEN
		RAISE NOTICE 'gfxsync: this database has no Supabase Realtime (schema realtime, publication supabase_realtime), '
			'so no change is told of. Nothing was changed. Apply this again when Realtime is there.';
		RETURN;
	END IF;
	SELECT string_agg(format('%s.%I', '{{.Schema}}', t.name), ', ') INTO missing
	FROM unnest(tables) AS t (name)
	WHERE to_regclass(format('%s.%I', '{{.Schema}}', t.name)) IS NULL;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'missing: %', missing
			USING ERRCODE = 'undefined_table', HINT = 'Apply what gfxsync schema --hands prints, and then this again.';
	END IF;

	FOR made IN
		SELECT c.oid::regclass AS name, c.relkind IN ('r', 'p') AS is_table,
			c.relreplident = 'f' OR coalesce(i.indisvalid, false) AS has_identity
		FROM unnest(tables) WITH ORDINALITY AS t (name, place)
		JOIN pg_class c ON c.oid = to_regclass(format('%s.%I', '{{.Schema}}', t.name))
		LEFT JOIN pg_index i ON i.indrelid = c.oid
			AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END
		WHERE NOT EXISTS (
			SELECT FROM pg_publication_tables p JOIN pg_namespace n ON n.nspname = p.schemaname
			WHERE p.pubname = 'supabase_realtime' AND n.oid = c.relnamespace AND p.tablename = c.relname
		)
		ORDER BY t.place
	LOOP
		IF NOT made.is_table THEN
			RAISE NOTICE 'gfxsync: % is not a table, and is left out', made.name;
		ELSIF NOT made.has_identity THEN
			RAISE NOTICE 'gfxsync: % has no primary key, and is left out: PostgreSQL would refuse every update of it',
				made.name;
		ELSE
			EXECUTE format('ALTER PUBLICATION supabase_realtime ADD TABLE %s', made.name);
		END IF;
	END LOOP;
END
$gfxsync$;
