package reconcile

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// subject is a place whose rows the test can change behind the agent's back, whichever the table is.
type subject struct {
	*place
	server *supabasetest.Server // nil: the table is a SQLite file
}

// subjects are the tables that a diff is tried on.
var subjects = map[string]func(t *testing.T) *subject{
	"local":              func(t *testing.T) *subject { return &subject{place: tempPlace(t)} },
	"local without view": func(t *testing.T) *subject { return withoutDigest(&subject{place: tempPlace(t)}) },
	"postgres": func(t *testing.T) *subject {
		return onPostgres(t, supabase.SchemaSQL("public", "gfx_sessions", store.ByHash))
	},
	"postgres without view": func(t *testing.T) *subject { return onPostgres(t, supabasetest.DefaultSchema) },
}

var digestViews = map[string]bool{"local": true, "postgres": true}

func withoutDigest(s *subject) *subject {
	s.remote.noDigest = true
	return s
}

func onPostgres(t *testing.T, schema string) *subject {
	t.Helper()
	server := supabasetest.New(t, supabasetest.WithSQL(schema))
	p := &place{remote: newFlaky(supabaseAt(t, server.URL, server.SecretKey, patience))}
	dir := t.TempDir()
	p.dir = filepath.Join(dir, "root")
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.cfg = settings(p.dir, filepath.Join(dir, "queue.db"), p.remote)
	return &subject{place: p, server: server}
}

// supabaseAt is a remote of the project at that address, until the test ends.
func supabaseAt(t *testing.T, address, key string, timeout time.Duration) *supabase.Remote {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	k, err := supabase.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	table := supabase.New(supabase.Options{URL: at, Key: k, Timeout: timeout, UserAgent: "gfxsync/test"})
	t.Cleanup(func() { _ = table.Close() })
	return table
}

// exec runs a statement with a JSON array of hashes, of which each is a row of the table expression HASHES.
func (s *subject) exec(t *testing.T, local, postgres string, hashes []string) {
	t.Helper()
	list, err := json.Marshal(hashes)
	if err != nil {
		t.Fatal(err)
	}
	if s.server != nil {
		s.server.Exec(t, postgres, string(list))
		return
	}
	withFile(t, s.tableDB, func(db *sql.DB) error {
		_, err := db.Exec(local, string(list))
		return err
	})
}

func (s *subject) insert(t *testing.T, hashes ...string) {
	t.Helper()
	s.exec(t, `INSERT INTO gfx_sessions (file_hash, raw_json) SELECT value, '{}' FROM json_each(?)`,
		`INSERT INTO gfx_sessions (file_hash, raw_json) SELECT value, '{}' FROM json_array_elements_text($1::text::json)`, hashes)
}

func (s *subject) lose(t *testing.T, hashes ...string) {
	t.Helper()
	s.exec(t, `DELETE FROM gfx_sessions WHERE file_hash IN (SELECT value FROM json_each(?))`,
		`DELETE FROM gfx_sessions WHERE file_hash IN (SELECT value FROM json_array_elements_text($1::text::json))`, hashes)
}

// know has the index take the remote to have these hashes, all uploaded by itself.
func (s *subject) know(t *testing.T, hashes ...string) {
	t.Helper()
	list, err := json.Marshal(hashes)
	if err != nil {
		t.Fatal(err)
	}
	withFile(t, s.cfg.QueueDB, func(db *sql.DB) error {
		_, err := db.Exec(`INSERT INTO remote_hashes (file_hash, own) SELECT value, 1 FROM json_each(?)`, string(list))
		return err
	})
}

func (s *subject) rows(t *testing.T) []string {
	t.Helper()
	if s.server != nil {
		return s.server.QueryStrings(t, `SELECT file_hash FROM gfx_sessions ORDER BY file_hash COLLATE "C"`)
	}
	return s.hashes(t)
}

func (s *subject) wantAll(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := s.rows(t); !slices.Equal(got, want) {
		t.Errorf("the table has %d rows, want %d", len(got), len(want))
	}
}

// compared returns how many requests a comparison with the remote has made.
func (s *subject) compared() int { return s.remote.counted("digest", "hashes") }

// md5s makes up n hashes.
func md5s(n int) []string {
	hashes := make([]string, n)
	for i := range hashes {
		sum := md5.Sum([]byte(strconv.Itoa(i)))
		hashes[i] = hex.EncodeToString(sum[:])
	}
	return hashes
}

// sessionsApart writes n sessions whose hashes begin differently, and returns the hashes.
func (p *place) sessionsApart(t *testing.T, n int) (hashes []string) {
	t.Helper()
	seen := map[string]bool{}
	for seed := 0; len(hashes) < n; seed++ {
		name := strconv.Itoa(seed) + ".json"
		hash := p.session(t, name, seed, 1)
		if seen[hash[:2]] {
			p.remove(t, name)
			continue
		}
		seen[hash[:2]] = true
		hashes = append(hashes, hash)
	}
	return hashes
}

// othersApart makes up n hashes of another agent that begin differently, and not as any of these.
func othersApart(n int, hashes []string) (others []string) {
	seen := map[string]bool{}
	for _, h := range hashes {
		seen[h[:2]] = true
	}
	for i := 0; len(others) < n; i++ {
		sum := md5.Sum([]byte("other" + strconv.Itoa(i)))
		if h := hex.EncodeToString(sum[:]); !seen[h[:2]] {
			seen[h[:2]] = true
			others = append(others, h)
		}
	}
	return others
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience+time.Minute)
	t.Cleanup(cancel)
	return ctx
}
