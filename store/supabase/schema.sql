-- gfxsync: the table {{.Table}}, its indexes and its views, for upserts on ({{.Conflict}}). It needs PostgreSQL 15 or newer.
-- It may be applied at any time, again, and over a table that is there already: it adds what is missing, and changes no row and
-- no column. With psql, apply it as a whole or not at all: psql -1 -v ON_ERROR_STOP=1 -f FILE
{{- if ne .Schema "\"public\""}}

-- The API serves this schema only where it is one of the "Exposed schemas" of the project (API settings).
CREATE SCHEMA IF NOT EXISTS {{.Schema}};
GRANT USAGE ON SCHEMA {{.Schema}} TO service_role;
{{- end}}

CREATE TABLE IF NOT EXISTS {{.Table}} (
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
	created_at         timestamptz NOT NULL DEFAULT now(),
	updated_at         timestamptz NOT NULL DEFAULT now(),
	UNIQUE ({{.Conflict}})
);

-- Without defaults, no row is rewritten.
ALTER TABLE {{.Table}}
	ADD COLUMN IF NOT EXISTS session_id         bigint,
	ADD COLUMN IF NOT EXISTS file_name          text,
	ADD COLUMN IF NOT EXISTS file_hash          text,
	ADD COLUMN IF NOT EXISTS raw_json           jsonb,
	ADD COLUMN IF NOT EXISTS table_type         text,
	ADD COLUMN IF NOT EXISTS event_title        text,
	ADD COLUMN IF NOT EXISTS software_version   text,
	ADD COLUMN IF NOT EXISTS hand_count         integer,
	ADD COLUMN IF NOT EXISTS player_count       integer,
	ADD COLUMN IF NOT EXISTS session_created_at timestamptz,
	ADD COLUMN IF NOT EXISTS nas_path           text,
	ADD COLUMN IF NOT EXISTS gfx_pc_id          text,
	ADD COLUMN IF NOT EXISTS sync_source        text;

DO $gfxsync$
DECLARE
	this   CONSTANT regclass := '{{.Table}}';
	item   text;
	usable boolean;
BEGIN
	-- The default comes after the column: rows of before must not pretend to be from now, and keep null.
	FOREACH item IN ARRAY ARRAY['created_at', 'updated_at'] LOOP
		IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = this AND a.attname = item AND NOT a.attisdropped) THEN
			EXECUTE format('ALTER TABLE %s ADD COLUMN %I timestamptz', this, item);
			EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT now()', this, item);
		END IF;
	END LOOP;

	-- ON CONFLICT takes any unique index of exactly these columns, in any order, that is not partial. Where there is none and rows
	-- stand in the way, PostgreSQL says "could not create unique index". These are the rows:
	--   SELECT {{.Conflict}}, count(*) FROM {{.Table}} GROUP BY {{.Conflict}} HAVING count(*) > 1;
	-- A unique constraint on other columns stays, and goes on refusing rows: drop it if it is not meant.
	{{- if .ByPC}}
	-- One on file_hash alone keeps a second PC from storing the same file. Rows without a gfx_pc_id are of no PC.
	{{- end}}
	SELECT bool_and(i.indimmediate) INTO usable
	FROM pg_index i
	WHERE i.indrelid = this AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = cardinality(ARRAY[{{.ConflictList}}])
		AND i.indnkeyatts = (
			SELECT count(*) FROM pg_attribute a
			WHERE a.attrelid = this AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) AND a.attname = ANY (ARRAY[{{.ConflictList}}])
		);
	IF usable IS NULL THEN
		EXECUTE format('ALTER TABLE %s ADD UNIQUE ({{.Conflict}})', this);
	ELSIF NOT usable THEN
		RAISE EXCEPTION 'the unique constraint of % on ({{.Conflict}}) is deferrable, and then ON CONFLICT takes none', this
			USING HINT = 'Drop the constraint, and apply this again: it adds one that is not.';
	END IF;

	-- For the view of sessions, and for reading the table in the order of its hashes.
	FOREACH item IN ARRAY ARRAY['session_id', 'file_hash'] LOOP
		IF NOT EXISTS (
			SELECT FROM pg_index i
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			JOIN pg_opclass o ON o.oid = i.indclass[0]
			JOIN pg_am m ON m.oid = o.opcmethod
			WHERE i.indrelid = this AND i.indisvalid AND i.indpred IS NULL AND a.attname = item AND o.opcdefault AND m.amname = 'btree'
		) THEN
			EXECUTE format('CREATE INDEX ON %s (%I)', this, item);
		END IF;
	END LOOP;

	-- A serial column draws on its sequence with the rights of who inserts; an identity column does not.
	FOR item IN
		SELECT DISTINCT c.oid::regclass
		FROM pg_attrdef f
		JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
		JOIN pg_class c ON c.oid = d.refobjid AND c.relkind = 'S'
		WHERE f.adrelid = this
	LOOP
		EXECUTE format('GRANT USAGE ON SEQUENCE %s TO service_role', item);
	END LOOP;
END
$gfxsync$;

-- From here on only service_role reads and writes. Whoever else is to read needs a policy, for example
--   CREATE POLICY readers ON {{.Table}} FOR SELECT TO authenticated USING (true);
ALTER TABLE {{.Table}} ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON {{.Table}} TO service_role;

DO $gfxsync$
DECLARE
	view   text;
	body   text;
	grants text[];
	item   text;
BEGIN
	FOR view, body IN VALUES
	-- One row per session: most hands first, then newest. A row without a session stands for itself. That session_id is itself one
	-- of the distinct columns lets a query for one session use the index.
	('{{.Current}}', $view$
		SELECT DISTINCT ON (session_id, CASE WHEN session_id IS NULL THEN file_hash END) *
		FROM {{.Table}}
		ORDER BY session_id, CASE WHEN session_id IS NULL THEN file_hash END,
			hand_count DESC NULLS LAST, created_at DESC NULLS LAST, file_hash, gfx_pc_id
	$view$),
	-- For each first two hex digits of a hash, the number of rows and the XOR of their first 16 digits: always 256 rows
	-- {{if .ByPC}}for each gfx_pc_id in the table, {{end}}which a reconcile reads instead of the table.
	('{{.Digest}}', $view$
		SELECT p.prefix, coalesce(d.rows, 0) AS rows, coalesce(d.xor, 0) AS xor{{if .ByPC}}, pc.gfx_pc_id{{end}}
		FROM (SELECT lpad(to_hex(n), 2, '0') AS prefix FROM generate_series(0, 255) AS n) AS p
		{{- if .ByPC}}
		CROSS JOIN (SELECT DISTINCT gfx_pc_id FROM {{.Table}} WHERE gfx_pc_id IS NOT NULL) AS pc
		{{- end}}
		LEFT JOIN (
			SELECT {{if .ByPC}}gfx_pc_id, {{end}}substr(hash, 1, 2) AS prefix, count(*) AS rows,
				bit_xor(('x' || substr(hash, 1, 16))::bit(64)::bigint) AS xor
			FROM (SELECT {{if .ByPC}}gfx_pc_id, {{end}}file_hash::text AS hash FROM {{.Table}}) AS t
			WHERE hash ~ '^[0-9a-f]{16,}$'
			GROUP BY {{if .ByPC}}1, 2{{else}}1{{end}}
		) AS d ON d.prefix = p.prefix{{if .ByPC}} AND d.gfx_pc_id = pc.gfx_pc_id{{end}}
	$view$)
	LOOP
		BEGIN
			EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = on) AS %s', view, body);
		EXCEPTION WHEN invalid_table_definition THEN
			-- Its columns are others than they were. What was granted on it is granted again; a view that rests on it stops this.
			grants := ARRAY(
				SELECT format('GRANT %s ON %s TO %s', g.privilege_type, view, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
				FROM pg_class c, aclexplode(c.relacl) g
				WHERE c.oid = view::regclass
			);
			EXECUTE format('DROP VIEW %s', view);
			EXECUTE format('CREATE VIEW %s WITH (security_invoker = on) AS %s', view, body);
			FOREACH item IN ARRAY grants LOOP
				EXECUTE item;
			END LOOP;
		END;
		EXECUTE format('GRANT SELECT ON %s TO service_role', view);
	END LOOP;
END
$gfxsync$;

NOTIFY pgrst, 'reload schema';
