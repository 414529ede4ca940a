package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
)

// twoFiles is a folder with two sessions, and the flags of an agent for it, none of whose own files is there yet.
func twoFiles(t *testing.T) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	watch := filepath.Join(dir, "watch")
	if err := os.Mkdir(watch, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"a.json": `{"ID":1}`, "b.json": `{"ID":2}`} {
		if err := os.WriteFile(filepath.Join(watch, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	queue, table := filepath.Join(dir, "queue.db"), filepath.Join(dir, "table.db")
	return dir, []string{"--watch", watch, "--queue-db", queue, "--local", table}
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestADryRunOfAFirstStart names what would be sent, and makes neither table nor queue database.
func TestADryRunOfAFirstStart(t *testing.T) {
	dir, flags := twoFiles(t)
	o := gfxsync(t.Context(), nil, append([]string{"reconcile", "--dry-run"}, flags...)...)
	if o.code != exitRemain || o.stderr != "" {
		t.Errorf("exit code %d, want %d: %s", o.code, exitRemain, o.stderr)
	}
	checkLine(t, o.stdout, "would send a.json (added)")
	checkLine(t, o.stdout, "would send b.json (added)")
	if got := names(t, dir); !slices.Equal(got, []string{"watch"}) {
		t.Errorf("the folder holds %q, want nothing new", got)
	}
}

// TestVerifyMakesNoTable, and says that there is none: the path may be wrong. A dry run says that everything would be
// sent.
func TestVerifyMakesNoTable(t *testing.T) {
	dir, flags := twoFiles(t)
	gfxsync(t.Context(), nil, append([]string{"reconcile"}, flags...)...).ok(t)
	if err := os.Remove(filepath.Join(dir, "table.db")); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	gfxsync(t.Context(), nil, append([]string{"verify"}, flags...)...).
		refused(t, filepath.Join(dir, "table.db"), "does not exist", "nothing was compared")
	o := gfxsync(t.Context(), nil, append([]string{"reconcile", "--dry-run"}, flags...)...)
	checkLine(t, o.stdout, "would send a.json (remote missing)")
	checkLine(t, o.stdout, "would send b.json (remote missing)")
	if got := names(t, dir); !slices.Equal(got, before) {
		t.Errorf("the folder holds %q, want %q as before", got, before)
	}
	gfxsync(t.Context(), nil, append([]string{"reconcile"}, flags...)...).ok(t)
	gfxsync(t.Context(), nil, append([]string{"verify"}, flags...)...).ok(t)
}

// TestWhatHasNoPathIsToldWithoutOne: the remote is no file, and an account may have no home directory for the queue
// database.
func TestWhatHasNoPathIsToldWithoutOne(t *testing.T) {
	_, flags := twoFiles(t)
	gfxsync(t.Context(), nil, append([]string{"reconcile"}, flags...)...).ok(t)
	env := environment{"GFX_SYNC_SUPABASE_URL": "http://127.0.0.1:1", "GFX_SYNC_SUPABASE_SERVICE_KEY": testKey}
	o := gfxsync(t.Context(), env, append([]string{"verify"}, flags[:4]...)...)
	checkLine(t, o.stderr, "cannot ask what the table is unique on", "no answer")
	if o.code != exitFailed || strings.Contains(o.stdout+o.stderr, ": :") {
		t.Errorf("exit code %d; an empty name is printed: %s%s", o.code, o.stdout, o.stderr)
	}
}

func TestAQueueDatabaseWithoutAPlace(t *testing.T) {
	preset := &stateSettings[0].preset
	was := *preset
	*preset = "" // as for an account without a home directory
	defer func() { *preset = was }()
	for _, args := range [][]string{{"status"}, {"queue", "list"}, {"invalid", "list"}} {
		gfxsync(t.Context(), nil, args...).refused(t, "GFX_SYNC_QUEUE_DB_PATH is not set: expected the path of a file")
	}
}

func TestAStatusAddsUp(t *testing.T) {
	st := &reconcile.Status{
		Files: 21, Synced: 1, Pending: 2, FilesQueued: 3, FilesDead: 4, Superseded: 5, Invalid: 6, Queued: 3, Dead: 4,
	}
	sum := 0
	for _, word := range strings.Fields(filesText(st)) {
		if n := strings.IndexFunc(word, func(r rune) bool { return r < '0' || r > '9' }); n < 0 {
			sum += int(word[0] - '0')
		}
	}
	if sum != st.Files {
		t.Errorf("%q adds up to %d, want %d", filesText(st), sum, st.Files)
	}
	if text := queueText(st); text != "3 waiting, 4 dead" {
		t.Errorf("the queue is %q", text)
	}
	st.Queued++ // a content that its file has not any more
	if text := queueText(st); !strings.HasPrefix(text, "4 waiting, 4 dead (") {
		t.Errorf("the queue is %q, want that it is said why it is not what the files say", text)
	}
}
