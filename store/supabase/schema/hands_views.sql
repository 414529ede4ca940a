-- The state of the expansion.
DO $gfxsync$
DECLARE
	name    text;
	callers text[];
	says    text;
	makes   text;
	item    text;
	before  CONSTANT text := current_setting('search_path');
BEGIN
	{{- template "patience"}}
	PERFORM set_config('search_path', '', true);
	FOR name, says, makes IN VALUES
	('{{.Schema}}.gfx_expand_status', 'For each session whether its hands are those of its best version.', $sql$
	SELECT t.session_id, t.session_id::text AS session_id_text, t.file_hash,
		CASE WHEN s.session_id IS NULL THEN 'missing'
			WHEN s.stale OR s.file_hash IS DISTINCT FROM t.file_hash
				OR s.mapping IS DISTINCT FROM {{template "mapping number"}} OR s.rows IS DISTINCT FROM h.rows OR s.digest IS DISTINCT FROM h.digest THEN 'stale'
			ELSE 'current' END AS state,
		s.hands, h.rows AS expanded_hands, s.repeated, s.errors, s.expanded_at
	FROM {{.Current}} AS t
	LEFT JOIN {{.Schema}}.gfx_expand_sessions AS s ON s.session_id = t.session_id
	LEFT JOIN (
		SELECT g.session_id, count(*)::integer AS rows, bit_xor(g.source_hash) AS digest
		FROM {{.Schema}}.gfx_hands AS g GROUP BY 1
	) AS x ON x.session_id = t.session_id
	CROSS JOIN LATERAL (SELECT coalesce(x.rows, 0) AS rows, x.digest) AS h
	WHERE t.session_id IS NOT NULL AND t.raw_json IS NOT NULL
	$sql$),
	('{{.Schema}}.gfx_expand_summary', 'gfx_expand_status and gfx_expand_errors in one row.', $sql$
	SELECT count(*) AS sessions, coalesce(sum(s.expanded_hands), 0)::bigint AS hands,
		count(*) FILTER (WHERE s.state <> 'current') AS stale,
		(SELECT count(*) FROM {{.Schema}}.gfx_expand_errors) AS errors,
		coalesce(sum(s.repeated), 0)::bigint AS repeated
	FROM {{.Schema}}.gfx_expand_status AS s
	$sql$)
	LOOP
		makes := format('VIEW %s WITH (security_invoker = on) AS %s', name, makes);
		IF to_regclass(name) IS NULL OR obj_description(to_regclass(name), 'pg_class') IS DISTINCT FROM
			format('%s (gfxsync %s)', says, md5(makes || pg_get_viewdef(to_regclass(name))))
		THEN
			EXECUTE 'CREATE OR REPLACE ' || makes;
			EXECUTE format('COMMENT ON VIEW %s IS %L', name,
				format('%s (gfxsync %s)', says, md5(makes || pg_get_viewdef(to_regclass(name)))));
		END IF;
		IF NOT has_table_privilege('service_role', to_regclass(name), 'SELECT') THEN
			EXECUTE format('GRANT SELECT ON %s TO service_role', name);
		END IF;
	END LOOP;

	FOR name, callers, says, makes IN VALUES
	('{{.Schema}}.gfx_expand(double precision,boolean,bigint)', ARRAY['service_role'],
		'Expands sessions that are stale or missing, for so many seconds at most.', $sql$
	{{template "expand step" .}}
	$sql$)
	LOOP
		{{- template "make function"}}
	END LOOP;
	PERFORM set_config('search_path', before, true);
END
$gfxsync$;
