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

-- The hashes that the remote is known to have: those it has acknowledged to this index (own, with the file that each was uploaded
-- for), and those that a diff has found there. The sequence tells what was written down before a diff began.
CREATE TABLE remote_hashes (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	file_hash TEXT    NOT NULL UNIQUE,
	own       INTEGER NOT NULL,
	root      TEXT    NOT NULL DEFAULT '',
	order_key BLOB    NOT NULL DEFAULT x''
);
CREATE INDEX remote_hashes_foreign ON remote_hashes (own) WHERE NOT own;

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

-- The passes that have been made or asked for, and what they found.
CREATE TABLE passes (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	command      TEXT    NOT NULL, -- who asked: run, reconcile or verify
	mode         TEXT    NOT NULL CHECK (mode IN ('quick', 'full')),
	options      TEXT    NOT NULL DEFAULT '{}',
	requested_ms INTEGER NOT NULL,
	started_ms   INTEGER,
	finished_ms  INTEGER,
	report       TEXT
);
