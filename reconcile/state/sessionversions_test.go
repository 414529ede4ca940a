package state_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// Versions that an older gfxsync took from the column hand_count are forgotten at the first start, and not later.
func TestHandsFromTheColumnAreForgottenOnce(t *testing.T) {
	s := open(t, newPath(t))
	for round, want := range []int{1, 2} {
		update(t, s, func(v state.View) error {
			own := hashindex.Version{Session: 1, Hash: "own", Hands: 3}
			return v.Index.AcknowledgeVersion(t.Context(), fileid.ID{Path: "a.json"}, own)
		})
		update(t, s, func(v state.View) error {
			return v.Index.RemoteVersion(t.Context(), hashindex.Version{Session: 2, Hash: "found", Hands: 9999})
		})
		update(t, s, func(v state.View) error { return v.Adopt(t.Context(), []string{""}, []string{""}, true) })
		known, err := s.Index.RemoteVersions(t.Context(), 0, 10, 1<<60, 10)
		if err != nil || len(known) != want {
			t.Errorf("start %d: %d versions are known, %v, want %d", round+1, len(known), err, want)
		}
	}
}

// A row keeps the time of its file in microseconds. That must not make it older than the file.
func TestVersionsAreComparedInMicroseconds(t *testing.T) {
	const micro = 1_760_603_319_123_456_000
	for _, tt := range []struct {
		name      string
		row, file int64
		hash      string
		want      state.VersionStatus
	}{
		{"the file's nanoseconds do not count", micro, micro + 999, "a", state.Obsolete},
		{"nor do they against the hash", micro, micro + 999, "z", state.Winner},
		{"a microsecond later", micro, micro + 1000, "a", state.Winner},
		{"a microsecond earlier", micro, micro - 1, "z", state.Obsolete},
	} {
		s := open(t, newPath(t))
		update(t, s, func(v state.View) error {
			ver := hashindex.Version{Session: 1, Hash: "m", Hands: 3, ModTime: tt.row}
			return v.Index.RemoteVersion(t.Context(), ver)
		})
		ver := hashindex.Version{Session: 1, Hash: tt.hash, Hands: 3, ModTime: tt.file}
		got, err := s.CompareVersion(t.Context(), ver)
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
		row := hashindex.Version{Session: 1, Hash: "m", Hands: 3, ModTime: tt.row}
		if row.Better(ver) != (tt.want == state.Obsolete) {
			t.Errorf("%s: the row is better: %v", tt.name, row.Better(ver))
		}
	}
}

// The number of hands is known for contents of files, even of files that are gone, and of records in the queue.
func TestContentTellsItsHands(t *testing.T) {
	s := open(t, newPath(t))
	session := int64(5)
	record, err := store.MakeRecord(store.Origin{FileHash: "queued", ModTime: 7000}, []byte(`{"ID":5,"Hands":[1,2]}`))
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(v state.View) error {
		return v.Queue.Put(t.Context(), fileid.ID{Path: "q.json"}, &record, nil, noon)
	})
	for path, e := range map[string]hashindex.Entry{
		"a.json": {
			Hash: "file", State: hashindex.Gone, Session: &session, Hands: 3, Stamp: hashindex.Stamp{ModTime: 9000},
		},
		"b.json": {Hash: "no session", State: hashindex.Synced, Hands: 0},
	} {
		e.ID = fileid.ID{Path: path}
		update(t, s, func(v state.View) error { return v.Index.Put(t.Context(), &e) })
	}
	for hash, want := range map[string][3]int64{
		"file": {3, 9000, 1}, "queued": {2, 7000, 1}, "no session": {}, "strange": {},
	} {
		hands, modTime, known, err := s.VersionOf(t.Context(), hash)
		if err != nil || int64(hands) != want[0] || modTime != want[1] || known != (want[2] == 1) {
			t.Errorf("%s: %d hands at %d, known: %v, %v, want %v", hash, hands, modTime, known, err, want)
		}
	}
}
