package reconcile

import (
	"errors"
	"testing"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

func TestAProblemIsToldWithoutWhatItHasNot(t *testing.T) {
	for want, p := range map[string]Problem{
		"remote: no answer":           {Kind: kindRemote, Error: "no answer"},
		"link: PC01: it leads back":   {Kind: kindLink, Root: "PC01", Error: "it leads back"},
		"dead: PC01:a.json: 22P05":    {Kind: kindDead, Root: "PC01", Path: "a.json", Error: "22P05"},
		"invalid: a.json: no JSON":    {Kind: kindInvalid, Path: "a.json", Error: "no JSON"},
		"remote missing: 1015/a.json": {Kind: kindRemoteMissing, Path: "1015/a.json"},
	} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAnIncompletePassHasAHindrance(t *testing.T) {
	for want, r := range map[string]*Report{
		"": {Outcome: Complete, Problems: []Problem{{Kind: kindLink, Error: "it leads back"}}},
		"no answer": {
			Outcome:  Incomplete,
			Problems: []Problem{{Kind: kindDead, Error: "22P05"}, {Kind: kindRemote, Error: "no answer"}},
		},
		"/mnt/nas: it goes on": {
			Outcome: Incomplete, Roots: []RootReport{{Dir: "C:/GFX"}, {Dir: "/mnt/nas", Error: "it goes on"}},
		},
		"it was stopped, or part of the folder could not be read": {
			Outcome: Incomplete, Roots: []RootReport{{Dir: "C:/GFX"}},
		},
	} {
		if got := r.Hindrance(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTheFilesOfAStatusAddUp: each file is in one of the states that are shown.
func TestTheFilesOfAStatusAddUp(t *testing.T) {
	s := tempPlace(t).state(t)
	states := []hashindex.State{
		hashindex.Synced, hashindex.Pending, hashindex.Queued, hashindex.Dead, hashindex.Superseded, hashindex.Invalid,
		hashindex.Gone,
	}
	err := s.Update(t.Context(), func(v state.View) (err error) {
		for i, in := range states {
			for n := range i + 1 { // a number of its own for each
				path := string(in) + string(rune('0'+n))
				e := hashindex.Entry{ID: fileid.ID{Path: path}, Hash: path, State: in}
				err = errors.Join(err, v.Index.Put(t.Context(), &e))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	st, err := ReadStatus(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	got := []int{st.Synced, st.Pending, st.FilesQueued, st.FilesDead, st.Superseded, st.Invalid, st.Gone}
	sum := -st.Gone
	for i, n := range got {
		if sum += n; n != i+1 {
			t.Errorf("%d files %s, want %d", n, states[i], i+1)
		}
	}
	if st.Files != sum || sum != 21 {
		t.Errorf("%d files, of which %d are told: %+v", st.Files, sum, st)
	}
}

// TestAFileIsHashedOnce, however often it has to be looked at before it has settled.
func TestAFileIsHashedOnce(t *testing.T) {
	p := tempPlace(t)
	contents := []string{`{"ID":1,`, `{"ID":2,"Hands":[`, `{"ID":3}`}
	var bytes int64
	for i, content := range contents {
		p.write(t, string(rune('a'+i))+".json", []byte(content))
		bytes += int64(len(content))
	}
	for _, mode := range []Mode{Quick, Full} {
		r := p.reconcile(t, mode)
		if r.Hashed != int64(len(contents)) || r.BytesHashed != bytes || r.Invalid != 2 {
			t.Errorf("a %s pass hashed %d files of %d bytes, want %d: %+v", mode, r.Hashed, r.BytesHashed, bytes, r)
		}
	}
	p.write(t, "c.json", []byte(`{"ID":3,"changed":true}`))
	if r := p.survey(t, Full); r.Changed != 1 || r.Hashed != 3 || r.BytesHashed != bytes+int64(len(`,"changed":true`)) {
		t.Errorf("a survey hashed %d files of %d bytes: %+v", r.Hashed, r.BytesHashed, r)
	}
}
