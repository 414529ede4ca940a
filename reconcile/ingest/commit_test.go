package ingest

import (
	"os"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// An examination reads the index, then the file, and commits what it found some time later. What a pass or a delivery
// has written meanwhile must not be undone by it.

const session = `{"ID":1,"Hands":[]}`

// TestAnExaminationThatWasOvertakenWritesNothing: a pass found meanwhile that the remote lacks the content.
func TestAnExaminationThatWasOvertakenWritesNothing(t *testing.T) {
	p := newPlace(t)
	hash := p.synced(t, "a.json", session)
	p.write(t, "a.json", `{"ID":1,"Hands":[{}]}`)
	res := p.examined(t, taskFor("a.json"))
	p.update(t, func(v state.View) error { return v.Index.RemoteLost(t.Context(), hash) })
	p.update(t, func(v state.View) error { return p.store(t.Context(), v, &res) })
	if e := p.entry(t, "a.json"); e.State != hashindex.Pending || e.Hash != hash {
		t.Errorf("the index has %+v, want the intent that the pass made", e)
	}
	if res.entry != nil || res.item != nil || res.again == 0 {
		t.Errorf("the result is %+v, want that the file is examined again", res)
	}
}

// TestAnExaminationDoesNotHideThatTheRemoteLostARow: the file itself is new, and the content was there before.
func TestAnExaminationDoesNotHideThatTheRemoteLostARow(t *testing.T) {
	for name, moved := range map[string]bool{"a copy": false, "a file that was moved": true} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			hash := p.synced(t, "a.json", session)
			p.write(t, "b.json", session)
			if moved {
				if err := os.Remove(p.root().Abs("a.json")); err != nil {
					t.Fatal(err)
				}
			}
			res := p.examined(t, taskFor("b.json"))
			p.update(t, func(v state.View) error { return v.Index.RemoteLost(t.Context(), hash) })
			p.update(t, func(v state.View) error { return p.store(t.Context(), v, &res) })
			if e := p.entry(t, "b.json"); e.State != hashindex.Pending || res.item == nil {
				t.Errorf("the index has %+v, to be delivered: %v; want an intent that is delivered", e, res.item)
			}
		})
	}
}

// TestASyncedFileWhoseRowIsLostIsAnIntent: nothing but its time is new.
func TestASyncedFileWhoseRowIsLostIsAnIntent(t *testing.T) {
	p := newPlace(t)
	hash := p.synced(t, "a.json", session)
	later := time.Now().Add(-time.Minute)
	if err := os.Chtimes(p.root().Abs("a.json"), later, later); err != nil {
		t.Fatal(err)
	}
	res := p.examined(t, taskFor("a.json"))
	if res.entry == nil || res.item != nil {
		t.Fatalf("the result is %+v, want a new time and no delivery", res)
	}
	p.update(t, func(v state.View) error {
		// The hash is forgotten, and the state of the file is not: so it is when another file of that content was lost.
		if err := v.Index.RemoteLost(t.Context(), hash); err != nil {
			return err
		}
		return v.Index.Move(t.Context(), hash, []hashindex.State{hashindex.Pending}, hashindex.Synced, "")
	})
	p.update(t, func(v state.View) error { return p.store(t.Context(), v, &res) })
	if e := p.entry(t, "a.json"); e.State != hashindex.Pending || res.again == 0 {
		t.Errorf("the index has %+v, again after %v; want an intent that is examined again", e, res.again)
	}
}

// TestAnExaminationDoesNotHideAnAcknowledgement: the content is a row by now, and is not sent again.
func TestAnExaminationDoesNotHideAnAcknowledgement(t *testing.T) {
	p := newPlace(t)
	hash := p.write(t, "a.json", session)
	res := p.examined(t, taskFor("a.json"))
	p.update(t, func(v state.View) error { return v.Index.RemoteFound(t.Context(), hash, time.Now()) })
	p.update(t, func(v state.View) error { return p.store(t.Context(), v, &res) })
	if e := p.entry(t, "a.json"); e.State != hashindex.Synced || res.item != nil {
		t.Errorf("the index has %+v, to be delivered: %v; want a file that is synced", e, res.item)
	}
}

// TestNothingIsConcludedWhileTheRootIsAway: while a share is lost, its files seem to be gone or unreadable.
func TestNothingIsConcludedWhileTheRootIsAway(t *testing.T) {
	p := newPlace(t)
	p.synced(t, "gone.json", session)
	task := taskFor("invalid.json")
	p.write(t, "invalid.json", "{")
	task.settling = settling{active: true, since: time.Now().Add(-time.Hour)}
	conclude := func(want hashindex.State) {
		t.Helper()
		var got [2]hashindex.State
		for i, task := range []Task{taskFor("gone.json"), task} {
			info, err := p.root().Lstat("invalid.json")
			if err != nil {
				t.Fatal(err)
			}
			task.settling.stamp = hashindex.StampOf(info)
			if res := p.examined(t, task); res.entry != nil {
				got[i] = res.entry.State
			}
		}
		if (got[0] == hashindex.Gone) != (want != "") || (got[1] == hashindex.Invalid) != (want != "") {
			t.Errorf("concluded %q, want %q of both", got, want)
		}
	}
	if err := os.Remove(p.root().Abs("gone.json")); err != nil {
		t.Fatal(err)
	}
	conclude("gone or invalid")
	if err := os.Rename(p.dir, p.dir+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.write(t, "invalid.json", "{")
	conclude("")
}
