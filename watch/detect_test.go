package watch

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestLargeTree: a file beside and a file deep in a tree of thousands of directories arrive. That the one does not
// wait for the other is asserted by TestEventsAreHandedOnWhileATreeIsAdded.
func TestLargeTree(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 2,000 directories")
	}
	root, outside := t.TempDir(), t.TempDir()
	r := start(t, root, Options{})
	for i := range 20 {
		for j := range 100 {
			must(t, os.MkdirAll(fmt.Sprintf("%s/big/%d/%d", outside, i, j), 0o700))
		}
	}
	must(t, os.WriteFile(outside+"/big/19/99/1.json", nil, 0o600))
	begin := time.Now()
	must(t, os.Rename(outside+"/big", root+"/big"))
	r.write("a.json")
	r.await("a.json", told("a.json"))
	during, watched := time.Since(begin), r.w.Status().Watched
	r.awaitStatus("the whole tree", func(s Status) bool { return s.Watched == 1+1+20+2000 })
	r.await("the file deep in it", told("big/19/99/1.json"))
	t.Logf("an event after %s with %d directories watched, all of them after %s", during, watched, time.Since(begin))
}
