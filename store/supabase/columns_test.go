package supabase_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/storetest"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// production makes a table of production that is unique on session_id, with the columns of gfxsync's own table too. The
// SQL in change alters it.
func production(
	t *testing.T, variant supabasetest.ProductionTable, change string, log *logBuffer,
) (*supabasetest.Server, *supabase.Remote) {
	t.Helper()
	s := supabasetest.New(t, supabasetest.WithSQL(variant.SQL), supabasetest.WithSchemas(variant.Schema))
	s.Exec(t, `ALTER TABLE gfx_sessions ADD IF NOT EXISTS gfx_pc_id text, ADD IF NOT EXISTS sync_source text,
		ADD file_modified_at timestamptz`)
	if change != "" {
		s.Exec(t, change)
	}
	return s, remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) {
		o.Conflict, o.Schema, o.Logger = store.BySession, variant.Schema, log.logger()
	})
}

const (
	fullSession = `{"ID":5,"Type":"Final Table","Payouts":[700, 5],` +
		`"Hands":[{"StartDateTimeUTC":"2025-10-19T09:06:38Z","Duration":"PT90.7S"}]}`
	bareSession = `{"ID":5}`
	extraValues = `SELECT concat_ws('|', payouts, total_duration_seconds,
		session_start_time AT TIME ZONE 'UTC', session_end_time AT TIME ZONE 'UTC',
		sync_status, table_type) FROM gfx_sessions`
)

func TestExtraColumnsFollowTheVersionInTheRow(t *testing.T) {
	t.Parallel()
	for _, variant := range supabasetest.ProductionTables {
		if variant.Unfilled != "" {
			continue
		}
		t.Run(variant.Name, func(t *testing.T) {
			t.Parallel()
			var log logBuffer
			s, r := production(t, variant, "", &log)
			for _, step := range []struct{ content, hash, want string }{
				{fullSession, "a", "{700,5}|90|2025-10-19 09:06:38|2025-10-19 09:08:08.7|synced|FINAL_TABLE"},
				{bareSession, "b", "{}|0|synced|UNKNOWN"}, // concat_ws leaves out nulls
			} {
				record := storetest.RecordOf(t, strings.Repeat(step.hash, 32), "a.json", []byte(step.content))
				if err := r.Upsert(t.Context(), []store.Record{record}); err != nil {
					t.Fatal(err)
				}
				if got := s.QueryStrings(t, extraValues); !slices.Equal(got, []string{step.want}) {
					t.Errorf("%q, want %q", got, step.want)
				}
			}
		})
	}
}

// If a column refuses a value of the file, the session must still be stored. The column must not keep the value of an
// older version.
func TestValuesThatAnExtraColumnDoesNotTakeCostNoSession(t *testing.T) {
	t.Parallel()
	const large = `{"ID":5,"Payouts":[3000000000,1],` +
		`"Hands":[{"StartDateTimeUTC":"2025-10-19T09:06:38Z","Duration":"PT90S"}]}`
	for _, tt := range []struct{ name, change, content, want, column string }{
		{"bigint", `ALTER TABLE gfx_sessions ALTER payouts TYPE bigint[]`, large, "{3000000000,1}|90|", ""},
		{"integer", ``, large, "{}|0|", "payouts"},
		{
			"another type", `ALTER TABLE gfx_sessions ALTER payouts DROP DEFAULT, ALTER payouts TYPE numeric USING 7`,
			fullSession, "7|5|", "payouts,",
		},
		{
			"a short interval", `ALTER TABLE gfx_sessions ALTER total_duration_seconds TYPE smallint`,
			`{"ID":5,"Hands":[{"Duration":"PT40000S"}]}`,
			"{}|0|", "total_duration_seconds",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log logBuffer
			s, r := production(t, supabasetest.ProductionTables[0], tt.change, &log)
			s.Exec(t, `INSERT INTO gfx_sessions (session_id, file_name, file_hash, raw_json, total_duration_seconds)
				VALUES (5, 'a', 'a', '{}', 5)`)
			if tt.name != "another type" {
				s.Exec(t, `UPDATE gfx_sessions SET payouts = '{9}'`)
			} else {
				s.Exec(t, `UPDATE gfx_sessions SET payouts = 7`)
			}
			record := storetest.RecordOf(t, strings.Repeat("b", 32), "a.json", []byte(tt.content))
			if err := r.Upsert(t.Context(), []store.Record{record}); err != nil {
				t.Fatal(err)
			}
			if got := s.QueryStrings(t, extraValues); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if got := s.QueryStrings(t, `SELECT file_hash FROM gfx_sessions`); got[0] != record.FileHash {
				t.Errorf("the row is still of %s", got[0])
			}
			named := strings.Contains(log.String(), "column=")
			if named != (tt.column != "") || !strings.Contains(log.String(), tt.column) {
				t.Errorf("want %q to be named, and nothing else:\n%s", tt.column, log.String())
			}
		})
	}
}

func TestARefusalForAnotherValueStands(t *testing.T) {
	t.Parallel()
	var log logBuffer
	s, r := production(t, supabasetest.ProductionTables[0],
		`ALTER TABLE gfx_sessions ALTER hand_count TYPE smallint`, &log)
	record := storetest.RecordOf(t, strings.Repeat("b", 32), "a.json", []byte(fullSession))
	record.HandCount = 40_000
	var re *store.RemoteError
	err := r.Upsert(t.Context(), []store.Record{record})
	if !errors.As(err, &re) || re.Code != "22003" || re.Class != store.Rejected {
		t.Errorf("%v, want the first refusal", err)
	}
	if s.Count(t, "gfx_sessions") != 0 || log.String() != "" {
		t.Errorf("%d rows, and the log says %s", s.Count(t, "gfx_sessions"), log.String())
	}
}

// A sync_status without the value 'synced' refuses every record. The column is left out after the first request,
// whatever else is in it.
func TestEnumWithoutSyncedIsGivenUpOnce(t *testing.T) {
	t.Parallel()
	var log logBuffer
	s, r := production(t, supabasetest.ProductionTables[0], `CREATE TYPE old_status AS ENUM ('pending', 'done');
		ALTER TABLE gfx_sessions ALTER sync_status DROP DEFAULT,
			ALTER sync_status TYPE old_status USING 'pending'`, &log)
	if err := upsert(t, r, 1, 2, 3); err != nil {
		t.Fatal(err)
	}
	if err := upsert(t, r, 4); err != nil {
		t.Fatal(err)
	}
	if n := s.Count(t, "gfx_sessions"); n != 4 {
		t.Errorf("%d rows, want four", n)
	}
	if n := strings.Count(log.String(), "column=sync_status"); n != 1 {
		t.Errorf("sync_status was mentioned %d times, want once:\n%s", n, log.String())
	}
}

// The missing columns are found out once, by a request without a record.
func TestMissingColumnsCostNoRecords(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t) // its table has none of the extra columns
	r := remoteAt(t, s.URL, s.SecretKey, nil)
	for seed := range 3 {
		if err := upsert(t, r, seed); err != nil {
			t.Fatal(err)
		}
	}
	full, bytes := 0, 0
	for _, request := range s.Requests() {
		if full += request.Rows; request.Rows == 0 {
			bytes += request.BodyBytes
		}
	}
	if n := len(s.Requests()); full != 3 || n != 3+len(store.ExtraColumns())+1 || bytes > 2*n {
		t.Errorf("%d requests with %d records, and %d bytes in the others", n, full, bytes)
	}
}
