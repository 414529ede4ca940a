-- Tables with one row for each session, or for each content of each PC.

-- Which session a file is of and how far it has come tell whose row it is, where a session has but one; the other files of the session
-- are superseded. What is known so far lacks both: every file is to be read once more.
CREATE TABLE files_new (
	root          TEXT    NOT NULL,
	order_key     BLOB    NOT NULL, -- the path with a NUL for each '/': the order of a directory walk
	path          TEXT    NOT NULL,
	size          INTEGER NOT NULL,
	mtime_ns      INTEGER NOT NULL,
	file_hash     TEXT    NOT NULL,
	session_id    INTEGER,
	hands         INTEGER NOT NULL DEFAULT 0,
	state         TEXT    NOT NULL CHECK (state IN ('pending', 'queued', 'synced', 'superseded', 'dead', 'invalid', 'gone')),
	error         TEXT    NOT NULL,
	stamp_seen_ms INTEGER NOT NULL,
	racy          INTEGER NOT NULL,
	seen_ms       INTEGER NOT NULL,
	synced_ms     INTEGER,
	PRIMARY KEY (root, order_key)
) WITHOUT ROWID;
INSERT INTO files_new (root, order_key, path, size, mtime_ns, file_hash, state, error, stamp_seen_ms, racy, seen_ms, synced_ms)
	SELECT root, order_key, path, size, mtime_ns, file_hash, state, error, stamp_seen_ms, 1, seen_ms, synced_ms FROM files;
DROP TABLE files;
ALTER TABLE files_new RENAME TO files;
CREATE INDEX files_hash    ON files (file_hash);
CREATE INDEX files_state   ON files (state, root, order_key);
CREATE INDEX files_session ON files (session_id) WHERE session_id IS NOT NULL;

-- The scope is the root in which a hash is one row of the remote, empty where it is one row whatever root it is in. Of a remote with
-- one row for each session, the version of that row is known too.
CREATE TABLE remote_new (
	seq        INTEGER PRIMARY KEY AUTOINCREMENT,
	scope      TEXT    NOT NULL DEFAULT '',
	file_hash  TEXT    NOT NULL,
	own        INTEGER NOT NULL,
	root       TEXT    NOT NULL DEFAULT '',
	order_key  BLOB    NOT NULL DEFAULT x'',
	session_id INTEGER UNIQUE,
	hands      INTEGER NOT NULL DEFAULT 0,
	mtime_ns   INTEGER NOT NULL DEFAULT 0,
	UNIQUE (scope, file_hash)
);
INSERT INTO remote_new (seq, scope, file_hash, own, root, order_key) SELECT seq, '', file_hash, own, root, order_key FROM remote_hashes;
DROP TABLE remote_hashes;
ALTER TABLE remote_new RENAME TO remote_hashes;
CREATE INDEX remote_hashes_foreign ON remote_hashes (own) WHERE NOT own;

ALTER TABLE pending_sync ADD COLUMN session_id INTEGER;
ALTER TABLE pending_sync ADD COLUMN hands    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending_sync ADD COLUMN mtime_ns INTEGER NOT NULL DEFAULT 0;
CREATE INDEX pending_sync_session ON pending_sync (session_id) WHERE session_id IS NOT NULL;
