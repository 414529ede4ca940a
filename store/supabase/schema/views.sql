
-- The views. They use the rights of the reader. Like the functions, they have fingerprints.
DO $gfxsync$
DECLARE
	view    text;
	says    text;
	body    text;
	makes   text;
	grants  text[];
	item    text;
	columns text;
	key     CONSTANT text := ({{template "key" .}}
	);
	before  CONSTANT text := current_setting('search_path');
BEGIN
	{{- template "patience"}}
	PERFORM set_config('search_path', '', true); -- the form in which PostgreSQL prints a definition depends on it

	-- Existing columns of the view keep their positions. So objects that depend on the view can stay.
	SELECT string_agg(c.term, ', ' ORDER BY v.attnum NULLS LAST, c.place) INTO columns
	FROM (
		SELECT a.attname, format('t.%I', a.attname) AS term, a.attnum AS place
		FROM pg_attribute a WHERE a.attrelid = '{{.Table}}'::regclass AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT x.name, format('%s AS %I', x.term, x.name), x.place
		FROM (VALUES
			(10001, 'session_id_text', 't.session_id::text'), (10002, 'file_id_text', $sql$t.raw_json ->> 'ID'$sql$)
		) AS x (place, name, term)
		WHERE NOT EXISTS (
			SELECT FROM pg_attribute a WHERE a.attrelid = '{{.Table}}'::regclass AND a.attname = x.name
		)
	) AS c
	LEFT JOIN pg_attribute v ON v.attrelid = to_regclass('{{.Current}}') AND v.attname = c.attname AND NOT v.attisdropped;

	FOR view, says, body IN VALUES
	-- The winner is looked up for each row, which is one step in an index. So the view can be read for one session, or
	-- for the latest ones, in the order of any index of the table. A row without a session stands for itself.
	('{{.Current}}', 'One row per session: of its versions that with the most hands, then the newest.'
		' The IDs are there as text, too, for JavaScript, which rounds numbers of 18 digits.',
		'SELECT ' || columns || ' FROM {{.Table}} AS t' || CASE WHEN key <> 'session_id' THEN replace($sql$

			LEFT JOIN LATERAL (
				{{template "winner" .All}}
			) AS best ON true
			WHERE coalesce(t.ctid = best.place, true)$sql$, 'jsonb_', {{template "typed" .}}) ELSE '' END),
	-- A reconcile reads this view instead of the table.
	('{{.Digest}}', 'For each first two hex digits of a hash the number of rows, and the XOR of the first 16 digits.',
		CASE WHEN key = 'gfx_pc_id,file_hash' THEN $sql$
		SELECT p.prefix, coalesce(d.rows, 0) AS rows, coalesce(d.xor, 0) AS xor, pc.gfx_pc_id -- 256 rows for each PC
		FROM (SELECT lpad(to_hex(n), 2, '0') AS prefix FROM generate_series(0, 255) AS n) AS p
		CROSS JOIN (SELECT DISTINCT gfx_pc_id FROM {{.Table}} WHERE gfx_pc_id IS NOT NULL) AS pc
		LEFT JOIN (
			SELECT gfx_pc_id, {{template "prefix"}} AS prefix, count(*) AS rows, bit_xor({{template "bits"}}) AS xor
			FROM {{.Table}} WHERE {{template "counted"}} GROUP BY 1, 2
		) AS d ON d.prefix = p.prefix AND d.gfx_pc_id = pc.gfx_pc_id
		$sql$ ELSE $sql$
		SELECT p.prefix, coalesce(d.rows, 0) AS rows, coalesce(d.xor, 0) AS xor
		FROM (SELECT lpad(to_hex(n), 2, '0') AS prefix FROM generate_series(0, 255) AS n) AS p
		LEFT JOIN (
			SELECT {{template "prefix"}} AS prefix, count(*) AS rows, bit_xor({{template "bits"}}) AS xor
			FROM {{.Table}} WHERE {{template "counted"}} GROUP BY 1
		) AS d ON d.prefix = p.prefix
		$sql$ END)
	LOOP
		makes := format('VIEW %s WITH (security_invoker = on) AS %s', view, body);
		IF to_regclass(view) IS NULL OR obj_description(to_regclass(view), 'pg_class') IS DISTINCT FROM
			format('%s (gfxsync %s)', says, md5(makes || pg_get_viewdef(to_regclass(view))))
		THEN
			BEGIN
				EXECUTE 'CREATE OR REPLACE ' || makes;
			EXCEPTION WHEN invalid_table_definition THEN
				-- Its columns have changed, so it is dropped and made anew. Its grants are restored. If another view
				-- depends on it, this fails.
				grants := ARRAY(
					SELECT format('GRANT %s ON %s TO %s', g.privilege_type, view,
						CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
					FROM pg_class c, aclexplode(c.relacl) g
					WHERE c.oid = view::regclass
				);
				EXECUTE format('DROP VIEW %s', view);
				EXECUTE 'CREATE ' || makes;
				FOREACH item IN ARRAY grants LOOP
					EXECUTE item;
				END LOOP;
			END;
			EXECUTE format('COMMENT ON VIEW %s IS %L', view,
				format('%s (gfxsync %s)', says, md5(makes || pg_get_viewdef(to_regclass(view)))));
		END IF;
		IF NOT has_table_privilege('service_role', to_regclass(view), 'SELECT') THEN
			EXECUTE format('GRANT SELECT ON %s TO service_role', view);
		END IF;
	END LOOP;
	PERFORM set_config('search_path', before, true);
END
$gfxsync$;

