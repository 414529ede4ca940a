package doctor

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

func jsonFiles(t *testing.T) watch.Pattern {
	t.Helper()
	p, err := watch.ParsePattern("*.json")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func schedule(t *testing.T, spec string) reconcile.Schedule {
	t.Helper()
	s, err := reconcile.ParseSchedule(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// expect checks a finding: its part, its verdict, and that it says all of this.
func expect(t *testing.T, f store.Finding, part string, verdict store.Verdict, says ...string) {
	t.Helper()
	if f.Part != part || f.Verdict != verdict {
		t.Errorf("%+v, want %s %s", f, part, verdict)
	}
	for _, s := range says {
		if !strings.Contains(f.Text+" → "+f.Hint, s) {
			t.Errorf("%+v does not say %q", f, s)
		}
	}
	if (f.Verdict == store.Fail || f.Verdict == store.Warn) && f.Hint == "" {
		t.Errorf("%+v: what is the operator to do?", f)
	}
}

func TestWatchCountsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.json", "1015/b.json", "1015/c.txt", "1015/New/d.json"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	findings := checkRoot(t.Context(), patience, hashindex.Root{Label: "PC01", Dir: dir}, Setup{Pattern: jsonFiles(t)})
	expect(t, findings[0], "watch PC01", store.OK, dir+": 3 files in 3 folders")
	if findings[1].Part != "events PC01" {
		t.Errorf("%+v", findings[1])
	}
}

func TestWatchPathThatIsNotThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nowhere")
	findings := checkRoot(t.Context(), patience, hashindex.Root{Dir: dir}, Setup{Pattern: jsonFiles(t)})
	expect(t, findings[0], "watch", store.Fail, dir+" cannot be read", "GFX_SYNC_GFX_WATCH_PATH", "mounted")
	expect(t, findings[1], "events", store.Skipped)
	if len(findings) != 2 {
		t.Errorf("%d findings", len(findings))
	}
}

func TestQueueThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pending.db")
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, queue(t.Context(), path), "queue", store.OK, "no agent runs on it")
	unlock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, queue(t.Context(), path), "queue", store.OK, "an agent runs on it")
	if err := errors.Join(unlock(), s.Close()); err != nil {
		t.Fatal(err)
	}

	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t, queue(t.Context(), path), "queue", store.Fail, "newer gfxsync", "newest")

	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, queue(t.Context(), path), "queue", store.Fail, path, "damaged", "start the agent anew")
}

func TestQueueThatIsNotThereYet(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state", "gfxsync", "pending.db")
	findings := checkQueue(t.Context(), path)
	expect(t, findings[0], "queue", store.OK, "can be made")
	if findings[1].Part != "disk" || findings[1].Verdict == store.Skipped {
		t.Errorf("%+v, want the free space of a directory that is there", findings[1])
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the check has made a directory: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	findings = checkQueue(t.Context(), filepath.Join(file, "pending.db"))
	expect(t, findings[0], "queue", store.Fail, "cannot be made", "GFX_SYNC_QUEUE_DB_PATH")
	expect(t, findings[1], "disk", store.Skipped)
}

func TestQueueBelongsOnALocalDisk(t *testing.T) {
	fine := store.Finding{Part: "queue", Verdict: store.OK, Text: "fine"}
	broken := store.Finding{Part: "queue", Verdict: store.Fail, Text: "broken", Hint: "mend it"}
	expect(t, onLocalDisk(fine, hashindex.FileSystem{Place: hashindex.Local}, "p"), "queue", store.OK, "fine")
	expect(t, onLocalDisk(fine, hashindex.FileSystem{}, "p"), "queue", store.OK, "fine")
	expect(t, onLocalDisk(fine, hashindex.FileSystem{Place: hashindex.Network, Name: "SMB"}, "p"), "queue", store.Fail, "network share (SMB)", "GFX_SYNC_QUEUE_DB_PATH")
	expect(t, onLocalDisk(fine, hashindex.FileSystem{Place: hashindex.Program, Name: "FUSE"}, "p"), "queue", store.Warn, "FUSE mount", "GFX_SYNC_QUEUE_DB_PATH")
	expect(t, onLocalDisk(broken, hashindex.FileSystem{Place: hashindex.Network, Name: "SMB"}, "p"), "queue", store.Fail, "broken")
}

func TestFreeSpace(t *testing.T) {
	for free, verdict := range map[uint64]store.Verdict{
		0: store.Fail, 100<<20 - 1: store.Fail, 100 << 20: store.Warn, 1<<30 - 1: store.Warn, 1 << 30: store.OK, 1 << 50: store.OK,
	} {
		expect(t, space("/var", free), "disk", verdict)
	}
	if free, err := freeSpace(t.TempDir()); err != nil || free == 0 {
		t.Errorf("%d bytes free where the tests write (%v)", free, err)
	}
}
