//go:build unix

package sharefault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestOfAnErrorOfTheFileSystem(t *testing.T) {
	err := fmt.Errorf("root unavailable: %w", errors.Join(&fs.PathError{Op: "open", Path: "/mnt/gfx", Err: syscall.EHOSTDOWN}))
	if f, ok := Of(err); !ok || f.Text != "the file server cannot be reached" {
		t.Errorf("%v is explained by %+v", err, f)
	}
	for _, err := range []error{os.ErrClosed, syscall.ENOSPC, nil} {
		if f, ok := Of(err); ok {
			t.Errorf("%v is explained by %+v", err, f)
		}
	}
}
