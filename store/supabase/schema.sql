-- gfxsync: the table {{table}} and what belongs to it. It may be applied again at any time, and changes no row.

CREATE TABLE IF NOT EXISTS {{schema}}.{{table}} (
	id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	session_id         bigint,
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
	gfx_pc_id          text,
	sync_source        text,
	created_at         timestamptz NOT NULL DEFAULT now(),
	updated_at         timestamptz NOT NULL DEFAULT now(),
	UNIQUE ({{conflict}})
);

CREATE INDEX IF NOT EXISTS {{table}}_session_id ON {{schema}}.{{table}} (session_id);

ALTER TABLE {{schema}}.{{table}} ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON {{schema}}.{{table}} TO service_role;

-- For each first two hex digits of a hash, the number of rows and the XOR of their first 16 digits: 256 rows, always. A reconcile
-- reads these instead of the table.
CREATE OR REPLACE VIEW {{schema}}.{{digest}} WITH (security_invoker = on) AS
SELECT p.prefix, coalesce(d.rows, 0) AS rows, coalesce(d.xor, 0) AS xor
FROM (SELECT lpad(to_hex(n), 2, '0') AS prefix FROM generate_series(0, 255) AS n) AS p
LEFT JOIN (
	SELECT substr(file_hash, 1, 2) AS prefix, count(*) AS rows, bit_xor(('x' || substr(file_hash, 1, 16))::bit(64)::bigint) AS xor
	FROM {{schema}}.{{table}}
	WHERE file_hash ~ '^[0-9a-f]{16,}$'
	GROUP BY 1
) AS d USING (prefix);

GRANT SELECT ON {{schema}}.{{digest}} TO service_role;

NOTIFY pgrst, 'reload schema';
