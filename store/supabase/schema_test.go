package supabase_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/storetest"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

var conflictKeys = []store.ConflictKey{store.ByHash, store.ByPCAndHash, store.BySession}

// forEachKey runs the test for each conflict key, in parallel.
func forEachKey(t *testing.T, test func(t *testing.T, key store.ConflictKey)) {
	t.Parallel()
	for _, key := range conflictKeys {
		t.Run(key.String(), func(t *testing.T) {
			t.Parallel()
			test(t, key)
		})
	}
}

// place is a table for the schema to be applied to.
type place struct {
	*supabasetest.Server
	schema, table string
	key           store.ConflictKey
	made          string // the SQL that made the table
	hash          hashindex.Algorithm
}

// at makes a place in an empty database, or in one that the SQL has filled.
func at(t testing.TB, schema, table string, key store.ConflictKey, sql string) *place {
	t.Helper()
	opts := []supabasetest.Option{supabasetest.WithoutTable(), supabasetest.WithSchemas("public", schema)}
	p := &place{Server: supabasetest.New(t, opts...), schema: schema, table: table, key: key, made: sql}
	if sql != "" {
		p.exec(t, sql)
	}
	return p
}

// inPublic makes a place with the default schema and the default name of the table.
func inPublic(t *testing.T, key store.ConflictKey, sql string) *place {
	t.Helper()
	return at(t, "public", "gfx_sessions", key, sql)
}

// exec runs SQL. In it, TABLE! stands for the table.
func (p *place) exec(t testing.TB, sql string) { t.Helper(); p.Exec(t, p.sql(sql)) }

func (p *place) query(t *testing.T, sql string) []string {
	t.Helper()
	return p.QueryStrings(t, p.sql(sql))
}

func (p *place) sql(sql string) string {
	return strings.ReplaceAll(sql, "TABLE!", fmt.Sprintf(`"%s"."%s"`, p.schema, p.table))
}

// apply applies the schema as one query of many statements, as Supabase's SQL editor does.
func (p *place) apply(t *testing.T) {
	t.Helper()
	p.Exec(t, supabase.SchemaSQL(p.schema, p.table, p.key))
}

// applyError applies the schema. This must fail, and applyError returns the error.
func (p *place) applyError(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := p.DB().Exec(ctx, supabase.SchemaSQL(p.schema, p.table, p.key))
	if err == nil {
		t.Fatal("applied without an error")
	}
	return err
}

func (p *place) remote(t *testing.T) *supabase.Remote {
	t.Helper()
	return remoteAt(t, p.URL, p.SecretKey, func(o *supabase.Options) {
		o.Schema, o.Table, o.Conflict = p.schema, p.table, p.key
	})
}

// record makes the record of a made-up session with the hash of its content.
func (p *place) record(t *testing.T, seed, hands int, pc string) store.Record {
	t.Helper()
	r := storetest.Record(t, seed, hands)
	r.FileHash, r.GFXPCID = p.hash.Sum(r.RawJSON), pc
	return r
}

func (p *place) upsert(t *testing.T, records ...store.Record) {
	t.Helper()
	slices.SortFunc(records, func(a, b store.Record) int { return strings.Compare(a.FileHash, b.FileHash) })
	if err := p.remote(t).Upsert(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// get makes a GET request to the REST interface with a legacy key. It returns status and body.
func (p *place) get(t *testing.T, path, token string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/rest/v1/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Apikey": {token}, "Authorization": {"Bearer " + token}, "Accept-Profile": {p.schema}}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// digest reads the digest view as an agent does. If the view has rows for each PC, it reads those of one PC.
func (p *place) digest(t *testing.T, pc string) (d hashindex.Digest) {
	t.Helper()
	view := p.table + "_digest"
	if p.table == "gfx_sessions" {
		view = "gfx_session_digest"
	}
	filter := ""
	if p.key == store.ByPCAndHash {
		filter = "&gfx_pc_id=eq." + pc
	}
	status, body := p.get(t, view+"?select=prefix,rows,xor&order=prefix"+filter, p.ServiceJWT)
	var rows []struct {
		Prefix    string
		Rows, XOR int64
	}
	if err := json.Unmarshal(body, &rows); err != nil || status != http.StatusOK || len(rows) != len(d) {
		t.Fatalf("digest: HTTP %d, %d rows, %v: %.200s", status, len(rows), err, body)
	}
	for i, row := range rows {
		if row.Prefix != fmt.Sprintf("%02x", i) {
			t.Fatalf("row %d of the digest is of prefix %q", i, row.Prefix)
		}
		d[i].Rows, d[i].XOR = row.Rows, uint64(row.XOR)
	}
	return d
}

// digestOf returns the digest of the hashes that the index computes.
func digestOf(hashes ...string) (d hashindex.Digest) {
	for _, h := range hashes {
		d.Add(h)
	}
	return d
}

func TestSchemaOverAnEmptyDatabase(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		for name, p := range map[string]*place{
			"public":       inPublic(t, key, ""),
			"other schema": at(t, "gfx", "sessions", key, ""),
			"mixed case":   at(t, "Gfx_2", "Gfx_Sessions", key, ""),
		} {
			t.Run(name, func(t *testing.T) {
				p.apply(t)
				p.apply(t)
				a, b := p.record(t, 1, 3, "PC01"), p.record(t, 2, 3, "PC01")
				p.upsert(t, a, b)
				p.apply(t)
				p.upsert(t, a, b)
				if n := p.query(t, `select count(*) from TABLE!`); n[0] != "2" {
					t.Errorf("%s rows, want two", n[0])
				}
				if p.digest(t, "PC01") != digestOf(a.FileHash, b.FileHash) {
					t.Error("the digest is not that of the rows")
				}
			})
		}
	})
}

func TestSchemaMakesTheConflictKeyTheIdentityOfARow(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, "")
		p.apply(t)
		p.upsert(t, p.record(t, 1, 1, "PC01"))
		p.upsert(t, p.record(t, 1, 2, "PC01")) // a later version of the session
		p.upsert(t, p.record(t, 1, 2, "PC02")) // the same file on another PC
		want := map[store.ConflictKey]string{
			store.ByHash:      "1 PC01, 2 PC02",
			store.ByPCAndHash: "1 PC01, 2 PC01, 2 PC02",
			store.BySession:   "2 PC02",
		}
		got := p.query(t,
			`select string_agg(hand_count || ' ' || gfx_pc_id, ', ' order by hand_count, gfx_pc_id) from TABLE!`)
		if got[0] != want[key] {
			t.Errorf("rows: %s, want %s", got[0], want[key])
		}
	})
}

func TestSchemaSecondDigestIsOfEachPC(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByPCAndHash, "")
	p.apply(t)
	hashes := map[string][]string{}
	for seed := range 40 {
		pc := fmt.Sprintf("PC%02d", 1+seed%2)
		r := p.record(t, seed/2*(1+seed%2), 1, pc) // some sessions are on both PCs
		p.upsert(t, r)
		hashes[pc] = append(hashes[pc], r.FileHash)
	}
	for pc, list := range hashes {
		slices.Sort(list)
		if p.digest(t, pc) != digestOf(slices.Compact(list)...) {
			t.Errorf("the digest of %s is not that of its rows", pc)
		}
	}
	if n := p.query(t, `select count(*) from gfx_session_digest`); n[0] != "512" {
		t.Errorf("%s rows, want 256 for each of two PCs", n[0])
	}
}

// The view leaves out the same malformed hashes as hashindex.Digest.
func TestSchemaDigestLeavesOutWhatIsNoHash(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, "")
		p.apply(t)
		r := p.record(t, 1, 1, "PC01")
		p.upsert(t, r)
		p.exec(t, `insert into TABLE! (file_hash, raw_json, gfx_pc_id, session_id) values
			('ABCDEF0123456789ABCDEF', '{}', 'PC01', 11), ('abCDEF0123456789ABCDEF', '{}', 'PC01', 12),
			('abc', '{}', 'PC01', 13),
			('md5:0123456789abcdef', '{}', 'PC01', 14), ('', '{}', 'PC01', 15)`)
		if p.digest(t, "PC01") != digestOf(r.FileHash) {
			t.Error("the digest is not that of the one hash")
		}
	})
}

// The table has row level security without a policy. The views use the rights of the reader.
func TestSchemaShowsNothingToAnybodyElse(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		for _, p := range []*place{inPublic(t, key, ""), at(t, "gfx", "gfx_sessions", key, "")} {
			p.apply(t)
			p.upsert(t, p.record(t, 1, 3, "PC01"), p.record(t, 2, 3, "PC01"))
			authenticated := p.JWT(map[string]any{"role": "authenticated"})
			for path, rows := range map[string]int{
				"gfx_sessions": 2, "gfx_sessions_current": 2, "gfx_session_digest?rows=gt.0": 2,
			} {
				for _, token := range []string{p.AnonJWT, authenticated} {
					if status, body := p.get(t, path, token); status == http.StatusOK &&
						strings.TrimSpace(string(body)) != "[]" {
						t.Errorf("%s.%s: HTTP %d, %.100s, want no row", p.schema, path, status, body)
					}
				}
				var seen []any
				status, body := p.get(t, path, p.ServiceJWT)
				if err := json.Unmarshal(body, &seen); err != nil || len(seen) != rows {
					t.Errorf("%s.%s: HTTP %d, %.100s: service_role sees %d rows, want %d", p.schema, path, status, body,
						len(seen), rows)
				}
			}
		}
	})
}
