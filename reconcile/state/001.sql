-- What is known of every file: one row for a path, its present content.
CREATE TABLE files (
	root          TEXT    NOT NULL,
	order_key     BLOB    NOT NULL, -- the path with a NUL for each '/': the order of a directory walk
	path          TEXT    NOT NULL,
	size          INTEGER NOT NULL,
	mtime_ns      INTEGER NOT NULL,
	file_hash     TEXT    NOT NULL,
	state         TEXT    NOT NULL CHECK (state IN ('pending', 'queued', 'synced', 'dead', 'invalid', 'gone')),
	error         TEXT    NOT NULL,
	stamp_seen_ms INTEGER NOT NULL,
	racy          INTEGER NOT NULL,
	seen_ms       INTEGER NOT NULL,
	synced_ms     INTEGER,
	PRIMARY KEY (root, order_key)
) WITHOUT ROWID;
CREATE INDEX files_hash  ON files (file_hash);
CREATE INDEX files_state ON files (state, root, order_key);

-- Every hash that the remote has ever acknowledged to this index.
CREATE TABLE acknowledged (
	file_hash TEXT PRIMARY KEY,
	at_ms     INTEGER NOT NULL
) WITHOUT ROWID;

-- Records that wait for the remote (FT-0011, section 3.4, and what has been found necessary since).
CREATE TABLE pending_sync (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	root         TEXT    NOT NULL,
	file_path    TEXT    NOT NULL,
	file_hash    TEXT    NOT NULL,
	record_json  TEXT    NOT NULL,
	retry_count  INTEGER NOT NULL DEFAULT 0,
	dead         INTEGER NOT NULL DEFAULT 0,
	last_error   TEXT    NOT NULL DEFAULT '',
	created_at   INTEGER NOT NULL, -- milliseconds since 1970, as are the next two
	last_attempt INTEGER,
	next_attempt INTEGER NOT NULL DEFAULT 0,
	UNIQUE (root, file_hash)
);
CREATE INDEX pending_sync_hash ON pending_sync (file_hash);

-- One value for each name: what the agent tells the status command.
CREATE TABLE notes (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
