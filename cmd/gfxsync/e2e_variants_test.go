//go:build unix

package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// variant is a table as they are out there, and the settings that serve it.
type variant struct {
	sql       string
	table     string // default gfx_sessions
	env       []string
	hash      hashindex.Algorithm
	bySession bool
	schemas   []string
}

const grants = `alter table %T enable row level security; grant select, insert, update, delete on %T to service_role;`

func (v variant) options() []supabasetest.Option {
	table := v.table
	if table == "" {
		table = "public.gfx_sessions"
	}
	opts := []supabasetest.Option{supabasetest.WithSQL(strings.ReplaceAll(v.sql, "%T", table))}
	if v.schemas != nil {
		opts = append(opts, supabasetest.WithSchemas(v.schemas...))
	}
	return opts
}

const rest = `, file_name text, event_title text, software_version text, hand_count int, player_count int, session_created_at timestamptz,
	nas_path text, gfx_pc_id text, sync_source text, created_at timestamptz default now(), updated_at timestamptz default now());` + grants

var variants = map[string]variant{
	"gfxsync's own": {sql: supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)},
	"required columns alone": {
		sql: `create table %T (file_hash text primary key, raw_json jsonb not null);` + grants,
	},
	"some columns missing": {
		sql: `create table %T (id uuid primary key default gen_random_uuid(), session_id bigint not null, file_name text not null,
			file_hash varchar(64) not null unique, raw_json json not null, hand_count int, note text default 'x');` + grants,
	},
	"table_type is an enum": {
		sql: `create type table_kind as enum ('FEATURE_TABLE', 'MAIN_TABLE', 'FINAL_TABLE', 'SIDE_TABLE', 'UNKNOWN');
			create table %T (id bigserial primary key, session_id bigint, file_hash text not null unique, raw_json jsonb not null,
			table_type table_kind not null default 'UNKNOWN'` + rest + `grant usage on sequence gfx_sessions_id_seq to service_role;`,
	},
	"session_id not null": {
		sql: `create table %T (session_id bigint not null, file_hash text not null unique, raw_json jsonb not null, table_type text` + rest,
	},
	"session_id unique": {
		sql: `create table %T (session_id bigint not null unique, file_hash text not null, raw_json jsonb not null, table_type text` + rest,
		env: []string{"GFX_SYNC_ON_CONFLICT=session_id"}, bySession: true,
	},
	"session_id unique, nothing else": {
		sql:       `create table %T (session_id bigint primary key, file_hash text, raw_json jsonb);` + grants,
		bySession: true,
	},
	"by session, gfxsync's own": {
		sql: supabase.SchemaSQL("public", "gfx_sessions", store.BySession),
		env: []string{"GFX_SYNC_ON_CONFLICT=session_id"}, bySession: true,
	},
	"unique on PC and hash": {
		sql: `create table %T (session_id bigint, file_hash text not null, raw_json jsonb not null, table_type text` + rest +
			`create unique index on %T (gfx_pc_id, file_hash);`,
	},
	"by PC and hash, gfxsync's own": {
		sql: supabase.SchemaSQL("public", "gfx_sessions", store.ByPCAndHash),
		env: []string{"GFX_SYNC_ON_CONFLICT=gfx_pc_id,file_hash"},
	},
	"SHA-256": {
		sql: `create table %T (file_hash char(64) primary key, session_id bigint, raw_json jsonb not null, table_type text` + rest,
		env: []string{"GFX_SYNC_HASH=sha256"}, hash: hashindex.SHA256,
	},
	"another schema": {
		sql: `create schema poker; grant usage on schema poker to service_role;
			create table %T (file_hash text primary key, session_id bigint, raw_json jsonb not null, table_type text` + rest,
		env: []string{"GFX_SYNC_SCHEMA=poker"}, table: "poker.gfx_sessions", schemas: []string{"public", "poker"},
	},
}

func TestTablesAsTheyAreOutThere(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		for kind, makeTree := range map[string]func(*testing.T) tree{
			"made up": func(*testing.T) tree { return sampleTree() }, "real": realTree,
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				files, v := makeTree(t), variants[name]
				g := supabasetest.New(t, v.options()...)
				s := newScene(t).onSupabase(g, g.SecretKey)
				s.env = append(s.env, v.env...)
				v.fill(t, s, g, files)
				before := v.rows(t, g)
				s.loseIndex()
				s.mustPass(0, "reconcile", "--full")
				s.mustPass(0, "verify", "--full")
				if after := v.rows(t, g); !slices.Equal(before, after) {
					t.Errorf("without its index, the agent made of the rows\n%v\nthese\n%v", before, after)
				}
			})
		}
	}
}

// fill has an agent bring the files into the table, and checks what is there then.
func (v variant) fill(t *testing.T, s *scene, g *supabasetest.Server, files tree) {
	t.Helper()
	s.start("--flush-interval", "0.1")
	files.writeTo(t, s.watch)
	_, count := files.jsonFiles()
	s.waitStatus("all files dealt with", func(st *reconcile.Status) bool {
		return st.Files == count && st.Synced+st.Superseded == count && st.Queued == 0
	})
	s.mustPass(0, "verify", "--full")
	s.stop()
	if r := s.mustPass(0, "verify"); !r.InSync || r.RemoteOnly != 0 {
		t.Errorf("the files are in, and verify says %+v", r)
	}
	if have, want := v.rows(t, g), v.want(files); !slices.Equal(have, want) {
		t.Errorf("the table has\n%v\nwant\n%v", have, want)
	}
}

func (v variant) rows(t *testing.T, g *supabasetest.Server) []string {
	t.Helper()
	table := v.table
	if table == "" {
		table = "gfx_sessions"
	}
	return g.QueryStrings(t, `select trim(file_hash) || ' ' || (raw_json->>'ID') from `+table+` order by 1`)
}

// want returns the hash and the session of each row that is to be: of each content, or of each session's best version.
func (v variant) want(files tree) (rows []string) {
	type content struct {
		hash, id string
		hands    int64
	}
	best := map[string]content{}
	for path, text := range files {
		if !strings.HasSuffix(path, ".json") {
			continue
		}
		c := content{v.hash.Sum(text), gjson.GetBytes(text, "ID").Raw, gjson.GetBytes(text, "Hands.#").Int()}
		key := c.hash
		if v.bySession {
			key = c.id
		}
		if old, ok := best[key]; !ok || c.hands > old.hands {
			best[key] = c
		}
	}
	for _, c := range best {
		rows = append(rows, c.hash+" "+c.id)
	}
	slices.Sort(rows)
	return rows
}

// loseIndex takes the queue database away, as a new PC would find it.
func (s *scene) loseIndex() { s.queue += ".new" }

// TestARecordThatHasNoRowBySessionIsSaid: it has waited since contents were rows, its file is gone, and no other is to wait for it.
func TestARecordThatHasNoRowBySessionIsSaid(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.env = nowhere(t)
	gone, stays := filepath.Join(s.watch, "gone.json"), filepath.Join(s.watch, "stays.json")
	writeFile(t, gone, []byte(`{"note":"no ID"}`))
	writeFile(t, stays, []byte(`{"note":"none either"}`))
	sampleTree().writeTo(t, s.watch)
	_, count := sampleTree().jsonFiles()
	s.start()
	// two files are equal
	s.waitStatus("all records wait", func(st *reconcile.Status) bool {
		return st.Queued+1 == count+2
	})
	s.stop()
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}

	g := supabasetest.New(t, variants["by session, gfxsync's own"].options()...)
	s.onSupabase(g, g.SecretKey)
	s.env = append(s.env, "GFX_SYNC_ON_CONFLICT=session_id")
	s.start()
	s.waitStatus("all but the two are dealt with", func(st *reconcile.Status) bool {
		return st.Synced+st.Superseded == count && st.Invalid == 1 && st.Queued == 0 && st.Dead == 2
	})
	out, err := s.command("queue", "list", "--queue-db", s.queue).Output()
	if err != nil || strings.Count(string(out), "no session ID") != 2 {
		t.Errorf("queue list: %s, %v", out, err)
	}
	s.stop()
}
