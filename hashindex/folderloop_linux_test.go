package hashindex_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// mountThatFollowsLinks mounts a directory a second time, on a file system that follows symbolic links by itself, as a
// file server does.
func mountThatFollowsLinks(t *testing.T, dir string) string {
	t.Helper()
	bindfs, err := exec.LookPath("bindfs")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("needed on CI: bindfs")
		}
		t.Skip("SKIPPED: there is no bindfs here (apt-get install bindfs)")
	}
	point := t.TempDir()
	if out, err := exec.Command(bindfs, "--resolve-symlinks", dir, point).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("needed on CI: bindfs: %s", out)
		}
		t.Skipf("SKIPPED: bindfs cannot mount: %s", out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err == nil {
			return
		}
		if out, err := exec.Command("fusermount", "-u", "-z", point).CombinedOutput(); err != nil {
			t.Errorf("fusermount: %v: %s", err, out)
		}
	})
	return point
}

func TestScanDoesNotFollowWhatLeadsBack(t *testing.T) {
	dir := tree(t, "a.json", "d/b.json", "d/e/c.json", "z/y.json")
	for link, to := range map[string]string{
		"d/above": "..", "d/above too": "..", "d/e/far above": "../..",
		"itself": ".", "d/aside": "../z", "z/aside": "../d",
	} {
		symlink(t, to, filepath.Join(dir, filepath.FromSlash(link)))
	}
	for i, folder := range []string{"", "d", "d/e", "z"} { // else all folders would have the same modification time
		moment := time.Now().Add(-time.Duration(i) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, folder), moment, moment); err != nil {
			t.Fatal(err)
		}
	}
	// Entries of the index below such a folder are not visited.
	x := indexWith(t, entry("d/above/a.json", "h1", hashindex.Synced), entry("itself", "h2", hashindex.Synced),
		entry("d/above-b.json", "h3", hashindex.Synced))
	seen := wantVisits(t, scanner(x, mountThatFollowsLinks(t, dir)),
		"+a.json", "-d/above-b.json", "+d/aside/y.json", "+d/b.json", "+d/e/c.json",
		"+z/aside/b.json", "+z/aside/e/c.json", "+z/y.json")
	wantLeadsBack(t, seen, "d/above", "d/above too", "d/aside/aside", "d/e/far above", "itself", "z/aside/above",
		"z/aside/above too", "z/aside/aside", "z/aside/e/far above")
	if seen.Unknown != 2 {
		t.Errorf("%d entries count as unknown, want those at and below the folders that were not entered", seen.Unknown)
	}
	for _, folder := range []string{".", "d", "d/e", "z"} { // without the mount, no folder leads back
		if root := (hashindex.Root{Dir: dir}); root.IsFolderLoop(folder) {
			t.Errorf("%s leads back", folder)
		}
	}
}

func wantLeadsBack(t *testing.T, seen hashindex.ScanResult, paths ...string) {
	t.Helper()
	var got []string
	for _, p := range seen.Problems {
		path, _, _ := strings.Cut(strings.TrimPrefix(p.Error(), "read "), ": ")
		if got = append(got, path); !errors.Is(p, hashindex.ErrFolderLoop) {
			t.Errorf("problem %v, want ErrFolderLoop", p)
		}
	}
	if strings.Join(got, "\n") != strings.Join(paths, "\n") {
		t.Errorf("these lead back: %q, want %q", got, paths)
	}
}

// Folders may have the names of the folders that contain them. These are nested deeper than anybody nests them, and
// have the same modification time.
func TestScanEntersFoldersNamedAsThoseAboveThem(t *testing.T) {
	nested := strings.Repeat("11/", 16)
	paths := []string{nested + "a.json", "x/y/x/y/x/y/b.json"}
	dir := tree(t, paths...)
	if seen := wantVisits(t, scanner(indexWith(t), dir), "+"+paths[0], "+"+paths[1]); len(seen.Problems) > 0 {
		t.Errorf("problems %v, want none", seen.Problems)
	}
	// This machine sees this symbolic link, so the file system has not followed it by itself.
	linked := tree(t, "x/y/z/x/a.json", "x/y/z/b.json")
	symlink(t, filepath.Join(linked, "x/y"), filepath.Join(linked, "x/y/z/x/y"))
	wantVisits(t, scanner(indexWith(t), linked), "+x/y/z/b.json", "+x/y/z/x/a.json")
	// Equal modification times prove a loop only if the path can be repeated sixteen times. Here it can be repeated
	// fewer times.
	moment := time.Now().Add(-time.Hour)
	for path := filepath.Join(dir, "x/y/x/y/x/y"); path != dir; path = filepath.Dir(path) {
		if err := os.Chtimes(path, moment, moment); err != nil {
			t.Fatal(err)
		}
	}
	wantVisits(t, scanner(indexWith(t), dir), "+"+paths[0], "+"+paths[1])
}
