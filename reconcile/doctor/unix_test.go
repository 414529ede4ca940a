//go:build unix

package doctor

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// A FIFO without a writer answers like a server that has died: not at all.
func TestWatchPathThatDoesNotAnswer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hangs")
	if err := syscall.Mkfifo(dir, 0o600); err != nil {
		t.Fatal(err)
	}
	findings := checkRoot(t.Context(), 200*time.Millisecond, hashindex.Root{Dir: dir}, Setup{Pattern: jsonFiles(t)})
	expect(t, findings[0], "watch", store.Fail, "does not answer", "mounted")
	expect(t, findings[1], "events", store.Skipped)
	w, err := os.OpenFile(dir, os.O_WRONLY, 0) // lets the other end go
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
