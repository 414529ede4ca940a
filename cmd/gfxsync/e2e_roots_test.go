//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// manyPCs is a scene in which one agent watches the folders of several PCs on one NAS.
func manyPCs(t *testing.T, conflict store.ConflictKey, labels ...string) (*scene, *supabasetest.Server, map[string]string) {
	t.Helper()
	g := supabasetest.New(t, supabasetest.WithSQL(supabase.SchemaSQL("public", "gfx_sessions", conflict)))
	s := newScene(t).onSupabase(g, g.SecretKey)
	s.env = append(s.env, "GFX_SYNC_ON_CONFLICT="+conflict.String())
	dirs, setting := map[string]string{}, []string{}
	for _, label := range labels {
		dirs[label] = filepath.Join(s.watch, label)
		if err := os.Mkdir(dirs[label], 0o755); err != nil {
			t.Fatal(err)
		}
		setting = append(setting, label+"="+dirs[label])
	}
	s.watch = strings.Join(setting, ";")
	return s, g, dirs
}

func rowsByPC(t *testing.T, g *supabasetest.Server) []string {
	t.Helper()
	return g.QueryStrings(t, `select gfx_pc_id || ' ' || nas_path from gfx_sessions where nas_path is not null order by 1`)
}

func TestOneUnavailableRootDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	s, g, dirs := manyPCs(t, store.ByHash, "PC01", "PC02")
	var want []string
	write := func(label string, seed int) {
		session := sample.New(seed).Play(1)
		writeFile(t, filepath.Join(dirs[label], "1015", fmt.Sprintf("s%d.json", seed%100)), session.JSON())
		want = append(want, fmt.Sprintf("%s 1015/s%d.json", label, seed%100))
		slices.Sort(want)
	}
	// More than ten, so that an empty folder is an outage; the same paths in both folders.
	for i := range 12 {
		write("PC01", i)
		write("PC02", 100+i)
	}
	s.start("--scan-schedule", "@every 1s")
	inStep := func() bool { return slices.Equal(rowsByPC(t, g), want) }
	eventually(t, "the files of both PCs are in", inStep)

	if err := os.Rename(dirs["PC02"], dirs["PC02"]+".away"); err != nil {
		t.Fatal(err)
	}
	write("PC01", 20)
	eventually(t, "the file of the PC that is there arrives", inStep)
	s.waitStatus("the folder is reported", func(st *reconcile.Status) bool {
		return st.LastScan != nil && len(st.LastScan.Roots) == 2 && st.LastScan.Roots[0].Error == "" &&
			strings.Contains(st.LastScan.Roots[1].Error, "root unavailable")
	})
	r := s.mustPass(1, "reconcile")
	if r.Outcome != reconcile.Incomplete || r.Gone != 0 || r.Files != 13 || len(r.Problems) != 1 || r.Problems[0].Root != "PC02" {
		t.Errorf("with one folder away, reconcile says %+v", r)
	}
	s.mustPass(2, "verify")
	if st := s.status(); st.Gone != 0 || st.Synced != 25 {
		t.Errorf("with one folder away, status says %+v", st)
	}

	if err := os.Rename(dirs["PC02"]+".away", dirs["PC02"]); err != nil {
		t.Fatal(err)
	}
	write("PC02", 130)
	eventually(t, "a file of the PC that is back arrives", inStep)
	s.mustPass(0, "verify", "--full")
	text, err := s.command("status", "--queue-db", s.queue).Output()
	if err != nil || !strings.Contains(string(text), "folder PC02") {
		t.Errorf("status prints %q: %v", text, err)
	}
	s.stop()
}

// Where the table is unique on PC and hash, each PC has a row of its own for a content that both have.
func TestEachPCHasItsOwnRows(t *testing.T) {
	t.Parallel()
	s, g, dirs := manyPCs(t, store.ByPCAndHash, "PC01", "PC02")
	for i := range 3 {
		content := sample.New(i).Play(2).JSON()
		for _, dir := range dirs {
			writeFile(t, filepath.Join(dir, fmt.Sprintf("s%d.json", i)), content)
		}
	}
	g.Exec(t, `insert into gfx_sessions (gfx_pc_id, file_hash, raw_json) values ('PC03', '00000000000000000000000000000001', '{}')`)
	s.mustPass(0, "reconcile")
	want := []string{"PC01 s0.json", "PC01 s1.json", "PC01 s2.json", "PC02 s0.json", "PC02 s1.json", "PC02 s2.json"}
	if have := rowsByPC(t, g); !slices.Equal(have, want) {
		t.Fatalf("the table has %v, want %v", have, want)
	}
	const aboutRules = 4 // requests that ask what the table is unique on, and what it requires
	const aboutHands = 1 // whether the database expands sessions
	if r := s.mustPass(0, "verify"); r.RemoteOnly != 0 || r.Requests != 2+aboutRules+aboutHands {
		t.Errorf("verify says %+v, want two requests, and another PC's rows left out", r)
	}
	g.Exec(t, `delete from gfx_sessions where gfx_pc_id = 'PC02' and nas_path = 's1.json'`)
	if r := s.mustPass(1, "verify"); r.RemoteMissing != 1 || len(r.Problems) != 1 || r.Problems[0].Root != "PC02" {
		t.Errorf("a row of PC02 is gone, and verify says %+v", r)
	}
	if r := s.mustPass(0, "reconcile"); r.RemoteMissing != 1 || r.Uploaded != 1 {
		t.Errorf("a row of PC02 is gone, and reconcile says %+v", r)
	}
	if have := rowsByPC(t, g); !slices.Equal(have, want) {
		t.Errorf("the table has %v, want %v", have, want)
	}
	s.mustPass(0, "verify")
	// An older version of PC01's file goes, PC02's row of the same content stays.
	writeFile(t, filepath.Join(dirs["PC01"], "s0.json"), sample.New(0).Play(3).JSON())
	if r := s.mustPass(0, "reconcile", "--superseded", "delete"); r.Deleted != 1 {
		t.Errorf("%d rows deleted, want the one of PC01: %+v", r.Deleted, r)
	}
	if have := rowsByPC(t, g); !slices.Equal(have, want) {
		t.Errorf("the table has %v, want %v", have, want)
	}
	s.mustPass(0, "verify", "--full")
}
