package supabase_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

const bare = `create table gfx_sessions (session_id bigint, file_hash text, raw_json jsonb, gfx_pc_id text); `

func TestRulesOfATable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sql      string
		unique   []store.ConflictKey
		required bool
		class    store.Class // 0: no error
		says     []string
	}{
		"hash": {
			sql:    bare + `alter table gfx_sessions add unique (file_hash)`,
			unique: []store.ConflictKey{store.ByHash},
		},
		"session": {
			sql:    bare + `create unique index on gfx_sessions (session_id)`,
			unique: []store.ConflictKey{store.BySession},
		},
		"session as primary key": {
			sql:    bare + `alter table gfx_sessions add primary key (session_id)`,
			unique: []store.ConflictKey{store.BySession}, required: true,
		},
		"PC and hash, the other way round": {
			sql:    bare + `alter table gfx_sessions alter session_id set not null, add unique (file_hash, gfx_pc_id)`,
			unique: []store.ConflictKey{store.ByPCAndHash}, required: true,
		},
		"all of them": {
			sql: bare + `alter table gfx_sessions add unique (gfx_pc_id, file_hash), add unique (session_id),
					add unique (file_hash)`,
			unique: []store.ConflictKey{store.BySession, store.ByHash, store.ByPCAndHash},
		},
		"columns missing": {
			sql:    `create table gfx_sessions (file_hash text unique, raw_json jsonb)`,
			unique: []store.ConflictKey{store.ByHash},
		},
		"no right to write": {
			sql: bare + `alter table gfx_sessions add unique (session_id); revoke insert,
					update on gfx_sessions from service_role`,
			unique: []store.ConflictKey{store.BySession},
		},
		"session generated, hash not": {
			sql: `create table gfx_sessions (file_hash text unique, raw_json jsonb,
				session_id bigint generated always as (((raw_json->>'ID')::bigint)) stored unique)`,
			unique: []store.ConflictKey{store.ByHash},
		},
		"hash generated": {
			sql: `create table gfx_sessions (raw_json jsonb,
				file_hash text generated always as (md5(raw_json::text)) stored unique)`,
			class: store.Setup, says: []string{"cannot be written", "file_hash"},
		},
		"none": {
			sql: bare + `create unique index on gfx_sessions (file_hash) where session_id > 0`, class: store.Setup,
			says: []string{
				"public.gfx_sessions is unique on none of session_id, file_hash",
				"ALTER TABLE public.gfx_sessions ADD UNIQUE (file_hash)",
			},
		},
		"no table": {sql: `select`, class: store.Setup, says: []string{"gfxsync schema"}},
		"no schema": {
			sql: bare + `alter table gfx_sessions add unique (session_id);
					revoke usage on schema public from service_role, public`, class: store.Credentials,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(tc.sql))
			rules, err := remoteAt(t, s.URL, s.SecretKey, nil).Rules(t.Context())
			if tc.class != 0 {
				re := remoteError(t, err, tc.class)
				for _, text := range tc.says {
					if !strings.Contains(re.Error(), text) {
						t.Errorf("%q does not say %q", re, text)
					}
				}
				return
			}
			if err != nil || !slices.Equal(rules.Unique, tc.unique) || rules.SessionRequired != tc.required {
				t.Errorf("%+v, %v, want unique on %v, required %t", rules, err, tc.unique, tc.required)
			}
			s.SetOpenAPI(false)
			rules, err = remoteAt(t, s.URL, s.SecretKey, nil).Rules(t.Context())
			if err != nil || !slices.Equal(rules.Unique, tc.unique) || rules.SessionRequired {
				t.Errorf("without a description: %+v, %v", rules, err)
			}
		})
	}
}

func TestRulesOfTheTablesInProduction(t *testing.T) {
	t.Parallel()
	for _, table := range supabasetest.ProductionTables {
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(table.SQL), supabasetest.WithSchemas("public", table.Schema))
			r := remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Schema = table.Schema })
			rules, err := r.Rules(t.Context())
			choice, ok := (store.ConflictSetting{}).Choose(rules)
			if err != nil || !ok || choice.Key != store.BySession || !rules.SessionRequired ||
				!slices.Contains(rules.Unique, store.ByHash) {
				t.Errorf("%+v, %v", rules, err)
			}
		})
	}
}

func TestRulesWithoutAServer(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	s.Stop()
	_, err := remoteAt(t, s.URL, s.SecretKey, nil).Rules(t.Context())
	remoteError(t, err, store.Outage)
}

// Both remotes are for the same table. They share the connections.
func TestATableByAnotherKey(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t, supabasetest.WithSQL(bare+`alter table gfx_sessions add unique (session_id)`))
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	remoteError(t, upsert(t, r, 1), store.Setup)
	if err := upsert(t, r.WithKey(store.BySession), 1); err != nil {
		t.Error(err)
	}
	if r.Requests() < 2 {
		t.Errorf("%d requests", r.Requests())
	}
}
