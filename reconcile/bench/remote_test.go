package bench_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// BenchmarkQueue measures a pass that delivers the queue after an outage.
func BenchmarkQueue(b *testing.B) {
	records := scaled(b, 10_000)
	server := newServer(b)
	var bodies [][]byte
	var mu sync.Mutex // two requests are in flight at the same time
	remote := &observed{remoteOf(b, server), func(sent []store.Record) {
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, encode(sent))
	}}
	cfg := config(b, tree(b, records, session), remote)
	server.Stop()
	if r, _ := pass(b, cfg, reconcile.Quick); r.Queued != records {
		b.Fatalf("not all in the queue: %+v", r)
	}
	server.Start()
	full, err := os.ReadFile(cfg.QueueDB)
	must(b, err)

	ours := func() time.Duration {
		execute(b, server, `TRUNCATE gfx_sessions`)
		cfg.QueueDB = filepath.Join(b.TempDir(), "pending.db")
		must(b, os.WriteFile(cfg.QueueDB, full, 0o600))
		return synced(b, cfg, reconcile.Quick)
	}
	ours()
	same := bodies // the bodies of one pass
	remote.upserted = func([]store.Record) {}
	client := newBare(b, server)
	floor := func() time.Duration {
		execute(b, server, `TRUNCATE gfx_sessions`)
		begin := time.Now()
		for _, body := range same {
			client.post(body)
		}
		return time.Since(begin)
	}
	for _, latency := range []time.Duration{0, 30 * time.Millisecond} {
		b.Run(latency.String(), func(b *testing.B) {
			server.SetLatency(latency)
			what := fmt.Sprintf("delivery of %s queued records, with %v of latency", count(records), latency)
			compare(b, 1, what, "bare POSTs of the same "+count(len(same))+" bodies, one after the other", floor, ours)
		})
	}
}

// noDigest makes a table without the digest view.
type noDigest struct{ store.Table }

func (n noDigest) Digest(context.Context) (store.Digest, error) {
	return store.Digest{}, store.ErrNoDigest
}
func (n noDigest) OfPC(string) store.Table { return n }

// BenchmarkRemoteDiff measures a verify that finds no difference between the table and the index.
func BenchmarkRemoteDiff(b *testing.B) {
	rows := scaled(b, 1_000_000)
	server := newServer(b)
	remote := remoteOf(b, server)
	cfg := config(b, tree(b, 1, small), remote)
	synced(b, cfg, reconcile.Quick)
	// VACUUM only marks pages whose transactions are on the disk.
	execute(b, server, fmt.Sprintf(`SET LOCAL synchronous_commit = on; INSERT INTO gfx_sessions (file_hash, raw_json)
		SELECT lpad(to_hex(i * 40503 %% 65536), 4, '0') || lpad(to_hex(i), 28, '0'), '{}'
			FROM generate_series(1::bigint, %d) AS i`, rows))
	execute(b, server, `VACUUM ANALYZE gfx_sessions`)
	execute(b, server, plainDigest)
	know(b, cfg.QueueDB, rows)
	s, err := state.Open(b.Context(), cfg.QueueDB)
	must(b, err)
	defer func() { must(b, s.Close()) }()
	server.SetStatementTimeout(0) // on a busy machine, the digest may take longer than Supabase's limit of 8 seconds
	verify := func(b *testing.B, table store.Table) func() time.Duration {
		cfg := cfg
		cfg.Remote = table
		return func() time.Duration {
			begin := time.Now()
			survey := &reconcile.Survey{Config: cfg, State: s}
			r, err := survey.Run(b.Context(), reconcile.Quick, reconcile.PassOptions{})
			must(b, err)
			if !r.InSync || r.RemoteOnly > 0 {
				b.Fatalf("the tables differ: %+v", r)
			}
			return time.Since(begin)
		}
	}
	what := "remote diff of " + count(rows) + " equal rows"
	b.Run("view", func(b *testing.B) {
		compare(b, 1, what+", with the view", "a bare GET of the view",
			newBare(b, server).digest("gfx_session_digest"), verify(b, remote))
	})
	b.Run("index", func(b *testing.B) {
		client := newBare(b, server)
		compare(b, 1, "a bare GET of the view over "+count(rows)+" rows", "the same without its index and statistics",
			client.digest("plain_digest"), client.digest("gfx_session_digest"))
	})
	b.Run("pages", func(b *testing.B) {
		compare(b, 1, what+", without the view", "bare GETs of all pages", newBare(b, server).pages,
			verify(b, noDigest{remote}))
	})
}

// know records in the index the rows that were made on the remote.
func know(b *testing.B, queueDB string, rows int) {
	b.Helper()
	db, err := sql.Open("sqlite", queueDB)
	must(b, err)
	_, err = db.ExecContext(b.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO remote_hashes (file_hash, own) SELECT printf('%04x%028x', i * 40503 % 65536, i), 1 FROM n`, rows)
	must(b, err)
	must(b, db.Close())
}

// plainDigest is the digest view in a form that no index of the schema can serve.
const plainDigest = `CREATE VIEW plain_digest AS
	SELECT p.prefix, coalesce(d.rows, 0) AS rows, coalesce(d.xor, 0) AS xor
	FROM (SELECT lpad(to_hex(n), 2, '0') AS prefix FROM generate_series(0, 255) AS n) AS p
	LEFT JOIN (
		SELECT substr(hash, 1, 2) AS prefix, count(*) AS rows,
			bit_xor(('x' || substr(hash, 1, 16))::bit(64)::bigint) AS xor
		FROM (SELECT file_hash AS hash FROM gfx_sessions OFFSET 0) AS t
		WHERE hash ~ '^[0-9a-f]{16,}$'
		GROUP BY 1
	) AS d ON d.prefix = p.prefix`

// digest reads a digest view.
func (c *bare) digest(view string) func() time.Duration {
	return func() time.Duration {
		begin := time.Now()
		c.do("GET", view+"?select=prefix,rows,xor&order=prefix.asc", nil)
		return time.Since(begin)
	}
}

func (c *bare) pages() time.Duration {
	begin := time.Now()
	for after := ""; ; {
		var page []struct {
			Hash string `json:"file_hash"`
		}
		must(c.B, json.Unmarshal(c.do("GET",
			"gfx_sessions?select=file_hash&order=file_hash.asc&limit=1000&file_hash=gt."+after, nil), &page))
		if len(page) == 0 {
			return time.Since(begin)
		}
		after = page[len(page)-1].Hash
	}
}
