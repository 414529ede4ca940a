package state_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// Somebody deletes the database file, and its write-ahead log stays behind. SQLite must not take it for the log of the
// file that takes its place.
func TestOnlyTheDatabaseFileIsDeleted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows deletes no file that is open")
	}
	const before, after = 1500, 1500
	path := newPath(t)
	s, unlock, _, err := state.OpenLocked(t.Context(), path, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	queue := func(from, to int) {
		t.Helper()
		for begin := from; begin < to; begin += 50 {
			update(t, s, func(v state.View) error {
				for i := begin; i < begin+50; i++ {
					content := fmt.Appendf(nil, `{"ID":%d,"note":%q}`, i, strings.Repeat("x", i%3000))
					r := store.Record{FileHash: hashindex.XXH3.Sum(content), FileName: fmt.Sprint(i), RawJSON: content}
					if err := v.Queue.Put(t.Context(), fileid.ID{Path: r.FileName}, &r, nil, noon); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	queue(0, before)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	queue(before, before+after)
	if err := errors.Join(s.Save(t.Context()), s.Close(), unlock()); err != nil {
		t.Fatal(err)
	}

	s, unlock, _, err = state.OpenLocked(t.Context(), path, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Queue.List(t.Context(), 0, before+after+1); err != nil || len(n) != before+after {
		t.Errorf("the queue holds %d records (%v), want %d", len(n), err, before+after)
	}
	if err := errors.Join(s.Close(), unlock()); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(path + ".saved*"); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
}
