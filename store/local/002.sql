-- When the file of a row was written: what tells the newer of two versions with equally many hands.
ALTER TABLE gfx_sessions ADD COLUMN file_modified_at TEXT; -- always of the form 2025-10-16T08:28:39.123456Z

DROP VIEW gfx_sessions_current;

-- One row per session: most hands first, then the newest file.
CREATE VIEW gfx_sessions_current AS
SELECT id, session_id, file_name, file_hash, raw_json, table_type, event_title, software_version, hand_count, player_count,
       session_created_at, nas_path, gfx_pc_id, sync_source, file_modified_at, created_at, updated_at
FROM (SELECT *, row_number() OVER (PARTITION BY coalesce(session_id, file_hash)
                                   ORDER BY hand_count DESC, file_modified_at DESC, id DESC) AS place
      FROM gfx_sessions)
WHERE place = 1;
