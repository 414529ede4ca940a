package watch

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// run starts w. The function stop ends it.
func run(t *testing.T, w *Watcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	return func() { cancel(); running.Wait() }
}

func TestFolderMoved(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string // folders
		moves  [][2]string
		file   string // in the end, its events must come under this name
	}{
		{"renamed", []string{"a/b/c"}, [][2]string{{"a", "z"}}, "z/b/c/1.json"},
		{"renamed twice", []string{"a/b/c"}, [][2]string{{"a", "y"}, {"y", "z"}}, "z/b/c/1.json"},
		{"there and back", []string{"a/b/c"}, [][2]string{{"a", "z"}, {"z", "a"}}, "a/b/c/1.json"},
		{"into another", []string{"a/b", "d/e"}, [][2]string{{"a", "d/e/a"}}, "d/e/a/b/1.json"},
		{
			"into another and up again",
			[]string{"a/b", "d/e"},
			[][2]string{{"a", "d/e/a"}, {"d/e", "f"}},
			"f/a/b/1.json",
		},
		{"inner and outer", []string{"a/b/c"}, [][2]string{{"a/b", "a/y"}, {"a", "z"}, {"z/y/c", "z/c"}}, "z/c/1.json"},
		{"two swapped", []string{"a/x", "b/y"}, [][2]string{{"a", "t"}, {"b", "a"}, {"t", "b"}}, "b/x/1.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for _, dir := range c.before {
				must(t, os.MkdirAll(filepath.Join(root, dir), 0o700))
			}
			r := start(t, root, Options{})
			for _, m := range c.moves {
				r.move(m[0], m[1])
			}
			r.await("Lost", hasReport(""))
			r.awaitWatched(c.file)
			r.settle()
			r.forget()
			r.write(path.Dir(c.file) + "/2.json")
			r.await("an event at once", func(evs []event) bool {
				// On Windows the watch of a moved folder keeps the old name. So all watches are started anew.
				return hasReport(path.Dir(c.file)+"/2.json")(evs) || runtime.GOOS == "windows" && hasReport("")(evs)
			})
			for _, ev := range r.events() {
				if _, err := os.Lstat(r.abs(ev.path)); err != nil {
					t.Errorf("report of %s, which does not exist", ev)
				}
			}
		})
	}
}

// Everything happens before the watcher can add watches.
func TestFolderMadeAndMovedInOneGo(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	for i := range 30 {
		a, b, c := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i), fmt.Sprintf("c%d", i)
		r.mkdir(a + "/in/deep")
		r.write(a + "/in/deep/1.json")
		r.move(a, b)
		r.mkdir(c)
		r.move(b+"/in", c+"/in")
		r.move(c, b+"/c")
		r.awaitWatched(b + "/c/in/deep/2.json")
	}
}

// A watched folder is moved into a new one. It may be found there before its move is reported.
func TestFolderMovedIntoNewOne(t *testing.T) {
	root := t.TempDir()
	for i := range 30 {
		must(t, os.MkdirAll(fmt.Sprintf("%s/s%d/deep", root, i), 0o700))
	}
	r := start(t, root, Options{})
	for i := range 30 {
		s, day := fmt.Sprintf("s%d", i), fmt.Sprintf("day%d", i)
		r.mkdir(day)
		r.move(s, day+"/"+s)
		r.awaitWatched(day + "/" + s + "/deep/1.json")
	}
	r.awaitStatus("all folders", func(s Status) bool { return s.Watched == 1+3*30 })
}

func TestFolderRemoved(t *testing.T) {
	root := t.TempDir()
	for i := range 20 {
		must(t, os.MkdirAll(fmt.Sprintf("%s/a/b%d/c", root, i), 0o700))
		must(t, os.WriteFile(fmt.Sprintf("%s/a/b%d/1.json", root, i), nil, 0o600))
	}
	r := start(t, root, Options{})
	must(t, os.RemoveAll(r.abs("a")))
	r.await("Lost", hasReport(""))
	r.await("a file of it gone", hasReport("a/b7/1.json"))
	r.awaitStatus("only the root is left", func(s Status) bool { return s.Watched == 1 })

	r.mkdir("a/b3/c")
	r.write("a/b3/c/1.json")
	r.await("the file of its successor", hasReport("a/b3/c/1.json"))
}

func TestFolderMovedOut(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(root+"/a/b", 0o700))
	r := start(t, root, Options{})
	must(t, os.Rename(root+"/a", outside+"/a"))
	r.await("Lost", hasReport(""))
	r.awaitStatus("only the root is left", func(s Status) bool { return s.Watched == 1 })
	r.settle()
	r.forget()
	must(t, os.WriteFile(outside+"/a/b/1.json", nil, 0o600))
	for _, ev := range r.settle() {
		if runtime.GOOS == "windows" && ev.path == "" {
			continue // there, all watches are started anew
		}
		t.Errorf("heard of a folder that was moved away: %s", ev)
	}
}

func TestRootAbsentThenCreated(t *testing.T) {
	root := t.TempDir() + "/share/output"
	r := start(t, root, Options{})
	if s := r.w.Status(); s.State != Waiting || s.Watched != 0 {
		t.Errorf("status %+v", s)
	}
	must(t, os.MkdirAll(root+"/sub", 0o700))
	r.await("Lost", hasReport(""))
	r.awaitStatus("both folders", func(s Status) bool { return s.State == Watching && s.Watched == 2 })
	r.write("sub/a.json")
	r.await("sub/a.json", hasReport("sub/a.json"))
}

func TestRootIsAFile(t *testing.T) {
	root := t.TempDir() + "/root"
	must(t, os.WriteFile(root, nil, 0o600))
	r := &rig{T: t, root: root, sink: newSink()}
	r.w = New(root, &r.sink, Options{RootPoll: 1e6})
	stop := run(t, r.w)
	defer stop()
	must(t, os.Remove(root))
	r.makeRoot()
	r.awaitStatus("the root", func(s Status) bool { return s.State == Watching })
}

func TestRootLost(t *testing.T) {
	for _, c := range []struct {
		name string
		lose func(root string) error
	}{
		{"removed", os.RemoveAll},
		{"renamed", func(root string) error { return os.Rename(root, root+"-old") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir() + "/root"
			must(t, os.MkdirAll(root+"/sub", 0o700))
			r := start(t, root, Options{})
			must(t, c.lose(root))
			r.await("Lost", hasReport(""))
			r.awaitStatus("the loss", func(s Status) bool { return s.State == Waiting && s.Watched == 0 })
			r.forget()
			must(t, os.MkdirAll(root+"/sub", 0o700))
			r.await("Lost on return", hasReport(""))
			r.awaitWatched("sub/a.json")
			r.awaitStatus("both folders", func(s Status) bool { return s.State == Watching && s.Watched == 2 })
		})
	}
}

// The new directory often gets the same inode number. Then comparing identities would show no difference.
func TestRootRemovedAndMadeAtOnce(t *testing.T) {
	root := t.TempDir() + "/root"
	must(t, os.Mkdir(root, 0o700))
	r := start(t, root, Options{})
	for range 10 {
		must(t, os.RemoveAll(root))
		must(t, os.MkdirAll(root+"/sub", 0o700))
		r.awaitWatchedIn("sub")
	}
}

func TestRootSwapped(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"root/old", "next/new"} {
		must(t, os.MkdirAll(dir+"/"+d, 0o700))
	}
	r := start(t, dir+"/root", Options{})
	must(t, os.Rename(dir+"/root", dir+"/away"))
	must(t, os.Rename(dir+"/next", dir+"/root"))
	r.await("Lost", hasReport(""))
	r.awaitWatched("new/a.json")
}

// Only the root poll can notice that a link points elsewhere now.
func TestRootLinkSwapped(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/one", 0o700))
	must(t, os.Mkdir(dir+"/two", 0o700))
	symlink(t, dir+"/one", dir+"/root")
	r := start(t, dir+"/root", Options{})
	symlink(t, dir+"/two", dir+"/next")
	must(t, os.Rename(dir+"/next", dir+"/root"))
	r.await("Lost", hasReport(""))
	r.awaitWatched("a.json")
}
