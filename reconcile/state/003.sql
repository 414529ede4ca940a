-- Who is to blame for a failure that may be a record's fault or the remote's.

-- Suspects are records that failed in a request of their own: 1, and no other record's upsert has succeeded since; 2, and one has.
ALTER TABLE pending_sync ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;
-- When a refusal was last counted, in milliseconds since 1970.
ALTER TABLE pending_sync ADD COLUMN counted_at INTEGER;
CREATE INDEX pending_sync_suspects ON pending_sync (last_attempt, id) WHERE suspect > 0;
