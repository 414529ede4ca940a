package hashindex_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
)

// beyondPathMax makes a directory with a file in it and returns its path. The path is too long to be opened, even by
// the user root.
func beyondPathMax(t *testing.T, dir string) string {
	t.Helper()
	var path []string
	at, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	for length := len(dir); length <= 4096; {
		name := strings.Repeat("d", 250)
		err := at.Mkdir(name, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		next, err := at.OpenRoot(name)
		if err := errors.Join(err, at.Close()); err != nil {
			t.Fatal(err)
		}
		at, path, length = next, append(path, name), length+1+len(name)
	}
	f, err := at.Create("b.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), at.Close()); err != nil {
		t.Fatal(err)
	}
	return strings.Join(path, "/")
}

func TestScanLeavesOutADirectoryThatCannotBeRead(t *testing.T) {
	dir := tree(t, "a.json", "z.json")
	long := beyondPathMax(t, dir)
	x := indexWith(
		t, entry(long+"/b.json", "h1", hashindex.Synced), entry(long+"/e/gone.json", "h2", hashindex.Pending),
		entry(long+"-not in it.json", "h3", hashindex.Synced), entry("y.json", "h4", hashindex.Synced),
	)
	seen := wantVisits(t, scanner(x, dir), "+a.json", "-"+long+"-not in it.json", "-y.json", "+z.json")
	if seen.Unknown != 2 || len(seen.Problems) != 1 || !errors.Is(seen.Problems[0], syscall.ENAMETOOLONG) ||
		!strings.Contains(seen.Problems[0].Error(), long) {
		t.Errorf("%d entries unknown, want 2; problems %.200v, want one that names the directory", seen.Unknown,
			seen.Problems)
	}
}
