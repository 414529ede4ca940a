package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The watch of a directory is removed while something happens in the directory. fsnotify would close its handle twice.
// By the second time, the handle may belong to another file, such as the queue database.
func TestNoHandleIsClosedTwice(t *testing.T) {
	for range 20 {
		n, err := openNotifier()
		must(t, err)
		events, errs := n.Channels()
		busy, leaving := t.TempDir(), t.TempDir()
		must(t, n.Watch(busy, 4<<10))
		must(t, n.Watch(leaving, 4<<10))
		write := func(dir, name string) { must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600)) }
		// fsnotify's goroutine waits with an event that nobody has received yet. Behind it wait the removal of the
		// watch, and then another event.
		for i := range 4 {
			write(busy, fmt.Sprint(i))
		}
		removed := make(chan error, 1)
		go func() { removed <- n.Remove(leaving) }()
		for i := range 4 {
			write(leaving, fmt.Sprint(i))
		}
		write(busy, "last")
		await(t, events, errs, filepath.Join(busy, "last"))
		must(t, <-removed)
		write(busy, "after")
		await(t, events, errs, filepath.Join(busy, "after"))
		closed := make(chan error, 1)
		go func() { closed <- n.Close() }()
		for range events {
		}
		must(t, <-closed)
	}
}

// await receives events until the event of a file comes. An error fails the test.
func await(t *testing.T, events <-chan fsnotify.Event, errs <-chan error, name string) {
	t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case ev := <-events:
			if ev.Name == name {
				return
			}
		case err := <-errs:
			t.Fatal(err)
		case <-timeout:
			t.Fatalf("no event of %s", name)
		}
	}
}
