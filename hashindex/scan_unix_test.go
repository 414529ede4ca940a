//go:build unix

package hashindex_test

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
)

func TestScanPassesWhatIsNoRegularFile(t *testing.T) {
	dir := tree(t, "a.json")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantVisits(t, scanner(indexWith(t, entry("pipe.json", "h", hashindex.Synced)), dir), "+a.json", "-pipe.json")
}

func TestScanKeepsNamesThatAreNotUTF8(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("macOS allows no such name")
	}
	dir := tree(t, "b\xff.json", "\xed\xa0\x80.json")
	wantVisits(t, scanner(indexWith(t, entry("b\xff.json", "h", hashindex.Synced),
		entry("c\xfe.json", "h", hashindex.Synced)), dir),
		"=b\xff.json", "-c\xfe.json", "+\xed\xa0\x80.json")
}

func TestScanLeavesOutADirectoryThatMayNotBeRead(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("SKIPPED, root may read everything: see TestScanLeavesOutADirectoryThatCannotBeRead")
	}
	dir := tree(t, "a.json", "locked/b.json")
	locked := filepath.Join(dir, "locked")
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(locked, 0o700) })
	x := indexWith(t, entry("locked/b.json", "h1", hashindex.Synced), entry("locked-b.json", "h2", hashindex.Synced))
	if seen := wantVisits(t, scanner(x, dir), "+a.json", "-locked-b.json"); len(seen.Problems) != 1 {
		t.Errorf("problems %v, want one", seen.Problems)
	}
}
