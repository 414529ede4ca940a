CREATE TABLE gfx_sessions (
	id                 INTEGER PRIMARY KEY,
	session_id         INTEGER,
	file_name          TEXT,
	file_hash          TEXT NOT NULL UNIQUE,
	raw_json           TEXT NOT NULL CHECK (json_valid(raw_json)),
	table_type         TEXT,
	event_title        TEXT,
	software_version   TEXT,
	hand_count         INTEGER,
	player_count       INTEGER,
	session_created_at TEXT,
	nas_path           TEXT,
	gfx_pc_id          TEXT,
	sync_source        TEXT,
	created_at         TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
	updated_at         TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
);

CREATE INDEX gfx_sessions_session_id ON gfx_sessions (session_id);

-- One row per session: most hands first, then newest.
CREATE VIEW gfx_sessions_current AS
SELECT id, session_id, file_name, file_hash, raw_json, table_type, event_title, software_version, hand_count, player_count,
       session_created_at, nas_path, gfx_pc_id, sync_source, created_at, updated_at
FROM (SELECT *, row_number() OVER (PARTITION BY coalesce(session_id, file_hash) ORDER BY hand_count DESC, id DESC) AS place
      FROM gfx_sessions)
WHERE place = 1;
