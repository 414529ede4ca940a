//go:build unix

package envfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestAFileKeepsItsModeAndOwner(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o640, 0o644} {
		f, err := read(t, "A=1\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(f.Path, mode); err != nil {
			t.Fatal(err)
		}
		owner := os.Getuid()
		if owner == 0 {
			owner = 65534 // as where root sets the key of a service
		}
		if err := os.Chown(f.Path, owner, -1); err != nil {
			t.Fatal(err)
		}
		if err := f.Write(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		if got := int(info.Sys().(*syscall.Stat_t).Uid); info.Mode() != mode || got != owner {
			t.Errorf("the mode is %v and the owner %d, want %v and %d", info.Mode(), got, mode, owner)
		}
		who, err := OpenTo(f.Path)
		if err != nil || (who != "") != (mode != 0o600) {
			t.Errorf("with mode %v it is open to %q (%v)", mode, who, err)
		}
	}
}

func TestALinkStaysALink(t *testing.T) {
	f, err := read(t, "A=1\n")
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.env")
	if err := os.Symlink(f.Path, link); err != nil {
		t.Fatal(err)
	}
	linked, err := Read(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := linked.Set("A", "2"); err != nil {
		t.Fatal(err)
	}
	if err := linked.Write(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v (%v)", info, err)
	}
	if got, err := os.ReadFile(f.Path); err != nil || string(got) != "A=2\n" {
		t.Errorf("the file is %q (%v)", got, err)
	}
}
