//go:build unix

package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// onGateway is a scene on PostgreSQL with the table and the view that gfxsync's own SQL makes.
func onGateway(t *testing.T) (*scene, *supabasetest.Server) {
	g := supabasetest.New(t, supabasetest.WithSQL(supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)))
	return newScene(t).onSupabase(g, g.SecretKey), g
}

// pass runs reconcile or verify and returns what it reports, and its exit code.
func (s *scene) pass(command string, flags ...string) (*reconcile.Report, int) {
	s.t.Helper()
	args := append(append([]string{command, "--json", "--watch", s.watch, "--queue-db", s.queue}, s.args...), flags...)
	var stderr bytes.Buffer
	cmd := s.command(args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%s: %v", command, err)
	}
	r := &reconcile.Report{}
	if len(out) > 0 {
		if err := json.Unmarshal(out, r); err != nil {
			s.t.Fatalf("%s --json printed more than one object: %q", command, out)
		}
	}
	if s.t.Failed() || testing.Verbose() {
		s.t.Logf("%s %v: exit %d: %s%s", command, flags, cmd.ProcessState.ExitCode(), out, &stderr)
	}
	return r, cmd.ProcessState.ExitCode()
}

func (s *scene) mustPass(want int, command string, flags ...string) *reconcile.Report {
	s.t.Helper()
	r, code := s.pass(command, flags...)
	if code != want {
		s.t.Fatalf("%s %v: exit code %d, want %d: %+v", command, flags, code, want, r)
	}
	return r
}

// contents returns what is in the folder now, by hash.
func contents(t testing.TB, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".json" {
			return err
		}
		content, err := os.ReadFile(name)
		found[hashindex.XXH3.Sum(content)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *scene) mustHave(g *supabasetest.Server, what map[string]bool) {
	s.t.Helper()
	have := map[string]bool{}
	for _, h := range g.QueryStrings(s.t, `SELECT file_hash FROM gfx_sessions`) {
		have[h] = true
	}
	for h := range what {
		if !have[h] {
			s.t.Errorf("content %s is on disk and not in the table", h)
		}
	}
}

func TestWithTheWatcherOffEverythingArrives(t *testing.T) {
	t.Parallel()
	s, g := onGateway(t)
	s.start("--no-watch", "--scan-schedule", "@every 1s", "--flush-interval", "0.2")
	rng := rand.New(rand.NewPCG(1, 2))
	sessions := make([]*sample.Session, 1000)
	name := func(i int) string {
		return filepath.Join(s.watch, fmt.Sprintf("table-%d", i%7), sessions[i].FileName())
	}
	for i := range sessions {
		sessions[i] = sample.New(i).Play(1)
		writeFile(t, name(i), sessions[i].JSON())
	}
	for i := range sessions {
		var err error
		switch rng.IntN(4) {
		case 0:
			writeFile(t, name(i), sessions[i].Play(1).JSON())
		case 1:
			err = os.Rename(name(i), name(i)+".renamed.json")
		case 2:
			err = os.Remove(name(i))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := contents(t, s.watch)
	s.waitStatus("all files synced", func(st *reconcile.Status) bool {
		return st.Pending == 0 && st.Synced == len(want) && st.Files == len(want)
	})
	s.mustHave(g, want)
	s.mustPass(0, "verify")
	s.stop()
}

// afterDamage is a folder that was in sync, and then something happened. One full pass is to mend it.
func TestOneFullPassMendsWhateverHappened(t *testing.T) {
	damages := map[string]func(t *testing.T, s *scene, g *supabasetest.Server){
		"a third of the rows deleted": func(t *testing.T, _ *scene, g *supabasetest.Server) {
			g.Exec(t, `DELETE FROM gfx_sessions WHERE id % 3 = 0`)
		},
		"the index deleted": func(t *testing.T, s *scene, _ *supabasetest.Server) {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				if err := os.Remove(s.queue + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
		},
		"a file changed with its size and time restored": func(t *testing.T, s *scene, _ *supabasetest.Server) {
			changeUnseen(t, s)
			s.mustPass(0, "verify") // no listing shows it
		},
		"the clock set back a day": func(t *testing.T, s *scene, _ *supabasetest.Server) {
			// As if the agent had run with a clock that was a day ahead.
			s.execState(`UPDATE files SET seen_ms = seen_ms + 86400000, stamp_seen_ms = stamp_seen_ms + 86400000, synced_ms = synced_ms + 86400000`)
			writeFile(t, filepath.Join(s.watch, "late.json"), sample.New(500).Play(2).JSON())
			changeUnseen(t, s)
		},
		"all at once": func(t *testing.T, s *scene, g *supabasetest.Server) {
			g.Exec(t, `DELETE FROM gfx_sessions WHERE id % 2 = 0`)
			changeUnseen(t, s)
			writeFile(t, filepath.Join(s.watch, "new", "late.json"), sample.New(501).Play(2).JSON())
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, g := onGateway(t)
			sampleTree().writeTo(t, s.watch)
			s.age()
			s.mustPass(0, "reconcile")
			s.mustPass(0, "verify", "--full")
			damage(t, s, g)
			s.mustPass(1, "verify", "--full")
			r := s.mustPass(0, "reconcile", "--full")
			if !r.InSync {
				t.Errorf("not in sync: %+v", r)
			}
			s.mustPass(0, "verify")
			s.mustPass(0, "verify", "--full")
			s.mustHave(g, contents(t, s.watch))
		})
	}
}

// age makes the files look as if they had been written days ago: younger ones are hashed again by every scan.
func (s *scene) age() {
	s.t.Helper()
	then := time.Now().Add(-72 * time.Hour)
	err := filepath.WalkDir(s.watch, func(name string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(name, then, then))
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// changeUnseen changes the bytes of a file in such a way that no listing of its folder shows it.
func changeUnseen(t *testing.T, s *scene) {
	t.Helper()
	name := filepath.Join(s.watch, "1018", sample.New(5).FileName())
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(content, []byte(`"Duration":"PT`), []byte(`"Duration":"TP`), 1)
	if bytes.Equal(changed, content) {
		t.Fatal("the file has nothing to change")
	}
	writeFile(t, name, changed)
	if err := os.Chtimes(name, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) execState(statement string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", busyWait(s.queue))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		s.t.Fatal(err)
	}
}

// dump returns every row of some tables of a SQLite file, as text.
func (s *scene) dump(tables ...string) []string {
	s.t.Helper()
	db, err := sql.Open("sqlite", busyWait(s.queue))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	var all []string
	for _, table := range tables {
		rows, err := db.Query(`SELECT * FROM ` + table + ` ORDER BY 1, 2`)
		if err != nil {
			s.t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			s.t.Fatal(err)
		}
		for rows.Next() {
			row := make([]any, len(columns))
			for i := range row {
				row[i] = new(any)
			}
			if err := rows.Scan(row...); err != nil {
				s.t.Fatal(err)
			}
			for i := range row {
				row[i] = *row[i].(*any)
			}
			all = append(all, table+": "+fmt.Sprint(row...))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}

func TestVerifyChangesNothing(t *testing.T) {
	t.Parallel()
	s, g := onGateway(t)
	sampleTree().writeTo(t, s.watch)
	writeFile(t, filepath.Join(s.watch, "broken.json"), []byte(`{"half":`))
	s.age()
	s.mustPass(0, "reconcile")
	g.Exec(t, `DELETE FROM gfx_sessions WHERE id % 3 = 0`)
	changeUnseen(t, s)
	writeFile(t, filepath.Join(s.watch, "new.json"), sample.New(700).Play(1).JSON())
	state := func() []string { return s.dump("files", "remote_hashes", "pending_sync", "notes") }
	server := func() []string { return g.QueryStrings(t, `SELECT g::text FROM gfx_sessions g ORDER BY id`) }
	stateBefore, serverBefore := state(), server()
	for _, flags := range [][]string{nil, {"--full"}} {
		r := s.mustPass(1, "verify", flags...)
		if r.Added != 1 || r.RemoteMissing == 0 || r.InSync || r.Changed != int64(len(flags)) {
			t.Errorf("verify %v found %+v", flags, r)
		}
		s.mustPass(1, "reconcile", append([]string{"--dry-run"}, flags...)...)
	}
	if !slices.Equal(state(), stateBefore) {
		t.Error("verify has changed the index or the queue")
	}
	if !slices.Equal(server(), serverBefore) {
		t.Error("verify has changed rows of the server")
	}
	if st := s.status(); st.LastVerify == nil || st.LastVerify.InSync {
		t.Errorf("status does not show the verify: %+v", st)
	}
	s.mustPass(0, "reconcile", "--full")
	s.mustPass(0, "verify", "--full")
}

func TestReconcileBesideARunningAgentIsMadeByIt(t *testing.T) {
	t.Parallel()
	s, g := onGateway(t)
	files := sampleTree()
	delete(files, "1019/new/"+sample.New(101).FileName()) // of two that are equal one may still be on its way when both are synced
	files.writeTo(t, s.watch)
	s.start("--no-watch", "--scan-schedule", "", "--reconcile-schedule", "", "--full-schedule", "")
	_, count := files.jsonFiles()
	s.waitStatus("all synced", func(st *reconcile.Status) bool { return st.Synced == count })
	g.Exec(t, `DELETE FROM gfx_sessions`)
	changeUnseen(t, s)
	g.ResetRequests()
	if r := s.mustPass(0, "reconcile", "--full"); r.RemoteMissing == 0 || r.Changed != 1 {
		t.Errorf("the pass found %+v", r)
	}
	posts := 0
	for _, request := range g.Requests() {
		if request.Method == "POST" {
			posts += request.Rows
		}
	}
	if rows := g.Count(t, "gfx_sessions"); posts != rows || rows != count {
		t.Errorf("%d records were sent for %d rows: the work was done twice", posts, rows)
	}
	s.mustPass(0, "verify", "--full")
	s.mustHave(g, contents(t, s.watch))
	s.stop()
}

// An autostart that coincides with a scheduled reconcile is not to leave the PC without an agent.
func TestAnAgentWaitsForAPassOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s, g := onGateway(t)
	for i := range 3 {
		session := sample.New(i).Play(1)
		writeFile(t, filepath.Join(s.watch, session.FileName()), session.JSON())
	}
	release := hold(t, g)
	pass := s.command("reconcile", "--watch", s.watch, "--queue-db", s.queue, "--http-timeout", "10m")
	if err := pass.Start(); err != nil {
		t.Fatal(err)
	}
	s.waitStatus("the pass is under way", func(st *reconcile.Status) bool { return st.AgentRunning })
	s.start()
	eventually(t, "the agent waits", func() bool { return strings.Contains(s.log.String(), "waiting for its end") })
	release()
	if err := pass.Wait(); err != nil {
		t.Errorf("the pass: %v", err)
	}
	session := sample.New(9).Play(1)
	writeFile(t, filepath.Join(s.watch, session.FileName()), session.JSON())
	s.waitStatus("the agent is at work", func(st *reconcile.Status) bool { return st.Synced == 4 })
	s.stop()
}
