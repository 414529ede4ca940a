package state_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

func queueOne(t *testing.T, path, file string) {
	t.Helper()
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	content := []byte(`{"ID":"` + file + `"}`)
	record := store.Record{FileHash: hashindex.XXH3.Sum(content), FileName: file, RawJSON: content}
	update(t, s, func(v state.View) error {
		return v.Queue.Put(t.Context(), store.Source{Path: file}, &record, nil, noon)
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestASavedCopyTakesItsPlace, with what is in the queue of the file that is there now, however often that was begun before.
func TestASavedCopyTakesItsPlace(t *testing.T) {
	path := newPath(t)
	queueOne(t, path+".saved", "a.json")
	queueOne(t, path, "a.json")
	queueOne(t, path, "b.json")
	s, unlock, aside, err := state.Take(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Queue.List(t.Context(), 0, 10)
	if err != nil || len(list) != 2 || list[0].Source.Path != "a.json" || list[1].Source.Path != "b.json" {
		t.Errorf("the queue holds %+v (%v), want one record of each file", list, err)
	}
	if len(aside) != 1 || aside[0].Rescued != 2 || aside[0].Lost == nil || *aside[0].Lost != 0 {
		t.Errorf("set aside: %+v", aside)
	}
	if _, err := os.Stat(aside[0].Path); err != nil || !strings.HasPrefix(aside[0].Path, path+".replaced-") {
		t.Errorf("the replaced file is not where it is said to be: %v", err)
	}
	if _, err := os.Stat(path + ".saved"); !os.IsNotExist(err) {
		t.Errorf("the copy is still there (%v)", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
