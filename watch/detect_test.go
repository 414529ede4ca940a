package watch

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// A file deep in a tree of thousands of directories is reported, and so is a file beside the tree.
// TestEventsAreHandedOnWhileATreeIsAdded asserts that the second does not wait for the first.
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
	r.await("a.json", hasReport("a.json"))
	during, watched := time.Since(begin), r.w.Status().Watched
	r.awaitStatus("the whole tree", func(s Status) bool { return s.Watched == 1+1+20+2000 })
	r.await("the file deep in it", hasReport("big/19/99/1.json"))
	t.Logf("an event after %s with %d directories watched, all of them after %s", during, watched, time.Since(begin))
}
