package supabase_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/storetest"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// keyed makes a remote for the default table with this conflict key.
func keyed(t *testing.T, s *supabasetest.Server, key store.ConflictKey, log *logBuffer) *supabase.Remote {
	t.Helper()
	return remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Conflict, o.Logger = key, log.logger() })
}

func TestTableWithNothingButTheKeyIsServed(t *testing.T) {
	t.Parallel()
	for _, key := range conflictKeys {
		t.Run(key.String(), func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(`create table gfx_sessions (file_hash text, raw_json jsonb)`))
			if key == store.ByPCAndHash {
				s.Exec(t, `alter table gfx_sessions add gfx_pc_id text`)
			}
			if key == store.BySession {
				s.Exec(t, `alter table gfx_sessions add session_id bigint`)
			}
			s.Exec(t, `alter table gfx_sessions add unique (`+key.String()+`)`)
			var log logBuffer
			r := keyed(t, s, key, &log)
			var senders sync.WaitGroup // the lanes send at the same time
			for seed := range 4 {
				record := []store.Record{storetest.Record(t, seed, 1)}
				senders.Go(func() {
					if err := r.Upsert(t.Context(), record); err != nil {
						t.Error(err)
					}
				})
			}
			senders.Wait()
			if n := s.Count(t, "gfx_sessions"); n != 4 {
				t.Errorf("%d rows, want four", n)
			}
			there := s.QueryStrings(t,
				`select attname from pg_attribute where attrelid = 'gfx_sessions'::regclass and attnum > 0`)
			for _, column := range store.ExtraColumns() {
				if strings.Contains(log.String(), "column="+column) {
					t.Errorf("that %s is absent is normal, and was mentioned in\n%s", column, log.String())
				}
			}
			for _, column := range store.Columns() {
				want := 1
				if strings.Contains(fmt.Sprint(there), column) {
					want = 0
				}
				if n := strings.Count(log.String(), "column="+column+"\n"); n != want {
					t.Errorf("%s was mentioned %d times, want %d, in\n%s", column, n, want, log.String())
				}
			}
		})
	}
}

// Without a column of the conflict key, a record has no identity. Nothing is sent until the operator has corrected the
// table.
func TestMissingColumnOfTheConflictKeyIsASetupFailure(t *testing.T) {
	t.Parallel()
	for key, column := range map[store.ConflictKey]string{
		store.ByPCAndHash: "gfx_pc_id",
		store.BySession:   "session_id",
	} {
		s := supabasetest.New(t)
		s.Exec(t, `alter table gfx_sessions drop column nas_path, drop column `+column)
		var log logBuffer
		r := keyed(t, s, key, &log)
		re := remoteError(t, upsert(t, r, 1), store.Setup)
		if !strings.Contains(re.Message, column) || !strings.Contains(re.Hint, "gfxsync schema") {
			t.Errorf("%s: %v: which column, and what mends it?", key, re)
		}
		if strings.Contains(log.String(), "column="+column) {
			t.Errorf("%s is to be left out:\n%s", column, log.String())
		}
		s.Exec(t, supabase.SchemaSQL("public", "gfx_sessions", key))
		if err := upsert(t, r, 1, 2); err != nil {
			t.Errorf("%s: after the SQL was applied: %v", key, err)
		}
	}
}
