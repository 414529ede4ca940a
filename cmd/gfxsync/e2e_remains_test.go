//go:build unix

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// examineRemains looks at the queue database that a dead agent has left: what it says has arrived must be in the table, and what
// waits in it is owed from now on. It looks at a copy, for the next agent is to find the file as it was left.
func (c *crashes) examineRemains() {
	c.t.Helper()
	db := c.openCopy()
	if db == nil {
		return
	}
	defer db.Close()
	if found := c.strings(db, `PRAGMA integrity_check`); len(found) != 1 || found[0] != "ok" {
		c.t.Errorf("after a kill, the queue database is damaged: %v", found)
	}
	waiting := c.strings(db, `SELECT file_hash FROM pending_sync`)
	c.waited += len(waiting)
	for _, hash := range waiting {
		if c.w.content(hash) == nil {
			c.t.Errorf("%s waits in the queue, and nobody wrote it", hash)
		}
		c.owe(map[string]bool{hash: true})
	}
	if lost := c.strings(db, `SELECT f.file_hash FROM files f LEFT JOIN pending_sync p USING (file_hash) WHERE f.state = 'queued' AND p.id IS NULL`); lost != nil {
		c.t.Errorf("the index calls %v queued, and the queue does not have them", lost)
	}
	rows := map[string]bool{}
	for _, hash := range c.g.QueryStrings(c.t, `SELECT file_hash FROM gfx_sessions`) {
		rows[hash] = true
	}
	for _, hash := range c.strings(db, `SELECT file_hash FROM files WHERE state = 'synced' UNION SELECT file_hash FROM remote_hashes`) {
		if !rows[hash] {
			c.t.Errorf("the index says that %s has arrived, and the table does not have it", hash)
		}
	}
}

// content returns the content of that hash, nil if it was never written.
func (w *writer) content(hash string) (content []byte) {
	w.still(func() { content = w.contents[hash] })
	return content
}

// openCopy opens a copy of the queue database; nil if there is none yet, or none that has a schema.
func (c *crashes) openCopy() *sql.DB {
	c.t.Helper()
	copied := filepath.Join(c.t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} { // -shm is made anew of them
		content, err := os.ReadFile(c.queue + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(copied+suffix, content, 0o600)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", copied)
	if err != nil {
		c.t.Fatal(err)
	}
	if version := c.strings(db, `PRAGMA user_version`); version[0] == "0" {
		db.Close()
		return nil
	}
	return db
}

func (c *crashes) strings(db *sql.DB, query string) (all []string) {
	c.t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		c.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			c.t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		c.t.Fatalf("%s: %v", query, err)
	}
	return all
}

// firstSchema is reconcile/state's schema of version 1, with the rows of the database that is attached as now.
const firstSchema = `
	INSERT INTO files SELECT root, order_key, path, size, mtime_ns, file_hash, state, error, stamp_seen_ms, racy, seen_ms, synced_ms FROM now.files;
	INSERT INTO remote_hashes SELECT seq, file_hash, own, root, order_key FROM now.remote_hashes;
	INSERT INTO pending_sync SELECT id, root, file_path, file_hash, record_json, retry_count, dead, last_error, created_at, last_attempt, next_attempt
		FROM now.pending_sync;
	INSERT INTO notes SELECT * FROM now.notes;
	INSERT INTO passes SELECT * FROM now.passes;
	PRAGMA user_version = 1;`

// putBackFirstSchema makes the queue database one that the first gfxsync has left, with everything in it.
func (c *crashes) putBackFirstSchema() {
	c.t.Helper()
	now := c.openCopy()
	if now == nil {
		return
	}
	defer now.Close()
	now.SetMaxOpenConns(1)
	if c.strings(now, `PRAGMA user_version`)[0] == "1" {
		return // killed before it was brought up to date
	}
	schema, err := os.ReadFile("../../reconcile/state/001.sql")
	if err != nil {
		c.t.Fatal(err)
	}
	first := filepath.Join(c.t.TempDir(), "first.db")
	db, err := sql.Open("sqlite", first)
	if err != nil {
		c.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	name := c.strings(now, `SELECT file FROM pragma_database_list WHERE name = 'main'`)[0]
	_, err = db.Exec(fmt.Sprintf("PRAGMA journal_mode = WAL; ATTACH '%s' AS now; BEGIN; %s %s COMMIT; DETACH now;", name, schema, firstSchema))
	if err := errors.Join(err, db.Close()); err != nil {
		c.t.Fatalf("make a database of the first schema: %v", err)
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(c.queue + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.t.Fatal(err)
		}
	}
	if err := os.Rename(first, c.queue); err != nil {
		c.t.Fatal(err)
	}
}
