//go:build unix

package main

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// TestTheTablesInProductionWithDefaultSettings: the agent begins while the server is down, is killed, and one session
// goes on growing.
func TestTheTablesInProductionWithDefaultSettings(t *testing.T) {
	t.Parallel()
	for _, table := range supabasetest.ProductionTables {
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			g := supabasetest.New(t, supabasetest.WithSQL(table.SQL), supabasetest.WithSchemas(table.Schema))
			s := newScene(t).onSupabase(g, g.SecretKey)
			s.env = append(s.env, "GFX_SYNC_SCHEMA="+table.Schema)
			session := sample.New(7)
			save := func(hands int) string {
				content := session.Play(hands).JSON()
				writeFile(t, filepath.Join(s.watch, session.FileName()), content)
				return hashindex.XXH3.Sum(content)
			}
			save(1)
			if code, out, _ := s.checkOnce(); code != map[bool]int{true: 0, false: 1}[table.Unfilled == ""] ||
				!strings.Contains(out, "one row per session, because the table is unique on session_id "+
					"(GFX_SYNC_ON_CONFLICT=auto)") ||
				table.Unfilled != "" && !strings.Contains(lineOf(out, "row"), table.Unfilled+" ") &&
					!strings.Contains(lineOf(out, "row"), table.Unfilled+",") {
				t.Errorf("check: exit code %d\n%s", code, out)
			}
			if table.Unfilled != "" {
				return // it takes no row
			}
			g.Stop()
			if _, stderr := s.fails("reconcile"); stderr != "" {
				t.Errorf("reconcile during an outage: %s", stderr)
			}
			if code, stderr := s.fails("verify"); code != 2 || !strings.Contains(stderr,
				"cannot ask what the table is unique on: outage: no answer") {
				t.Errorf("verify during an outage: exit code %d, %s", code, stderr)
			}
			s.start()
			save(2)
			s.waitStatus("two saves wait", func(st *reconcile.Status) bool { return st.Queued == 2 })
			s.kill()
			s.start()
			save(3)
			s.waitStatus("three saves wait", func(st *reconcile.Status) bool { return st.Queued == 3 })
			g.Start()
			rows := func() []string { return g.QueryStrings(t, `select file_hash from `+table.Schema+`.gfx_sessions`) }
			for hands := 4; hands < 8; hands++ {
				last := save(hands)
				eventually(t, "the row is the last save", func() bool {
					return slices.Equal(rows(), []string{last})
				})
			}
			s.waitStatus("nothing waits",
				func(st *reconcile.Status) bool { return st.Queued+st.Dead == 0 })
			s.mustPass(0, "verify", "--full")
			s.stop()
			s.mustPass(0, "verify", "--full")
		})
	}
}

// checkOnce runs check.
func (s *scene) checkOnce() (code int, stdout, stderr string) {
	s.t.Helper()
	cmd := s.command("check", "--watch", s.watch, "--queue-db", s.queue)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// fails runs a command that must not succeed, and returns what it says of that, but for its log.
func (s *scene) fails(command string) (code int, stderr string) {
	s.t.Helper()
	_, err := s.command(command, "--watch", s.watch, "--queue-db", s.queue, "--log-file", s.queue+".log").Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		s.t.Fatalf("%s: %v", command, err)
	}
	return exit.ExitCode(), string(exit.Stderr)
}
