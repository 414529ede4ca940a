package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
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

func TestSchemaRefusesNonsense(t *testing.T) {
	for want, args := range map[string][]string{
		"expected auto, file_hash, gfx_pc_id,file_hash or session_id": {"--on-conflict", "id"},
		"exclude each other":              {"--concurrently", "--migration"},
		"run supabase init there first":   {"--migration"},
		"is not an argument of this comm": {"twice"},
	} {
		code, stdout, stderr := schema(t, t.TempDir(), nil, args...)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, %q, %q, want %q", args, code, stdout, stderr, want)
		}
	}
}

func TestSchemaWritesAMigrationAsTheSupabaseCLINamesIt(t *testing.T) {
	project := t.TempDir()
	below := filepath.Join(project, "web", "src")
	for _, dir := range []string{below, filepath.Join(project, "supabase")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(project, "supabase", "config.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := time.Now().UTC().Truncate(time.Second)
	code, stdout, stderr := schema(t, below, nil, "--migration")
	path := strings.TrimSpace(stdout)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	name := regexp.MustCompile(`[/\\]supabase[/\\]migrations[/\\](\d{14})_gfxsync\.sql$`).FindStringSubmatch(path)
	if name == nil {
		t.Fatalf("path %q", path)
	}
	if at, err := time.Parse("20060102150405", name[1]); err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("time %s, %v: not that of now in UTC", name[1], err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != supabase.SchemaSQL("public", "gfx_sessions") {
		t.Errorf("the file does not hold the SQL: %v", err)
	}
	_, again, _ := schema(t, project, nil, "--migration")
	if filepath.Base(strings.TrimSpace(again)) != filepath.Base(path) {
		t.Errorf("the same once more as %s", again)
	}
	old := filepath.Join(filepath.Dir(path), "20200101000000_gfxsync.sql")
	if err := os.Rename(path, old); err != nil {
		t.Fatal(err)
	}
	_, realtime, _ := schema(t, project, nil, "--migration", "--realtime")
	if !strings.HasSuffix(strings.TrimSpace(realtime), "_gfxsync_realtime.sql") {
		t.Errorf("the SQL of Realtime alone as %s", realtime)
	}
	code, other, stderr := schema(t, project, nil, "--migration", "--on-conflict", "session_id")
	if code != exitOK || strings.TrimSpace(other) == old {
		t.Errorf("exit code %d, %q: other SQL is no other migration: %s", code, stderr, other)
	}
}
