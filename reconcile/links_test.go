package reconcile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/sample"
)

// A folder that was synced, and is a link out of the root now, is gone: what lies behind it is nobody's session.
func TestAFolderThatBecomesALinkIsNotFollowed(t *testing.T) {
	p := tempPlace(t)
	inside := p.session(t, "day/new/a.json", 1, 1)
	p.reconcile(t, Quick)
	outside := t.TempDir()
	secret := sample.New(2).Play(1).JSON()
	if err := os.MkdirAll(filepath.Join(outside, "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "new", "a.json"), secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p.remove(t, "day/new/a.json")
	p.remove(t, "day/new")
	p.remove(t, "day")
	if err := os.Symlink(outside, filepath.Join(p.dir, "day")); err != nil {
		t.Skipf("SKIPPED: this system lets nobody make a link here: %v", err)
	}
	for _, mode := range []Mode{Quick, Full} {
		p.reconcile(t, mode)
		if rows := p.hashes(t); len(rows) != 1 || rows[0] != inside {
			t.Errorf("%s: rows of %v, want %s alone; outside is %s", mode, rows, inside, hashindex.XXH3.Sum(secret))
		}
		if states := dump(t, p.cfg.QueueDB, `SELECT state FROM files`); len(states) != 1 || states[0] != string(hashindex.Gone) {
			t.Errorf("%s: the file is %v, want gone", mode, states)
		}
	}
}
