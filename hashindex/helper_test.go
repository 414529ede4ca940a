package hashindex_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/reconcile/state/statetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const label = "main"

var noon = time.UnixMilli(1_767_355_200_123)

func openState(t *testing.T) *state.State {
	t.Helper()
	return statetest.Open(t)
}

func entry(path, hash string, s hashindex.State) hashindex.Entry {
	return hashindex.Entry{
		ID: fileid.ID{Root: label, Path: path}, Stamp: hashindex.Stamp{Size: 2, ModTime: 7}, Hash: hash, State: s,
		StampSeen: noon, SeenAt: noon,
	}
}

// indexWith makes an index with these entries.
func indexWith(t *testing.T, entries ...hashindex.Entry) hashindex.Index {
	t.Helper()
	s := openState(t)
	putAll(t, s, entries)
	return s.Index
}

func putAll(t fataler, s *state.State, entries []hashindex.Entry) {
	t.Helper()
	err := s.Update(t.Context(), func(v state.View) error {
		for i := range entries {
			if err := v.Index.Put(t.Context(), &entries[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func writeFile(t fataler, name string, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tree makes files with the content "{}" below a new directory.
func tree(t *testing.T, paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range paths {
		writeFile(t, filepath.Join(dir, filepath.FromSlash(p)), "{}")
	}
	return dir
}

func isJSON(name string) bool { return strings.HasSuffix(name, ".json") }

func scanner(x hashindex.Index, dir string) *hashindex.Scanner {
	return &hashindex.Scanner{Index: x, Root: hashindex.Root{Label: label, Dir: dir}, Match: isJSON}
}

// run scans and lists the visits: "+path" for a file that the index does not know, "=path" for a file that it knows,
// and "-path" for an entry without a file.
func run(t fataler, s *hashindex.Scanner) ([]string, hashindex.ScanResult, error) {
	t.Helper()
	var visits []string
	seen, err := s.Run(t.Context(), func(path string, stamp *hashindex.Stamp, e *hashindex.ScanEntry) error {
		switch {
		case stamp != nil && e == nil:
			visits = append(visits, "+"+path)
		case stamp != nil && e.Path == path:
			visits = append(visits, "="+path)
		case stamp == nil && e != nil && e.Path == path:
			visits = append(visits, "-"+path)
		default:
			t.Fatalf("visit(%q, %v, %v)", path, stamp, e)
		}
		return nil
	})
	return visits, seen, err
}

func wantVisits(t *testing.T, s *hashindex.Scanner, want ...string) hashindex.ScanResult {
	t.Helper()
	got, seen, err := run(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("visits %q, want %q", got, want)
	}
	return seen
}

func sorted(list []string) string {
	sort.Strings(list)
	return fmt.Sprintf("%q", list)
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}
