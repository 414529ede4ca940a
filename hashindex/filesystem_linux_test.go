package hashindex_test

import (
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
)

func TestFileSystemOf(t *testing.T) {
	if fs := hashindex.FileSystemOf(t.TempDir()); fs.Place != hashindex.Local {
		t.Errorf("the temporary directory is %+v", fs)
	}
	if fs := hashindex.FileSystemOf("/nowhere/at/all"); fs.Place != hashindex.Unknown {
		t.Errorf("nowhere is %+v", fs)
	}
}
