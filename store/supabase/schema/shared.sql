{{- /* Templates that several files use. */ -}}

{{define "patience"}}
	IF current_setting('lock_timeout') IN ('0', '0ms') THEN
		SET LOCAL lock_timeout = '5s';
	END IF;
{{- end}}

{{- /* The columns of the conflict key, as text. It is null if the table is unique on none of the keys. */ -}}
{{define "key" -}}
	{{- if .Key}}
		SELECT '{{.Key}}' AS columns
	{{- else}}
		SELECT min(k.columns) AS columns FROM (
			SELECT k.columns FROM (VALUES (1, 'session_id'), (2, 'file_hash'), (3, 'gfx_pc_id,file_hash')) AS k (place, columns)
			WHERE EXISTS (SELECT FROM pg_index i WHERE {{template "unique" .}})
			ORDER BY k.place LIMIT 1
		) AS k
	{{- end}}
{{- end}}

{{- /* A condition for an index i: ON CONFLICT (the columns of k) can use it. It must be unique on exactly these
columns, in any order, and must not be partial. */ -}}
{{define "unique" -}}
i.indrelid = '{{.Table}}'::regclass AND i.indisunique AND i.indisvalid
				AND i.indpred IS NULL AND i.indnkeyatts = cardinality(string_to_array(k.columns, ',')) AND i.indnkeyatts = (
					SELECT count(*) FROM pg_attribute a
					WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])
						AND a.attname = ANY (string_to_array(k.columns, ','))
				)
{{- end}}

{{- /* The number of hands in the file. The template typed adapts it to a column of type json. PostgreSQL must unpack
raw_json for it, which takes milliseconds. So the number is stored in the column raw_hands; older rows lack it. */ -}}
{{define "hands" -}}
CASE WHEN {{.}}raw_json IS NULL THEN NULL
				WHEN jsonb_typeof({{.}}raw_json -> 'Hands') = 'array' THEN jsonb_array_length({{.}}raw_json -> 'Hands')
				ELSE 0 END
{{- end}}

{{define "typed" -}}
(
			SELECT a.atttypid::regtype || '_' FROM pg_attribute a
			WHERE a.attrelid = '{{.Table}}'::regclass AND a.attname = 'raw_json'
		)
{{- end}}

{{- /* The column for the number of hands, for tables that may have many rows for a session. */ -}}
{{define "hands column"}}

	-- The winner of a session is found by the number of hands in raw_json, which a trigger stores in raw_hands (below).
	-- It is not found by hand_count, because other programs write that column too. In an older row, raw_hands is null,
	-- and the number is computed each time. UPDATE … SET raw_hands = NULL fills it.
	IF key <> 'session_id' AND NOT EXISTS (
		SELECT FROM pg_attribute a WHERE a.attrelid = '{{.Table}}'::regclass AND a.attname = 'raw_hands'
	) THEN
		ALTER TABLE {{.Table}} ADD COLUMN raw_hands integer;
	END IF;
{{- end}}

{{- /* The rows that the digest counts, and the values that it sums up. A row without content counts as missing. */ -}}
{{define "counted" -}}
raw_json IS NOT NULL AND octet_length(file_hash::text) >= 16 AND (file_hash::text COLLATE "C") !~ '[^0-9a-f]'
{{- end}}
{{define "prefix"}}substr(file_hash::text, 1, 2){{end}}
{{define "bits"}}('x' || substr(file_hash::text, 1, 16))::bit(64)::bigint{{end}}

{{- /* The statements for missing indexes. An index is found by its name; for an index of one column, any index of that
column is enough. */ -}}
{{define "missing" -}}
(
		-- The statistics tell PostgreSQL how many prefixes there are. Then it uses several processes for the digest.
		SELECT format('CREATE STATISTICS %I ON ({{template "prefix"}}) FROM %s', '{{.Prefixes}}', '{{.Table}}')
		FROM ({{template "given key" .}}) AS k
		WHERE k.columns <> 'session_id' AND NOT EXISTS (
			SELECT FROM pg_statistic_ext s WHERE s.stxrelid = '{{.Table}}'::regclass AND s.stxname = '{{.Prefixes}}'
		)
		) UNION ALL (
		SELECT format('CREATE INDEX {{if .Concurrently}}CONCURRENTLY {{end}}IF NOT EXISTS %I ON %s %s',
			x.name, '{{.Table}}', replace(x.definition, 'jsonb_', {{template "typed" .}}))
		FROM ({{template "given key" .}}) AS k, LATERAL (VALUES
			-- For the winner of a session. If there is one row for each session, the unique index is enough.
			(1, '{{.Versions}}', k.columns <> 'session_id', NULL, $sql$(session_id, coalesce(raw_hands,
				{{template "hands" ""}}) DESC NULLS LAST,
				file_modified_at DESC NULLS LAST, created_at DESC NULLS LAST, file_hash DESC)$sql$),
			-- For the digest, which reads only this index. It contains the values that the digest sums up. A table that
			-- is compared by session needs no digest.
			(2, '{{.DigestOfAll}}', k.columns = 'file_hash', NULL, $sql$
				(({{template "prefix"}}), ({{template "bits"}})) INCLUDE (file_hash)
				WHERE {{template "counted"}}$sql$),
			(3, '{{.DigestOfPCs}}', k.columns = 'gfx_pc_id,file_hash', NULL, $sql$
				(gfx_pc_id, ({{template "prefix"}}), ({{template "bits"}})) INCLUDE (file_hash)
				WHERE {{template "counted"}}$sql$),
			-- For reading the latest sessions, and for reading the table in the order of its hashes.
			(4, '{{.ByCreated}}', true, 'session_created_at', '(session_created_at)'),
			(5, '{{.ByHash}}', true, 'file_hash', '(file_hash)')
		) AS x (place, name, wanted, serves, definition)
		WHERE x.wanted AND to_regclass(format('%s.%I', '{{.Schema}}', x.name)) IS NULL AND NOT EXISTS (
			SELECT FROM pg_index i
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			JOIN pg_opclass o ON o.oid = i.indclass[0]
			JOIN pg_am m ON m.oid = o.opcmethod
			WHERE i.indrelid = '{{.Table}}'::regclass AND i.indisvalid AND i.indpred IS NULL AND a.attname = x.serves
				AND o.opcdefault AND m.amname = 'btree'
		)
		ORDER BY x.place
		)
{{- end}}
{{define "given key"}}{{if .Concurrently}}{{template "key" .}}{{else}}SELECT key AS columns{{end}}{{end}}

{{- /* The statements that drop the invalid indexes of an interrupted CREATE INDEX CONCURRENTLY. Indexes that are being
built stay. */ -}}
{{define "leftovers" -}}
		SELECT format('DROP INDEX {{if .Concurrently}}CONCURRENTLY {{end}}IF EXISTS %s.%I', '{{.Schema}}', c.relname)
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = '{{.Table}}'::regclass AND NOT i.indisvalid AND c.relname IN (
			'{{.Unique}}', '{{.Versions}}', '{{.DigestOfAll}}', '{{.DigestOfPCs}}', '{{.ByCreated}}', '{{.ByHash}}'
		) AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
{{- end}}

{{- /* The winner of the session of a row t: most hands, then the newest. It is the first in the index. */ -}}
{{define "winner" -}}
SELECT v.ctid AS place FROM {{.Table}} AS v
				WHERE v.session_id = t.session_id{{if .ByPC}} AND v.gfx_pc_id IS NOT DISTINCT FROM t.gfx_pc_id{{end}}
				ORDER BY coalesce(v.raw_hands,
				{{template "hands" "v."}}) DESC NULLS LAST,
				v.file_modified_at DESC NULLS LAST, v.created_at DESC NULLS LAST, v.file_hash DESC
				LIMIT 1
{{- end}}

{{- /* Makes the function in the variable name. The variable says has its comment, makes has its statement, and callers
has the only roles that may call it. The template overwrites the variable item. The search path must be empty, because
the form in which PostgreSQL prints a definition depends on it. */ -}}
{{define "make function"}}
		IF to_regprocedure(name) IS NULL OR obj_description(to_regprocedure(name), 'pg_proc') IS DISTINCT FROM
			format('%s (gfxsync %s)', says, md5(makes || pg_get_functiondef(to_regprocedure(name))))
		THEN
			EXECUTE makes;
			EXECUTE format('COMMENT ON FUNCTION %s IS %L', name,
				format('%s (gfxsync %s)', says, md5(makes || pg_get_functiondef(to_regprocedure(name)))));
		END IF;

		-- By default, everybody may call a new function, and Supabase grants it to each of its roles.
		FOR item IN
			SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM %s', name, coalesce(quote_ident(r.rolname), 'PUBLIC'))
			FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
			LEFT JOIN pg_roles r ON r.oid = g.grantee
			WHERE p.oid = to_regprocedure(name) AND g.privilege_type = 'EXECUTE'
				AND (g.grantee = 0 OR r.rolname IN ('anon', 'authenticated')) AND coalesce(r.rolname, '') <> ALL (callers)
			UNION ALL
			SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', name, r.rolname)
			FROM pg_roles r
			WHERE r.rolname = ANY (callers) AND NOT EXISTS (
				SELECT FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) AS g
				WHERE p.oid = to_regprocedure(name) AND g.grantee = r.oid AND g.privilege_type = 'EXECUTE'
			)
		LOOP
			EXECUTE item;
		END LOOP;
{{- end}}
