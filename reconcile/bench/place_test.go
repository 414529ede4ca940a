package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// config returns the configuration of an agent for the folder, with its own queue database.
func config(b *testing.B, folder string, remote store.Table) reconcile.Config {
	return reconcile.Config{
		Roots: []hashindex.Root{{Dir: folder}}, QueueDB: filepath.Join(b.TempDir(), "pending.db"), Remote: remote,
		PCID: "GFX-BENCH",
	}
}

// pass runs one pass and returns how long it took.
func pass(b *testing.B, cfg reconcile.Config, mode reconcile.Mode) (*reconcile.Report, time.Duration) {
	b.Helper()
	begin := time.Now()
	r, err := reconcile.Reconcile(b.Context(), cfg, mode, reconcile.PassOptions{}, nil)
	must(b, err)
	return r, time.Since(begin)
}

// synced runs a pass. Afterwards nothing may be left to do.
func synced(b *testing.B, cfg reconcile.Config, mode reconcile.Mode) time.Duration {
	b.Helper()
	r, took := pass(b, cfg, mode)
	if !r.InSync {
		b.Fatalf("not in sync: %+v", r)
	}
	return took
}

// tree makes a folder of n files, a thousand in each subfolder. They are two days old, like most files: a younger file
// has to be hashed more than once.
func tree(b *testing.B, n int, content func(i int) []byte) string {
	b.Helper()
	dir, old := b.TempDir(), time.Now().Add(-48*time.Hour)
	for i := range n {
		name := filepath.Join(dir, fmt.Sprintf("%03d", i/1000), fmt.Sprintf("GameID=%d.json", i))
		if i%1000 == 0 {
			must(b, os.Mkdir(filepath.Dir(name), 0o700))
		}
		must(b, os.WriteFile(name, content(i), 0o600))
		must(b, os.Chtimes(name, old, old))
	}
	return dir
}

// small returns the smallest content that makes a row.
func small(i int) []byte { return fmt.Appendf(nil, `{"ID":%d}`, i) }

// session returns the content of a file after its first hand, about 3 KB.
func session(i int) []byte { return sample.New(i).Play(1).JSON() }

// newServer makes a project with the tables of gfxsync schema.
func newServer(b *testing.B) *supabasetest.Server {
	return supabasetest.New(b, supabasetest.WithSQL(supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)))
}

func remoteOf(b *testing.B, server *supabasetest.Server) *supabase.Remote {
	b.Helper()
	at, err := url.Parse(server.URL)
	must(b, err)
	key, err := supabase.ParseKey(server.SecretKey)
	must(b, err)
	r := supabase.New(supabase.Options{URL: at, Key: key, UserAgent: "gfxsync/bench"})
	b.Cleanup(func() { must(b, r.Close()) })
	return r
}

// execute runs a statement that may take longer than the time limit of tests.
func execute(b *testing.B, server *supabasetest.Server, sql string, args ...any) {
	b.Helper()
	_, err := server.DB().Exec(b.Context(), sql, args...)
	must(b, err)
}

// bare makes the same requests as gfxsync, and does nothing else.
type bare struct {
	*testing.B
	client *http.Client
	server *supabasetest.Server
}

func newBare(b *testing.B, server *supabasetest.Server) *bare {
	transport := &http.Transport{}
	b.Cleanup(transport.CloseIdleConnections)
	return &bare{B: b, client: &http.Client{Transport: transport}, server: server}
}

// post upserts the rows in the body.
func (c *bare) post(body []byte) {
	c.Helper()
	c.do(http.MethodPost, "gfx_sessions?on_conflict=file_hash", body)
}

func (c *bare) do(method, what string, body []byte) []byte {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.server.URL+"/rest/v1/"+what, bytes.NewReader(body))
	must(c.B, err)
	req.Header.Set("Apikey", c.server.SecretKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "resolution=merge-duplicates,return=minimal")
	res, err := c.client.Do(req)
	must(c.B, err)
	answer, err := io.ReadAll(res.Body)
	must(c.B, err)
	must(c.B, res.Body.Close())
	if res.StatusCode >= 300 {
		c.Fatalf("%s %s: %s: %s", method, what, res.Status, answer)
	}
	return answer
}

// encode returns the body of a request that upserts the records into a table without the extra columns.
func encode(records []store.Record) []byte {
	without := map[string]bool{}
	for _, column := range store.ExtraColumns() {
		without[column] = true
	}
	body := []byte{'['}
	for i := range records {
		body = append(records[i].AppendJSON(body, without), ',')
	}
	body[len(body)-1] = ']'
	return body
}

// observed is a table that reports every acknowledged upsert.
type observed struct {
	store.Table
	upserted func([]store.Record)
}

func (o *observed) Upsert(ctx context.Context, records []store.Record) error {
	err := o.Table.Upsert(ctx, records)
	if err == nil {
		o.upserted(records)
	}
	return err
}

func (o *observed) OfPC(string) store.Table { return o }

// nowhere is a table that costs no time. It keeps only the digest of the records that it was sent.
type nowhere struct {
	store.Table // nil: a pass without changes does not call its other methods

	mu     sync.Mutex
	digest hashindex.Digest
}

func (n *nowhere) Upsert(_ context.Context, records []store.Record) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range records {
		n.digest.Add(records[i].FileHash)
	}
	return nil
}

func (n *nowhere) Digest(context.Context) (store.Digest, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return store.Digest(n.digest), nil
}

func (n *nowhere) Ping(context.Context) error { return nil }
func (n *nowhere) OfPC(string) store.Table    { return n }
func (n *nowhere) Requests() int64            { return 0 }
