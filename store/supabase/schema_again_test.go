package supabase_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// catalogSQL selects the rows of the catalogs that describe objects of users, each with the transaction that wrote it.
// The first 16384 object IDs belong to the system.
const catalogSQL = `
	select 'class ' || relname || ' ' || xmin from pg_class where oid >= 16384
	union all select 'attribute ' || attrelid::regclass || ' ' || attname || ' ' || xmin
		from pg_attribute where attrelid >= 16384
	union all select 'function ' || proname || ' ' || xmin from pg_proc where oid >= 16384
	union all select 'trigger ' || tgname || ' ' || xmin from pg_trigger
	union all select 'rule ' || rulename || ' ' || xmin from pg_rewrite where oid >= 16384
	union all select 'constraint ' || conname || ' ' || xmin from pg_constraint where oid >= 16384
	union all select 'schema ' || nspname || ' ' || xmin from pg_namespace where oid >= 16384 or nspname = 'public'
	union all select 'comment ' || description || ' ' || xmin from pg_description where objoid >= 16384
	union all select 'statistics ' || stxname || ' ' || xmin from pg_statistic_ext
	order by 1`

// locksSQL selects the locks of the connection that are stronger than a reader's. A write to a catalog takes a
// RowExclusiveLock.
const locksSQL = `select mode || ' on ' || coalesce(relation::regclass::text, locktype) from pg_locks
	where pid = pg_backend_pid() and mode <> 'AccessShareLock' and locktype not in ('virtualxid', 'transactionid')`

// places has a table of each kind that the schema may be applied to.
func places(t *testing.T, test func(t *testing.T, p *place, keys []store.ConflictKey)) {
	t.Parallel()
	for _, table := range supabasetest.ProductionTables {
		t.Run("production, "+table.Name, func(t *testing.T) {
			t.Parallel()
			test(t, at(t, table.Schema, "gfx_sessions", store.BySession, table.SQL), nil)
		})
	}
	for name, keys := range map[string][]store.ConflictKey{
		"any key": nil, "hash": {store.ByHash}, "PC and hash": {store.ByPCAndHash}, "session": {store.BySession},
	} {
		for schema, table := range map[string]string{"public": "gfx_sessions", "Gfx_2": "Gfx_Sessions"} {
			t.Run(name+", "+schema, func(t *testing.T) {
				t.Parallel()
				test(t, at(t, schema, table, append(keys, store.ByHash)[0], ""), keys)
			})
		}
	}
}

func TestSchemaAppliedAgainChangesNothing(t *testing.T) {
	places(t, func(t *testing.T, p *place, keys []store.ConflictKey) {
		sql := withHands.SQL(p.schema, p.table, keys...) // contains all that SchemaSQL returns
		p.Exec(t, sql)
		before := p.QueryStrings(t, catalogSQL)
		for _, path := range []string{"public", `"$user", public, pg_catalog`, "pg_catalog"} {
			if locks := applyIn(t, p, path, sql); len(locks) > 0 {
				t.Errorf("with the search path %s it locks: %q", path, locks)
			}
			if after := p.QueryStrings(t, catalogSQL); !slices.Equal(after, before) {
				t.Errorf("with the search path %s it changes:\n%s", path, differing(before, after))
			}
		}
	})
}

// applyIn applies the SQL in a transaction and returns the locks of the transaction.
func applyIn(t *testing.T, p *place, searchPath, sql string) (locks []string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), p.DB(), func(tx pgx.Tx) error {
		for _, s := range []string{"set local search_path = " + searchPath, sql} {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				return err
			}
		}
		rows, err := tx.Query(t.Context(), locksSQL)
		if err != nil {
			return err
		}
		locks, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return locks
}

// differing returns the lines that are in only one of two sorted lists.
func differing(a, b []string) string {
	var list []string
	for _, s := range a {
		if _, there := slices.BinarySearch(b, s); !there {
			list = append(list, "- "+s)
		}
	}
	for _, s := range b {
		if _, there := slices.BinarySearch(a, s); !there {
			list = append(list, "+ "+s)
		}
	}
	return strings.Join(list, "\n")
}

// A long read of a table does not prevent that the schema is applied again.
func TestSchemaAppliedAgainWaitsForNobody(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, "")
	p.apply(t)
	err := pgx.BeginFunc(t.Context(), p.DB(), func(tx pgx.Tx) error {
		// This is the strongest lock that allows reading.
		if _, err := tx.Exec(t.Context(), `lock gfx_sessions in exclusive mode`); err != nil {
			return err
		}
		p.apply(t)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A change that does not get its lock gives up. So it does not block the readers and writers that wait behind it.
func TestSchemaGivesUpWaitingForALock(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, plain)
	locked(t, p, func() {
		_, err := p.DB().Exec(t.Context(), `set local lock_timeout = '50ms'; `+supabase.SchemaSQL(p.schema, p.table))
		if err == nil || !strings.Contains(err.Error(), "55P03") {
			t.Errorf("error %v", err)
		}
	})
	p.apply(t)
}

// locked holds a reader's lock on the table while do runs.
func locked(t *testing.T, p *place, do func()) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), p.DB(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), p.sql(`lock TABLE! in access share mode`)); err != nil {
			return err
		}
		do()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The SQL bounds the time to wait for a lock.
func TestSchemaSetsALockTimeout(t *testing.T) {
	t.Parallel()
	p := inPublic(t, store.ByHash, "")
	if err := pgx.BeginFunc(t.Context(), p.DB(), func(tx pgx.Tx) error {
		var timeout string
		if _, err := tx.Exec(t.Context(), supabase.SchemaSQL(p.schema, p.table)); err != nil {
			return err
		}
		err := tx.QueryRow(t.Context(), `select current_setting('lock_timeout')`).Scan(&timeout)
		if timeout != "5s" {
			t.Errorf("lock_timeout is %s", timeout)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
