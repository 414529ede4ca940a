package reconcile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// names returns which files the rows name, in order.
func (s *subject) names(t *testing.T) []string {
	t.Helper()
	return s.server.QueryStrings(t,
		`SELECT nas_path || ' ' || file_name FROM gfx_sessions ORDER BY nas_path COLLATE "C"`)
}

// TestARenamedFolderIsNamedInTheRows, though nothing is sent again: in our table by each key, and in production's.
func TestARenamedFolderIsNamedInTheRows(t *testing.T) {
	t.Parallel()
	for _, key := range []store.ConflictKey{store.ByHash, store.ByPCAndHash, store.BySession} {
		t.Run(key.String(), func(t *testing.T) {
			t.Parallel()
			renameFolder(t, onTable(t, key, supabase.SchemaSQL("public", "gfx_sessions", key)))
		})
	}
	for _, variant := range supabasetest.ProductionTables {
		if variant.Unfilled != "" {
			continue // it takes no row
		}
		t.Run(variant.Name, func(t *testing.T) {
			t.Parallel()
			renameFolder(t, onTable(t, store.BySession, variant.SQL))
		})
	}
}

func renameFolder(t *testing.T, s *subject) {
	for i := range 3 {
		s.session(t, fmt.Sprintf("day1/s%d.json", i), i, 1)
	}
	s.reconcile(t, Quick)
	if err := os.Rename(filepath.Join(s.dir, "day1"), filepath.Join(s.dir, "day 2")); err != nil {
		t.Fatal(err)
	}
	r := s.reconcile(t, Quick)
	if r.Renamed != 3 || r.Uploaded != 0 || r.Added != 3 || r.Gone != 3 || !r.InSync {
		t.Errorf("after the renaming: %+v, want 3 renamed and nothing sent", r)
	}
	want := []string{"day 2/s0.json s0.json", "day 2/s1.json s1.json", "day 2/s2.json s2.json"}
	if got := s.names(t); !slices.Equal(got, want) {
		t.Errorf("the rows name %q, want %q", got, want)
	}
	if r := s.reconcile(t, Full); r.Renamed != 0 || !r.InSync {
		t.Errorf("once more: %+v, want nothing to do", r)
	}
}

// TestOfTwoCopiesTheOneThatIsLeftIsNamed.
func TestOfTwoCopiesTheOneThatIsLeftIsNamed(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, supabasetest.DefaultSchema)
	s.session(t, "a.json", 1, 1)
	s.reconcile(t, Quick)
	s.session(t, "b.json", 1, 1)
	s.reconcile(t, Quick)
	s.remove(t, "a.json")
	if r := s.reconcile(t, Quick); r.Renamed != 1 || r.Uploaded != 0 {
		t.Errorf("%+v, want one renamed", r)
	}
	if got := s.names(t); !slices.Equal(got, []string{"b.json b.json"}) {
		t.Errorf("the row names %q", got)
	}
	s.remove(t, "b.json")
	if r := s.reconcile(t, Quick); r.Renamed != 0 || strings.Join(s.names(t), "") != "b.json b.json" {
		t.Errorf("none is left: %+v, the row names %q", r, s.names(t))
	}
}

// TestARowThatMayNotBeRenamedKeepsNoOther: the server refuses to change one, as a check or a trigger may.
func TestARowThatMayNotBeRenamedKeepsNoOther(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, supabasetest.DefaultSchema)
	for i := range 3 {
		s.session(t, fmt.Sprintf("day1/s%d.json", i), i, 1)
	}
	s.reconcile(t, Quick)
	s.server.Exec(t, `ALTER TABLE gfx_sessions ADD CONSTRAINT here CHECK (nas_path <> 'day2/s1.json')`)
	if err := os.Rename(filepath.Join(s.dir, "day1"), filepath.Join(s.dir, "day2")); err != nil {
		t.Fatal(err)
	}
	r := s.try(t, Quick, PassOptions{})
	if r.Renamed != 2 || r.InSync || !strings.Contains(r.Hindrance(), "here") {
		t.Errorf("%+v, want two renamed, and why one is not", r)
	}
	s.server.Exec(t, `ALTER TABLE gfx_sessions DROP CONSTRAINT here`)
	if r := s.reconcile(t, Quick); r.Renamed != 1 || !r.InSync {
		t.Errorf("when it may be: %+v, want the third renamed", r)
	}
}

// TestATableThatNamesNoFileIsLeftAlone.
func TestATableThatNamesNoFileIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, supabasetest.DefaultSchema)
	s.server.Exec(t, `ALTER TABLE gfx_sessions DROP COLUMN nas_path, DROP COLUMN file_name`)
	s.session(t, "a.json", 1, 1)
	s.reconcile(t, Quick)
	if err := os.Rename(filepath.Join(s.dir, "a.json"), filepath.Join(s.dir, "b.json")); err != nil {
		t.Fatal(err)
	}
	if r := s.reconcile(t, Quick); !r.InSync || len(r.Problems) > 0 {
		t.Errorf("%+v, want all in sync", r)
	}
}

// TestWhatIsGoneForLongIsForgotten by a full pass, so that no scan reads it for ever.
func TestWhatIsGoneForLongIsForgotten(t *testing.T) {
	t.Parallel()
	p := tempPlace(t)
	p.writeSessions(t, 3)
	p.reconcile(t, Quick)
	p.remove(t, "s000.json")
	p.remove(t, "s001.json")
	p.reconcile(t, Quick)
	old := time.Now().Add(-goneKept - time.Hour).UnixMilli()
	onFile(t, p.cfg.QueueDB, fmt.Sprintf(`UPDATE files SET seen_ms = %d WHERE path IN ('s000.json', 's002.json')`, old))
	for _, mode := range []Mode{Quick, Full} {
		r := p.reconcile(t, mode)
		gone := p.indexed(t, `state = 'gone'`)
		if want := map[Mode]int{Quick: 2, Full: 1}[mode]; len(gone) != want || !r.InSync {
			t.Errorf("after a %s pass the index has %q as gone, want %d: %+v", mode, gone, want, r)
		}
	}
	if left := p.indexed(t, `path = 's002.json' AND state = 'synced'`); len(left) != 1 || len(p.hashes(t)) != 3 {
		t.Errorf("a present file was forgotten, or a row")
	}
}
