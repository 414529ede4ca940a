-- The table and its columns.
DO $gfxsync$
DECLARE
	added text;
BEGIN
	{{- template "patience"}}
	{{- if ne .Schema "\"public\""}}
	-- The API serves this schema only if it is one of the "Exposed schemas" of the project (API settings).
	IF to_regnamespace('{{.Schema}}') IS NULL THEN
		CREATE SCHEMA {{.Schema}};
	END IF;
	IF NOT has_schema_privilege('service_role', '{{.Schema}}'::regnamespace, 'USAGE') THEN
		GRANT USAGE ON SCHEMA {{.Schema}} TO service_role;
	END IF;
	{{- end}}

	IF to_regclass('{{.Table}}') IS NULL THEN
		CREATE TABLE {{.Table}} (
			id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
			session_id         bigint{{if .BySession}} NOT NULL{{end}},
			file_name          text,
			file_hash          text NOT NULL,
			raw_json           jsonb NOT NULL,
			table_type         text,
			event_title        text,
			software_version   text,
			hand_count         integer,
			player_count       integer,
			session_created_at timestamptz,
			nas_path           text,
			gfx_pc_id          text{{if .ByPC}} NOT NULL{{end}},
			sync_source        text,
			file_modified_at   timestamptz,
			created_at         timestamptz NOT NULL DEFAULT now(),
			updated_at         timestamptz NOT NULL DEFAULT now(),
			UNIQUE ({{.NewKey}})
		);
	END IF;

	-- A column without a default does not rewrite rows. A time gets its default after it was added: older rows must
	-- keep null, because their time is not known.
	SELECT string_agg(format('ADD COLUMN %I %s', c.name, c.type), ', ' ORDER BY c.place) INTO added
	FROM (VALUES
		(1, 'session_id', 'bigint'), (2, 'file_name', 'text'), (3, 'file_hash', 'text'), (4, 'raw_json', 'jsonb'),
		(5, 'table_type', 'text'), (6, 'event_title', 'text'), (7, 'software_version', 'text'),
		(8, 'hand_count', 'integer'), (9, 'player_count', 'integer'), (10, 'session_created_at', 'timestamptz'),
		(11, 'nas_path', 'text'), (12, 'gfx_pc_id', 'text'), (13, 'sync_source', 'text'),
		(14, 'file_modified_at', 'timestamptz'), (15, 'created_at', 'timestamptz'), (16, 'updated_at', 'timestamptz')
	) AS c (place, name, type)
	WHERE NOT EXISTS (
		SELECT FROM pg_attribute a WHERE a.attrelid = '{{.Table}}'::regclass AND a.attname = c.name AND NOT a.attisdropped
	);
	IF added IS NOT NULL THEN
		EXECUTE 'ALTER TABLE {{.Table}} ' || added;
	END IF;
	IF added ~ 'COLUMN created_at ' THEN
		ALTER TABLE {{.Table}} ALTER COLUMN created_at SET DEFAULT now();
	END IF;
	IF added ~ 'COLUMN updated_at ' THEN
		ALTER TABLE {{.Table}} ALTER COLUMN updated_at SET DEFAULT now();
	END IF;
	IF NOT EXISTS (
		SELECT FROM pg_attribute a
		WHERE a.attrelid = '{{.Table}}'::regclass AND a.attname = 'raw_json'
			AND a.atttypid IN ('jsonb'::regtype, 'json'::regtype)
	) THEN
		RAISE EXCEPTION 'the column raw_json of % is neither jsonb nor json', '{{.Table}}'
			USING HINT = 'Make it jsonb: ALTER TABLE … ALTER COLUMN raw_json TYPE jsonb USING raw_json::jsonb';
	END IF;
END
$gfxsync$;
