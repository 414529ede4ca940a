package reconcile

import (
	"os"
	"path/filepath"
	"testing"
)

// TestARenamingOfCaseAloneLeavesNoGhost: Windows finds the file, and one in a folder, by its old name as well. There it
// is that this test can fail.
func TestARenamingOfCaseAloneLeavesNoGhost(t *testing.T) {
	p := tempPlace(t)
	p.session(t, "a.json", 1, 1)
	p.session(t, "day1/b.json", 2, 1)
	p.reconcile(t, Quick)
	for from, to := range map[string]string{"a.json": "A.json", "day1": "Day1"} {
		// In two steps: Wine takes the two names for one, and does nothing.
		between := filepath.Join(p.dir, "between")
		err := os.Rename(filepath.Join(p.dir, from), between)
		if err == nil {
			err = os.Rename(between, filepath.Join(p.dir, to))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := p.reconcile(t, Quick)
	if r.Gone != 2 || r.Added != 2 || r.Renamed != 2 || r.Uploaded != 0 || !r.InSync {
		t.Errorf("after the renaming: %+v, want two files gone, and two under new names", r)
	}
	if got := p.indexed(t, `state = 'synced'`); len(got) != 2 {
		t.Errorf("synced: %q, want two files", got)
	}
}
