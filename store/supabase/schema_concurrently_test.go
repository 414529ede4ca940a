package supabase_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// psql runs each statement of a script by itself, as psql -f does.
func (p *place) psql(t *testing.T, script string, options ...string) error {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("SKIPPED, not tested: there is no psql")
	}
	cfg := p.DB().Config().ConnConfig
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append(options, "-X", "-q", "-f", "-")...)
	cmd.Env = append(cmd.Environ(), "PGHOST="+cfg.Host, "PGUSER="+cfg.User, "PGDATABASE="+cfg.Database,
		"PGPASSWORD="+cfg.Password)
	if cfg.Port != 0 {
		cmd.Env = append(cmd.Env, "PGPORT="+strconv.Itoa(int(cfg.Port)))
	}
	cmd.Stdin = strings.NewReader(script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return errors.Join(err, errors.New(out.String()))
	}
	return nil
}

func (p *place) psqlOK(t *testing.T, script string) {
	t.Helper()
	if err := p.psql(t, script); err != nil {
		t.Fatal(err)
	}
}

// shapeSQL selects the columns, indexes, constraints and triggers of a table.
const shapeSQL = `
	select 'column ' || attname || ' ' || format_type(atttypid, atttypmod)
		from pg_attribute where attrelid = 'TABLE!'::regclass and attnum > 0
	union all select 'index ' || regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \S+ ON', 'ON') || ' ' || indisvalid
		from pg_index where indrelid = 'TABLE!'::regclass
	union all select 'constraint ' || pg_get_constraintdef(oid) from pg_constraint where conrelid = 'TABLE!'::regclass
	union all select 'trigger ' || tgname from pg_trigger where tgrelid = 'TABLE!'::regclass and not tgisinternal
	union all select 'statistics ' || pg_get_statisticsobjdef(oid)
		from pg_statistic_ext where stxrelid = 'TABLE!'::regclass
	union all select 'view ' || relname || ' ' || pg_get_viewdef(oid)
		from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace
	order by 1`

func TestSchemaConcurrentlyComesToTheSame(t *testing.T) {
	places(t, func(t *testing.T, p *place, keys []store.ConflictKey) {
		other := at(t, p.schema, p.table, p.key, p.made)
		if p.made == "" { // a table with rows and without constraints and indexes
			for _, p := range []*place{p, other} {
				p.exec(t, `create schema if not exists "Gfx_2";
					create table TABLE! (file_hash text not null, raw_json jsonb not null,
						gfx_pc_id text, session_id bigint);
					insert into TABLE! select md5(n::text), '{}', 'PC01', n from generate_series(1, 1000) n`)
			}
		}
		script := supabase.SchemaSQLConcurrently(p.schema, p.table, keys...)
		p.psqlOK(t, script)
		other.Exec(t, supabase.SchemaSQL(p.schema, p.table, keys...))
		if got, want := p.query(t, shapeSQL), other.query(t, shapeSQL); !slices.Equal(got, want) {
			t.Errorf("another table:\n%s", differing(want, got))
		}
		made := p.QueryStrings(t, catalogSQL)
		p.psqlOK(t, script)
		p.Exec(t, supabase.SchemaSQL(p.schema, p.table, keys...))
		if after := p.QueryStrings(t, catalogSQL); !slices.Equal(after, made) {
			t.Errorf("applied again it changes:\n%s", differing(made, after))
		}
	})
}

func TestSchemaConcurrentlyReplacesWhatAnInterruptedAttemptLeft(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, plain+`insert into TABLE! values ('aa', '{}', 'PC01', 1), ('aa', '{}', 'PC01', 1)`)
	script := supabase.SchemaSQLConcurrently(p.schema, p.table)
	if err := p.psql(t, script); err == nil || !strings.Contains(err.Error(), "could not create unique index") {
		t.Fatalf("error %v", err)
	}
	if n := p.query(t, `select count(*) from pg_index where not indisvalid`); n[0] != "1" {
		t.Fatalf("%s invalid indexes are left, want one", n[0])
	}
	p.exec(t, `delete from TABLE!`)
	p.psqlOK(t, script)
	if n := p.query(t, `select count(*) from pg_index where not indisvalid`); n[0] != "0" {
		t.Errorf("%s invalid indexes", n[0])
	}
	if got := p.query(t, constraintsSQL); got[0] != "file_hash" {
		t.Errorf("unique on %q", got[0])
	}
	p.upsert(t, p.record(t, 1, 1, "PC01"))
}

func TestSchemaConcurrentlyRefusesATransaction(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, plain)
	err := p.psql(t, supabase.SchemaSQLConcurrently(p.schema, p.table), "-1")
	if err == nil || !strings.Contains(err.Error(), "cannot run inside a transaction block") {
		t.Errorf("error %v", err)
	}
}
