package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
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
		return v.Queue.Put(t.Context(), fileid.ID{Path: file}, &record, nil, noon)
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A saved copy takes the place of the file that is there now, with the queue of that file. The copy may already have a
// part of that queue, from a Take that was interrupted.
func TestASavedCopyTakesItsPlace(t *testing.T) {
	path := newPath(t)
	queueOne(t, path+".saved", "a.json")
	queueOne(t, path, "a.json")
	queueOne(t, path, "b.json")
	s, unlock, aside, err := state.OpenLocked(t.Context(), path, state.Options{})
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

// The root page of the queue's table is overwritten. The pages with the entries are not, so all are recovered.
func TestEntriesAreFoundWithoutTheWayToThem(t *testing.T) {
	const entries = 300
	path := newPath(t)
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range entries {
		content := fmt.Appendf(nil, `{"ID":%d,"note":%q}`, i, strings.Repeat("가", i*i%9_000))
		record := store.Record{FileHash: hashindex.XXH3.Sum(content), FileName: fmt.Sprint(i), RawJSON: content}
		want[record.FileName] = string(content)
		update(t, s, func(v state.View) error {
			return v.Queue.Put(t.Context(), fileid.ID{Path: record.FileName}, &record, nil, noon)
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	overwriteRootOf(t, path, "pending_sync")

	s, unlock, aside, err := state.OpenLocked(t.Context(), path, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(aside) != 1 || aside[0].Rescued != entries || aside[0].Lost == nil || *aside[0].Lost != 0 {
		t.Errorf("set aside: %+v, want all %d rescued", aside, entries)
	}
	items, err := s.Queue.Due(t.Context(), store.QueuePlace{}, entries+1, 1<<30, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		if want[item.Source.Path] != string(item.Record.RawJSON) || item.Record.FileName != item.Source.Path {
			t.Errorf("the entry of %s is of another file", item.Source.Path)
		}
		delete(want, item.Source.Path)
	}
	if len(want) > 0 {
		t.Errorf("%d entries are missing", len(want))
	}
	if err := errors.Join(s.Close(), unlock()); err != nil {
		t.Error(err)
	}
}

func overwriteRootOf(t *testing.T, path, table string) {
	t.Helper()
	db, err := sqlite.OpenCorrupt(path)
	if err != nil {
		t.Fatal(err)
	}
	var root int64
	err = db.QueryRowContext(t.Context(), `SELECT rootpage FROM sqlite_schema WHERE name = ?`, table).Scan(&root)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteAt(bytes.Repeat([]byte{0xa5}, sqlite.PageSize), (root-1)*sqlite.PageSize)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}
