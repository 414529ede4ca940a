package reconcile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAScanHashesWhatMayHaveChangedUnseen: a file that was hashed within the granularity of its own time may have been
// written again without a trace in its size and time.
func TestAScanHashesWhatMayHaveChangedUnseen(t *testing.T) {
	p := tempPlace(t)
	p.write(t, "a.json", []byte(`{"ID":1}`))
	p.reconcile(t, Quick)
	onFile(t, p.cfg.QueueDB, `UPDATE files SET racy = 1`)
	name := filepath.Join(p.dir, "a.json")
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "a.json", []byte(`{"ID":2}`))
	if err := os.Chtimes(name, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	w := p.work(t)
	w.pass(t.Context(), Scan, PassOptions{}, nil)
	eventually(t, "both contents are rows", func() bool { return len(p.hashes(t)) == 2 })
}

// TestARecordWhoseRowIsThereLeavesTheQueue, though it is dead and is not sent again: another agent has sent it.
func TestARecordWhoseRowIsThereLeavesTheQueue(t *testing.T) {
	p := tempPlace(t)
	hash := p.session(t, "a.json", 1, 1)
	p.remote.change(func() { p.remote.rejects[hash] = true })
	p.cfg.MaxRetries = 1
	p.try(t, Quick, PassOptions{})
	if got := p.indexed(t, `state = 'dead'`); len(got) != 1 {
		t.Fatalf("dead: %q, want the file", got)
	}
	p.foreign(t, hash)
	r := p.reconcile(t, Quick)
	if r.Dead != 0 || r.Uploaded != 0 || !r.InSync {
		t.Errorf("%+v, want nothing dead and nothing sent", r)
	}
	if left := dump(t, p.cfg.QueueDB, `SELECT file_path FROM pending_sync`); len(left) != 0 {
		t.Errorf("left in the queue: %q", left)
	}
}

// TestAFileThatCannotBeReadIsNotInSync: what is in it is not known, nor whether the table has it.
func TestAFileThatCannotBeReadIsNotInSync(t *testing.T) {
	p := tempPlace(t)
	p.session(t, "a.json", 1, 1)
	p.write(t, "b.json", []byte("{"))
	wantSync(t, p.reconcile(t, Quick), true) // what is no JSON has no row that could be missing
	onFile(t, p.cfg.QueueDB, `UPDATE files SET file_hash = '', error = 'unreadable: sharing violation', racy = 0
		WHERE path = 'b.json'`)
	for name, r := range map[string]*Report{"pass": p.try(t, Quick, PassOptions{}), "survey": p.survey(t, Quick)} {
		if r.InSync || r.Outcome != Incomplete || !strings.Contains(r.Hindrance(), "1 file could not be read") {
			t.Errorf("a %s says %+v, want that it is incomplete", name, r)
		}
	}
}
