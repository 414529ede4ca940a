//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// What only an operator can mend ends a one-shot command with exit code 2 and a sentence that says how, and loses nothing.
func TestWhatAnOperatorHasToMend(t *testing.T) {
	t.Parallel()
	const wrongKey = "sb_secret_Zm9vYmFyYmF6cXV4_c0ffee"
	for _, tt := range []struct {
		name, words string
		key         string
		breakIt     string
		mendIt      string
		commands    []string // those that meet it: verify only reads
	}{
		{name: "a wrong key", key: wrongKey, commands: []string{"reconcile", "reconcile", "verify"}, words: "GFX_SYNC_SUPABASE_SERVICE_KEY"},
		{
			name: "no table", commands: []string{"reconcile", "reconcile", "verify"}, words: "gfxsync schema",
			breakIt: `alter table gfx_sessions rename to moved`, mendIt: `alter table moved rename to gfx_sessions`,
		},
		{
			name: "no unique constraint", commands: []string{"reconcile", "reconcile"}, words: "gfxsync schema",
			breakIt: `alter table gfx_sessions drop constraint gfx_sessions_file_hash_key`, mendIt: `alter table gfx_sessions add unique (file_hash)`,
		},
		{
			name: "no right to insert", commands: []string{"reconcile", "reconcile"}, words: "GFX_SYNC_SUPABASE_SERVICE_KEY",
			breakIt: `revoke insert on gfx_sessions from service_role`, mendIt: `grant insert on gfx_sessions to service_role`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := supabasetest.New(t)
			key := g.SecretKey
			if tt.key != "" {
				key = tt.key
			}
			s := newScene(t).onSupabase(g, key)
			session := sample.New(1).Play(1)
			writeFile(t, filepath.Join(s.watch, session.FileName()), session.JSON())
			g.Exec(t, "select 1;"+tt.breakIt)
			for _, command := range tt.commands {
				var said strings.Builder
				cmd := s.command(command, "--watch", s.watch, "--queue-db", s.queue)
				cmd.Stderr = &said
				if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(said.String(), tt.words) {
					t.Errorf("%s: %v, want exit code 2; it says %q, want %q", command, err, said.String(), tt.words)
				}
				if strings.Contains(said.String(), key) {
					t.Errorf("%s shows the key", command)
				}
			}
			g.Exec(t, "select 1;"+tt.mendIt)
			s.onSupabase(g, g.SecretKey)
			s.mustPass(0, "reconcile")
			s.mustPass(0, "verify")
		})
	}
}
