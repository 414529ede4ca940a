package reconcile

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// onTable is a place whose remote is a table in PostgreSQL, asked by the key, with no digest view unless the SQL makes
// one.
func onTable(t *testing.T, key store.ConflictKey, sql string) *subject {
	t.Helper()
	server := supabasetest.New(t, supabasetest.WithSQL(sql))
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	k, err := supabase.ParseKey(server.SecretKey)
	if err != nil {
		t.Fatal(err)
	}
	remote := supabase.New(supabase.Options{
		URL: at, Key: k, Timeout: patience, UserAgent: "gfxsync/test", Conflict: key,
	})
	t.Cleanup(func() { _ = remote.Close() })
	dir := t.TempDir()
	p := &place{dir: filepath.Join(dir, "root")}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.cfg = settings(p.dir, filepath.Join(dir, "queue.db"), remote)
	p.cfg.Delivery.Conflict = key
	return &subject{place: p, server: server}
}

const handsFunction = `CREATE FUNCTION gfx_session_hands(gfx_sessions) RETURNS integer LANGUAGE sql STABLE AS
	$$ SELECT CASE WHEN jsonb_typeof($1.raw_json->'Hands') = 'array' THEN jsonb_array_length($1.raw_json->'Hands')
		WHEN $1.raw_json IS NOT NULL THEN 0 END $$`

// row returns what a session's row is of.
func (s *subject) row(t *testing.T, seed int) string {
	t.Helper()
	return strings.Join(s.server.QueryStrings(t, `
		SELECT concat_ws(' ', file_hash, coalesce(jsonb_array_length(raw_json->'Hands'), -1)) FROM gfx_sessions
		WHERE session_id = $1`, sample.New(seed).ID), ", ")
}

// replace makes the row of a session what the agent of an earlier time has made of it, with a hash and a count of
// hands of its own.
func (s *subject) replace(t *testing.T, seed, hands int, hash string, handCount int) {
	t.Helper()
	s.server.Exec(t, `UPDATE gfx_sessions SET raw_json = $1::text::jsonb, file_hash = $2, hand_count = $3
		WHERE session_id = $4`,
		string(sample.New(seed).Play(hands).JSON()), hash, handCount, sample.New(seed).ID)
}

func TestRowsOfAnEarlierAgentBecomeTheLastVersion(t *testing.T) {
	t.Parallel()
	for _, variant := range supabasetest.ProductionTables {
		for _, function := range []string{"", handsFunction} {
			if variant.Unfilled != "" {
				continue
			}
			t.Run(fmt.Sprintf("%s, function %v", variant.Name, function != ""), func(t *testing.T) {
				t.Parallel()
				s := onTable(t, store.BySession, variant.SQL+";"+function)
				earlierAgent(t, s, function != "")
			})
		}
	}
}

func earlierAgent(t *testing.T, s *subject, function bool) {
	hashes := map[int]string{}
	for seed := range 5 {
		hashes[seed] = s.session(t, fmt.Sprintf("s%d.json", seed), seed, 20)
	}
	s.reconcile(t, Quick)
	wantSync(t, s.survey(t, Full), true)

	s.server.Exec(t, `SELECT refresh_hand_counts()`) // 0 in every row
	wantSync(t, s.survey(t, Full), true)
	s.replace(t, 0, 19, "an older version", 9999)
	s.replace(t, 1, 45, "a better version", 0)
	s.replace(t, 2, 20, hashes[2], 9999)
	s.replace(t, 3, 0, "nothing", 9999)
	nullable := s.server.QueryStrings(t, `SELECT is_nullable FROM information_schema.columns
		WHERE table_name = 'gfx_sessions' AND column_name = 'raw_json'`)[0]
	if nullable == "YES" {
		s.server.Exec(t, `UPDATE gfx_sessions SET raw_json = NULL, hand_count = 9999
			WHERE session_id = $1`, sample.New(4).ID)
	}
	wantSync(t, s.survey(t, Quick), false)
	s.server.ResetRequests()
	s.reconcile(t, Quick)
	searched := slices.ContainsFunc(s.server.Requests(), func(r supabasetest.Request) bool { return r.Query.Has("or") })
	if searched == function {
		t.Errorf("the hands were searched for: %v, with the function: %v", searched, function)
	}
	wantSync(t, s.survey(t, Full), true)
	want := map[int]string{1: "a better version 45"}
	for _, seed := range []int{0, 2, 3, 4} {
		want[seed] = hashes[seed] + " 20"
	}
	for seed, row := range want {
		if got := s.row(t, seed); got != row {
			t.Errorf("the row of session %d is %q, want %q", seed, got, row)
		}
	}
	growing(t, s)
}

// growing has a session grow past what the row has, while its count of hands is wrong every time.
func growing(t *testing.T, s *subject) {
	for hands := 40; hands <= 48; hands++ {
		hash := s.session(t, "s1.json", 1, hands)
		s.reconcile(t, Quick)
		want := fmt.Sprintf("%s %d", hash, hands)
		if hands <= 45 {
			want = "a better version 45"
		}
		if hands == 45 {
			want = hash + " 45" // as many hands, and the table does not tell when the other was written
		}
		if got := s.row(t, 1); got != want {
			t.Errorf("with %d hands the row is %q, want %q", hands, got, want)
		}
		s.server.Exec(t, `UPDATE gfx_sessions SET hand_count = $1`, []int{0, 9999}[hands%2])
		wantSync(t, s.survey(t, Quick), true)
	}
	if left := dump(t, s.cfg.QueueDB, `SELECT file_path, last_error FROM pending_sync`); len(left) != 0 {
		t.Errorf("left in the queue: %q", left)
	}
}

// A row that has lost its content is missing, whatever the key; what is sent again fills it.
func TestARowWithoutContentIsMissing(t *testing.T) {
	t.Parallel()
	for _, key := range []store.ConflictKey{store.ByHash, store.ByPCAndHash, store.BySession} {
		t.Run(key.String(), func(t *testing.T) {
			t.Parallel()
			s := onTable(t, key, `CREATE TABLE gfx_sessions (id bigint GENERATED ALWAYS AS IDENTITY, session_id bigint,
				file_hash text, raw_json jsonb, gfx_pc_id text, UNIQUE (`+key.String()+`))`)
			s.writeSessions(t, 5)
			s.reconcile(t, Quick)
			wantSync(t, s.survey(t, Quick), true)
			s.server.Exec(t, `UPDATE gfx_sessions SET raw_json = NULL WHERE id <= 2`)
			if r := s.survey(t, Quick); r.InSync || r.RemoteMissing != 2 {
				t.Errorf("in sync: %v, missing: %d, want two", r.InSync, r.RemoteMissing)
			}
			if r := s.reconcile(t, Quick); r.Uploaded != 2 {
				t.Errorf("%d uploads, want two", r.Uploaded)
			}
			wantSync(t, s.survey(t, Quick), true)
			n := s.server.QueryStrings(t, `SELECT count(raw_json) || ' of ' || count(*) FROM gfx_sessions`)
			if n[0] != "5 of 5" {
				t.Errorf("%s rows have content", n[0])
			}
		})
	}
}

// Of equally many hands the later save is the row, whichever agent has sent its own, and no agent sends its own again.
func TestEquallyManyHandsAreDecidedByWhenTheFileWasWritten(t *testing.T) {
	t.Parallel()
	s := onTable(t, store.BySession, supabasetest.ProductionTables[0].SQL+
		`; ALTER TABLE gfx_sessions ADD file_modified_at timestamptz, ADD gfx_pc_id text;`)
	ours := s.session(t, "s1.json", 1, 3)
	s.reconcile(t, Quick)
	for _, tt := range []struct {
		name, shift string
		stays       bool
	}{
		{"the same microsecond of our own", "0", true},
		{"a second later", "1 second", true},
		{"a microsecond later", "1 microsecond", true},
		{"a microsecond earlier", "-1 microsecond", false},
		{"a day earlier", "-1 day", false},
	} {
		if tt.shift != "0" {
			s.server.Exec(t, `UPDATE gfx_sessions SET file_hash = 'f' || md5($1), gfx_pc_id = 'OTHER',
				file_modified_at = file_modified_at + $1::text::interval`, tt.shift)
		}
		before := s.row(t, 1)
		r := s.reconcile(t, Quick)
		if stays := s.row(t, 1) == before; stays != tt.stays || (r.Uploaded == 0) != tt.stays {
			t.Errorf("%s: the row stays: %v, %d uploads", tt.name, stays, r.Uploaded)
		}
		wantSync(t, s.survey(t, Quick), true)
		if s.row(t, 1) != ours+" 3" { // for the next
			s.server.Exec(t, `DELETE FROM gfx_sessions`)
			s.reconcile(t, Quick)
		}
	}
}

// Where the table takes no row without a session, a file without one is invalid, whatever rows are told apart by.
func TestAFileWithoutASessionIsInvalidWhereTheTableDemandsOne(t *testing.T) {
	t.Parallel()
	for _, required := range []bool{true, false} {
		s := onTable(t, store.ByHash, supabasetest.DefaultSchema)
		s.cfg.SessionRequired = required
		s.write(t, "none.json", []byte(`{"Hands":[]}`))
		s.reconcile(t, Quick)
		want, rows := hashindex.Synced, 1
		if required {
			want, rows = hashindex.Invalid, 0
		}
		got, n := fileState(t, s.place, "none.json"), s.server.Count(t, "gfx_sessions")
		if got != string(want) || n != rows {
			t.Errorf("required %v: %s with %d rows, want %s with %d", required, got, n, want, rows)
		}
	}
}
