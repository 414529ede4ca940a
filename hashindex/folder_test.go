package hashindex_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// TestInFolder: only the files directly in a folder, and none that is gone.
func TestInFolder(t *testing.T) {
	index := indexWith(t,
		entry("top.json", "1", hashindex.Synced), entry("a/x.json", "2", hashindex.Invalid),
		entry("a/b/y.json", "3", hashindex.Synced), entry("a.json", "4", hashindex.Pending),
		entry("a b/z.json", "5", hashindex.Synced), entry("a/gone.json", "6", hashindex.Gone),
		entry("a/\u1112.json", "7", hashindex.Queued), entry("ab/q.json", "8", hashindex.Synced),
	)
	for folder, want := range map[string][]string{
		"": {"a.json", "top.json"}, "a": {"x.json", "\u1112.json"}, "a/b": {"y.json"}, "a b": {"z.json"}, "none": nil,
	} {
		var got []string
		err := index.InFolder(t.Context(), label, folder, func(name string, stamp hashindex.Stamp) {
			if got = append(got, name); stamp.Size != 2 {
				t.Errorf("%s has %+v", name, stamp)
			}
		})
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("in %q: %q (%v), want %q", folder, got, err, want)
		}
	}
}

// TestModifiedSince: the newest first.
func TestModifiedSince(t *testing.T) {
	var entries []hashindex.Entry
	for i := range 10 {
		e := entry(fmt.Sprintf("%d.json", i), fmt.Sprint(i), hashindex.Synced)
		e.ModTime = noon.Add(time.Duration(i) * time.Minute).UnixNano()
		entries = append(entries, e)
	}
	entries[9].State = hashindex.Gone
	index := indexWith(t, entries...)
	var got []string
	err := index.ModifiedSince(t.Context(), label, noon.Add(5*time.Minute), 3, func(path string, _ hashindex.Stamp) {
		got = append(got, path)
	})
	if want := []string{"8.json", "7.json", "6.json"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
}
