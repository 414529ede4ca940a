package service

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWhatOnlySomeMayRead(t *testing.T) {
	base := t.TempDir()
	if openToAll(base, 0) != nil {
		t.Skipf("SKIPPED: the folder of the tests, %s, is not open to all", base)
	}
	folder := filepath.Join(base, "outer", "gfx")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		outer, inner os.FileMode
		open         bool
	}{
		{0o755, 0o755, true},
		{0o711, 0o755, true}, // to enter it is enough
		{0o755, 0o750, false},
		{0o755, 0o751, false},
		{0o755, 0o754, false},
		{0o750, 0o755, false},
		{0o700, 0o755, false},
	} {
		if err := errors.Join(os.Chmod(folder, c.inner), os.Chmod(filepath.Dir(folder), c.outer)); err != nil {
			t.Fatal(err)
		}
		if err := openToAll(folder, 0o5); (err == nil) != c.open || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%o/%o: %v", c.outer, c.inner, err)
		}
	}
	if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := openToAll(filepath.Join(filepath.Dir(folder), "later"), 0o5); err != nil {
		t.Errorf("what is not there yet: %v", err)
	}
}
