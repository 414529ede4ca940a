package supabase_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// existing has SQL for tables with rows, as users have them. TABLE! stands for the name, and HASH1 to HASH3 for hashes.
var existing = map[string]struct {
	schema, table string
	hash          hashindex.Algorithm
	sql           string
}{
	"minimal": {sql: `
		create table TABLE! (file_hash text, raw_json jsonb);
		insert into TABLE! values ('HASH1', '{"a":1}'), ('HASH2', '{}'), ('HASH3', '{}')`},
	"without some optional columns": {sql: `
		create table TABLE! (id bigint generated always as identity primary key, session_id bigint, file_name text,
			file_hash text not null unique, raw_json jsonb not null, table_type text, event_title text,
			hand_count integer, created_at timestamptz default now());
		insert into TABLE! (session_id, file_hash, raw_json, hand_count)
			values (1, 'HASH1', '{"a":1}', 1), (2, 'HASH2', '{}', 2), (null, 'HASH3', '{}', 2)`},
	"table_type is an enum": {sql: `
		create type kind as enum ('FEATURE_TABLE', 'MAIN_TABLE', 'FINAL_TABLE', 'SIDE_TABLE', 'UNKNOWN');
		create table TABLE! (file_hash varchar(128) primary key, raw_json jsonb not null,
			table_type kind not null default 'UNKNOWN');
		insert into TABLE! values ('HASH1', '{"a":1}', 'MAIN_TABLE'), ('HASH2', '{}', default),
			('HASH3', '{}', default)`},
	"session_id is not null": {sql: `
		create table TABLE! (file_hash text not null unique, raw_json jsonb not null, session_id bigint not null);
		insert into TABLE! values ('HASH1', '{"a":1}', 1), ('HASH2', '{}', 2), ('HASH3', '{}', 3)`},
	"session_id is unique": {sql: `
		create table TABLE! (file_hash text not null, raw_json jsonb not null, session_id bigint unique);
		insert into TABLE! values ('HASH1', '{"a":1}', 1), ('HASH2', '{}', null), ('HASH3', '{}', null)`},
	"unique on PC and hash": {sql: `
		create table TABLE! (file_hash text not null, raw_json jsonb not null, gfx_pc_id varchar(50),
			constraint one_per_pc unique (file_hash, gfx_pc_id));
		insert into TABLE! values ('HASH1', '{"a":1}', 'PC01'), ('HASH2', '{}', 'PC01'), ('HASH3', '{}', null)`},
	"char(64) of SHA-256": {hash: hashindex.SHA256, sql: `
		create table TABLE! (id serial primary key, file_hash char(64) not null unique, raw_json jsonb not null,
			hand_count integer);
		insert into TABLE! (file_hash, raw_json) values ('HASH1', '{"a":1}'), ('HASH2', '{}'), ('HASH3', '{}')`},
	"char(64) of XXH3": {sql: `
		create table TABLE! (file_hash char(64) not null unique, raw_json jsonb not null, gfx_pc_id char(20));
		insert into TABLE! (file_hash, raw_json, gfx_pc_id)
			values ('HASH1', '{"a":1}', 'PC01'), ('HASH2', '{}', 'PC01'), ('HASH3', '{}', 'PC02')`},
	"columns of others": {sql: `
		create table TABLE! (file_hash text not null unique, raw_json json not null,
			"Venue" text not null default 'hall', day date not null default current_date);
		insert into TABLE! values ('HASH1', '{"a":1}'), ('HASH2', '{}'), ('HASH3', '{}')`},
	"serial id, and no right to its sequence": {sql: `
		create table TABLE! (id serial primary key, file_hash text not null unique, raw_json jsonb not null);
		revoke all on all sequences in schema public from service_role;
		insert into TABLE! (file_hash, raw_json) values ('HASH1', '{"a":1}'), ('HASH2', '{}'), ('HASH3', '{}')`},
	"uuid id": {sql: `
		create table TABLE! (id uuid primary key default gen_random_uuid(), file_hash text not null unique,
			raw_json jsonb not null, session_id bigint);
		insert into TABLE! (file_hash, raw_json) values ('HASH1', '{"a":1}'), ('HASH2', '{}'), ('HASH3', '{}')`},
	"other schema": {schema: "gfx", table: "sessions", sql: `
		create schema gfx;
		create table TABLE! (id bigserial primary key, file_hash text not null unique, raw_json jsonb not null);
		insert into TABLE! (file_hash, raw_json) values ('HASH1', '{"a":1}'), ('HASH2', '{}'), ('HASH3', '{}')`},
	"mixed case": {schema: "public", table: "Gfx_Sessions", sql: `
		create table gfx_sessions (file_hash text);
		create table TABLE! (id bigserial primary key, file_hash text not null unique, raw_json jsonb not null);
		insert into TABLE! (file_hash, raw_json) values ('HASH1', '{"a":1}'), ('HASH2', '{}'), ('HASH3', '{}')`},
}

// state returns the columns of a table and its rows in these columns.
type state struct{ rows, columns string }

const columnsSQL = `select attname from pg_attribute where attrelid = 'TABLE!'::regclass and attnum > 0
	and not attisdropped order by attnum`

func (p *place) state(t *testing.T, columns []string) state {
	t.Helper()
	quoted := `"` + strings.Join(columns, `", "`) + `"`
	rows := p.query(t, `select concat_ws(' ', pg_relation_filenode('TABLE!'), xmin, ctid, row(`+quoted+`)::text)
		from TABLE! order by ctid`)
	defined := p.query(t, `select concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull,
		pg_get_expr(adbin, adrelid))
		from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
		where attrelid = 'TABLE!'::regclass and attname = any ('{`+quoted+`}'::text[]) order by attnum`)
	return state{strings.Join(rows, "\n"), strings.Join(defined, "\n")}
}

func TestSchemaOverTablesAsTheyAre(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		for name, table := range existing {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if table.table == "" {
					table.schema, table.table = "public", "gfx_sessions"
				}
				sql, hashes := table.sql, []string{}
				for i := range 3 {
					hashes = append(hashes, table.hash.Sum([]byte(name+fmt.Sprint(i))))
					sql = strings.ReplaceAll(sql, fmt.Sprintf("HASH%d", i+1), hashes[i])
				}
				p := at(t, table.schema, table.table, key, sql)
				p.hash = table.hash
				overRows(t, p, hashes)
			})
		}
	})
}

func overRows(t *testing.T, p *place, hashes []string) {
	columns := p.query(t, columnsSQL)
	before := p.state(t, columns)
	for i := range 2 {
		p.apply(t)
		if after := p.state(t, columns); after != before {
			t.Errorf("applied %d times:\n%v\nbefore:\n%v", i+1, after, before)
		}
	}
	for _, c := range []string{"created_at", "updated_at", "nas_path"} {
		n := p.query(t, `select count(*) from TABLE! where `+c+` is not null`)
		if !slices.Contains(columns, c) && n[0] != "0" {
			t.Errorf("%s old rows have a %s", n[0], c)
		}
	}
	a, b := p.record(t, 1, 3, "PC01"), p.record(t, 2, 3, "PC01")
	p.upsert(t, a, b)
	p.upsert(t, a, b)
	if n := p.query(t, `select count(*) from TABLE!`); n[0] != "5" {
		t.Errorf("%s rows, want the three of before and two", n[0])
	}
	if n := p.query(t, `select count(*) from TABLE! where created_at is not null and updated_at is not null
		and gfx_pc_id = 'PC01'
		and file_hash in ('`+a.FileHash+`', '`+b.FileHash+`')`); n[0] != "2" {
		t.Errorf("%s of the new rows are whole", n[0])
	}
	of := append(hashes, a.FileHash, b.FileHash)
	if p.key == store.ByPCAndHash {
		of = p.query(t, `select file_hash::text from TABLE! where gfx_pc_id = 'PC01'`)
	}
	if p.digest(t, "PC01") != digestOf(of...) {
		t.Errorf("the digest is not that of %q", of)
	}
	all := append(hashes, a.FileHash, b.FileHash)
	slices.Sort(all)
	if page, err := p.remote(t).Hashes(t.Context(), "", 10); err != nil || !slices.Equal(page, all) {
		t.Errorf("hashes %q, %v, want %q", page, err, all)
	}
	if has, err := p.remote(t).Has(t.Context(), []string{a.FileHash, "ff"}); err != nil ||
		!slices.Equal(has, []string{a.FileHash}) {
		t.Errorf("has %q, %v, want %q", has, err, a.FileHash)
	}
}

const uniqueSQL = `select count(*) from pg_index where indrelid = 'TABLE!'::regclass and indisunique and indisvalid
	and indimmediate
	and indpred is null and indexprs is null and not indisprimary`

const indexesSQL = `select indexrelid::regclass from pg_index where indrelid = 'TABLE!'::regclass order by 1`

const plain = `create table TABLE! (file_hash text not null, raw_json jsonb not null, gfx_pc_id text, session_id bigint,
	id bigint);`

func TestSchemaAddsTheUniqueConstraintOnlyWhereThereIsNone(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		columns := key.String()
		reversed := key.Columns()
		slices.Reverse(reversed)
		for name, tt := range map[string]struct {
			sql  string
			want string
		}{
			"none":            {"", "1"},
			"constraint":      {`alter table TABLE! add constraint odd unique (` + columns + `)`, "1"},
			"index":           {`create unique index odd on TABLE! (` + columns + `)`, "1"},
			"other order":     {`create unique index odd on TABLE! (` + strings.Join(reversed, ", ") + `)`, "1"},
			"index with more": {`create unique index odd on TABLE! (` + columns + `) include (id)`, "1"},
			"primary key":     {`alter table TABLE! add primary key (` + columns + `)`, "0"},
			"partial index":   {`create unique index odd on TABLE! (` + columns + `) where id > 0`, "1"},
			"expression": {`create unique index odd on TABLE! (` +
				strings.Replace(columns, "file_hash", "lower(file_hash)", 1) + `, (id + 1))`, "1"},
			"more columns":            {`alter table TABLE! add unique (` + columns + `, id)`, "2"},
			"index that is no unique": {`create index odd on TABLE! (` + columns + `)`, "1"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := inPublic(t, key, plain+tt.sql)
				p.apply(t)
				indexes := p.query(t, indexesSQL)
				p.apply(t)
				if again := p.query(t, indexesSQL); !slices.Equal(again, indexes) {
					t.Errorf("indexes %q, and applied again %q", indexes, again)
				}
				if n := p.query(t, uniqueSQL); n[0] != tt.want {
					t.Errorf("%s unique indexes beside the primary key, want %s", n[0], tt.want)
				}
				p.upsert(t, p.record(t, 1, 3, "PC01"))
			})
		}
	})
}

func TestSchemaSaysThatDuplicatesStandInTheWay(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key,
			plain+`insert into TABLE! values ('aa', '{}', 'PC01', 1), ('bb', '{}', 'PC01', 2), ('aa', '{}', 'PC01', 1)`)
		err := p.applyError(t)
		if text := err.Error(); !strings.Contains(text, "could not create unique index") ||
			!strings.Contains(text, "23505") {
			t.Errorf("error %q: what stands in the way?", text)
		}
		if columns := p.query(t, columnsSQL); len(columns) != 5 {
			t.Errorf("columns %q: half of it was applied", columns)
		}
	})
}

func TestSchemaRefusesADeferrableConstraint(t *testing.T) {
	forEachKey(t, func(t *testing.T, key store.ConflictKey) {
		p := inPublic(t, key, plain+`alter table TABLE! add constraint odd unique (`+key.String()+`) deferrable`)
		if err := p.applyError(t); !strings.Contains(err.Error(), "is deferrable") {
			t.Errorf("error %q", err)
		}
		p.exec(t, `grant all on TABLE! to service_role`)
		remoteError(t, p.remote(t).Upsert(t.Context(), []store.Record{p.record(t, 1, 1, "PC01")}), store.Setup)
		p.exec(t, `alter table TABLE! drop constraint odd`)
		p.apply(t)
		p.upsert(t, p.record(t, 1, 1, "PC01"))
	})
}
