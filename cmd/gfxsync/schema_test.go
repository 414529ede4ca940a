package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// schema runs gfxsync schema in a folder.
func schema(t *testing.T, dir string, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(dir)
	var out, errs bytes.Buffer
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	p := &program{stdout: &out, stderr: &errs, lookupEnv: lookup}
	code = p.run(context.Background(), append([]string{"gfxsync", "schema"}, args...))
	return code, out.String(), errs.String()
}

func TestSchemaPrintsTheSQLOfTheKeyThatIsAskedFor(t *testing.T) {
	sql := func(keys ...store.ConflictKey) string { return supabase.SchemaSQL("public", "gfx_sessions", keys...) }
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"none":        {want: sql()},
		"auto":        {args: []string{"--on-conflict", "auto"}, want: sql()},
		"hash":        {args: []string{"--on-conflict", "file_hash"}, want: sql(store.ByHash)},
		"environment": {env: map[string]string{"GFX_SYNC_ON_CONFLICT": "session_id"}, want: sql(store.BySession)},
		"flag wins": {
			map[string]string{"GFX_SYNC_ON_CONFLICT": "session_id"}, []string{"--on-conflict", "auto"}, sql(),
		},
		"other table": {args: []string{"--schema", "gfx", "--table", "s"}, want: supabase.SchemaSQL("gfx", "s")},
		"concurrently": {
			args: []string{"--concurrently"},
			want: supabase.SchemaSQLConcurrently("public", "gfx_sessions"),
		},
		"realtime": {
			args: []string{"--realtime", "--schema", "gfx", "--table", "s"},
			want: supabase.RealtimeSQL("gfx", "s"),
		},
		"publication": {
			args: []string{"--publication"},
			want: supabase.PublicationSQL("public", "gfx_sessions"),
		},
		"both": {
			args: []string{"--publication", "--realtime"},
			want: supabase.RealtimeSQL("public", "gfx_sessions") + supabase.PublicationSQL("public", "gfx_sessions"),
		},
		"and with a key": {
			args: []string{"--concurrently", "--on-conflict", "session_id"},
			want: supabase.SchemaSQLConcurrently("public", "gfx_sessions", store.BySession),
		},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := schema(t, t.TempDir(), tt.env, tt.args...)
			if code != exitOK || stdout != tt.want || stderr != "" {
				t.Errorf("exit code %d, %q, and not the SQL that is wanted", code, stderr)
			}
		})
	}
}

// The Supabase CLI names migrations after the time in UTC, and applies them in the order of their names.
func TestAMigrationIsNamedAfterTheTime(t *testing.T) {
	project := t.TempDir()
	if err := os.Mkdir(filepath.Join(project, "supabase"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, "supabase", "config.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := time.Now().UTC().Truncate(time.Second)
	code, stdout, stderr := schema(t, project, nil, "--migration")
	stamp, _, _ := strings.Cut(filepath.Base(stdout), "_")
	at, err := time.Parse("20060102150405", stamp)
	if code != exitOK || err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("exit code %d, %q, %v: the time of %s is not that of now in UTC", code, stderr, err, stdout)
	}
}
