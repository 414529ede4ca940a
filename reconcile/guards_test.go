package reconcile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// looking is an intake that has seen its root, with one file in it, and looks at nothing by itself.
func looking(t *testing.T) (in *intake, p *place, old hashindex.Entry) {
	t.Helper()
	p = tempPlace(t)
	p.session(t, "a.json", 1, 1)
	p.reconcile(t, Quick)
	a, err := Open(t.Context(), p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	old, _, err = a.state.Index.Get(t.Context(), hashindex.Key{Path: "a.json"})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := a.cfg.Roots[0].Identity()
	if err != nil {
		t.Fatal(err)
	}
	a.intake.rootSeen("", identity)
	return a.intake, p, old
}

// TestNothingIsConcludedWhileTheRootIsAway: to a look that comes when the share is lost, its file seems to be gone, or
// unreadable.
func TestNothingIsConcludedWhileTheRootIsAway(t *testing.T) {
	for name, conclude := range map[string]func(in *intake, old hashindex.Entry) (finding, error){
		"gone": func(in *intake, old hashindex.Entry) (finding, error) { return in.gone(lookAt("a.json"), old, true) },
		"invalid": func(in *intake, old hashindex.Entry) (finding, error) {
			return in.invalid(lookAt("a.json"), old, old.Stamp, time.Now(), unreadable(os.ErrPermission)), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, p, old := looking(t)
			if f, err := conclude(in, old); err != nil || f.entry == nil {
				t.Fatalf("with the root there: %+v (%v), want a conclusion", f, err)
			}
			p.takeRoot(t, outages["an empty directory in its place"])
			if f, err := conclude(in, old); err != nil || f.entry != nil {
				t.Errorf("with another root in its place: %+v (%v), want none", f.entry, err)
			}
			p.returnRoot(t)
		})
	}
}

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

// TestALookThatHasBeenOvertakenWritesNothing: while a file was read, a pass found that the remote lacks what the index
// took it to have.
func TestALookThatHasBeenOvertakenWritesNothing(t *testing.T) {
	in, _, old := looking(t)
	l := lookAt("a.json")
	l.state = old.State
	now := old
	now.Error = "of an older look"
	f := finding{look: l, entry: &now, item: &store.Item{Done: func() {}}}
	err := in.state.Update(t.Context(), func(v state.View) error {
		if err := v.Index.RemoteLost(t.Context(), old.Hash); err != nil {
			return err
		}
		return in.store(t.Context(), v, &f)
	})
	got, _, err2 := in.state.Index.Get(t.Context(), old.Key)
	if err != nil || err2 != nil || got.State != hashindex.Pending || got.Error != "" {
		t.Errorf("the index has %+v (%v, %v), want the intent that the pass made", got, err, err2)
	}
	if f.entry != nil || f.item != nil || f.after == 0 {
		t.Errorf("the finding is %+v, want that the file is looked at again", f)
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
