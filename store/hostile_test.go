package store_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/hostile"
)

var refusals = []error{
	store.ErrEmpty, store.ErrNotJSON, store.ErrNotObject, store.ErrNotUTF8, store.ErrTooDeep,
	store.ErrNUL, store.ErrSurrogate, store.ErrNumber,
}

func isRefusal(err error) bool {
	for _, known := range refusals {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// largeSize returns the size of a large file. The race detector is given an eighth of it. All of it is run without.
func largeSize(whole int) int {
	if raced {
		return whole / 8
	}
	return whole
}

// checkMade fails unless MakeRecord refuses the content with a known error, or makes a record that the queue can
// return.
func checkMade(t *testing.T, path string, content []byte) (made bool) {
	t.Helper()
	r, err := store.MakeRecord(origin(path), content)
	if err != nil {
		if !isRefusal(err) {
			t.Errorf("error = %v, want a known one", err)
		}
		return false
	}
	b := r.AppendJSON(nil, nil)
	if !json.Valid(b) {
		t.Fatalf("the record is no JSON: %.200q", b)
	}
	var back store.Record
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatalf("the record cannot be read back: %v", err)
	}
	if !reflect.DeepEqual(back, r) {
		t.Errorf("read back: %.300q, want %.300q", back.AppendJSON(nil, nil), b)
	}
	return true
}

func TestHostileFilesAreRecordsOrRefused(t *testing.T) {
	made := 0
	files := append(hostile.Files(), hostile.Large(largeSize(4<<20))...)
	for _, f := range files {
		t.Run(f.Name, func(t *testing.T) {
			if checkMade(t, "a.json", f.Content) {
				made++
			}
		})
	}
	t.Logf("%d hostile files: %d made into records, each of the others has a reason", len(files), made)
	if made < 100 {
		t.Errorf("%d records: the corpus is no test of what is made", made)
	}
}

func TestFilesOfOddNames(t *testing.T) {
	for _, path := range []string{
		"", "/", "..", "a\x00b.json", "\xff\xfe.json", "\u202egpj.json", "a\nb.json",
		`a"b\c.json`, "GameID=" + string(make([]byte, 300)),
	} {
		checkMade(t, path, []byte(`{"ID":1}`))
	}
}

// A record with the deepest nesting that is taken must come back from the queue. An entry that cannot be read would
// block all entries behind it.
func TestNestingHasABound(t *testing.T) {
	for _, brackets := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
		if !checkMade(t, "a.json", hostile.Nested(9_990, brackets[0], brackets[1])) {
			t.Error("9,990 levels are refused")
		}
		for _, n := range []int{9_991, 10_000, 10_001, 1_000_000} {
			content := hostile.Nested(n, brackets[0], brackets[1])
			if _, err := store.MakeRecord(origin("a.json"), content); !errors.Is(err, store.ErrTooDeep) {
				t.Errorf("%d levels: %v, want ErrTooDeep", n, err)
			}
		}
	}
	for _, flat := range []string{
		`{"a":"` + string(hostile.Nested(20_000, "[", "]")[5:20_000]) + `"}`,
		`{"a":"\"[","b":"\\"}`,
	} {
		if _, err := store.MakeRecord(origin("a.json"), []byte(flat)); err != nil {
			t.Errorf("brackets in strings: %v", err)
		}
	}
}

// The memory for a file is bounded by its size (README, "What it promises"). So a record must not hold more, and making
// it must not take much more.
func TestARecordTakesNoMoreMemoryThanItsFile(t *testing.T) {
	size := largeSize(8 << 20)
	slack := size / 8
	for _, f := range hostile.Large(size) {
		var before, made, kept runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := store.MakeRecord(origin("a.json"), f.Content)
		runtime.ReadMemStats(&made)
		runtime.GC()
		runtime.ReadMemStats(&kept)
		// The worst cases are a number and a title of escapes that fill the file. They are copied once.
		if took := made.TotalAlloc - before.TotalAlloc; took > uint64(size*5/4+slack) {
			t.Errorf("%s: the making took %d KiB for %d KiB (%v)", f.Name, took>>10, size>>10, err)
		}
		if held := int64(kept.HeapAlloc) - int64(before.HeapAlloc); held > int64(size/4+slack) {
			t.Errorf("%s: the record holds %d KiB beside its file of %d KiB", f.Name, held>>10, size>>10)
		}
		if err == nil && r.Size() < int64(len(r.RawJSON)+len(r.EventTitle)) {
			t.Errorf("%s: Size = %d, which its texts exceed", f.Name, r.Size())
		}
		runtime.KeepAlive(f.Content)
	}
}
