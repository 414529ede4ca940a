package watch

import (
	"fmt"
	"os"
	"testing"
	"time"
)

var t0 = time.Unix(1_700_000_000, 0)

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(r *rig)
		do     func(r *rig)
		want   []string // each of these must be reported
		never  []string
	}{
		{
			name: "created",
			do:   func(r *rig) { r.write("a.json") },
			want: []string{"a.json"},
		},
		{
			name:   "modified",
			before: func(r *rig) { r.write("a.json") },
			do:     func(r *rig) { r.write("a.json") },
			want:   []string{"a.json"},
		},
		{
			name:   "removed",
			before: func(r *rig) { r.write("a.json") },
			do:     func(r *rig) { must(r.T, os.Remove(r.abs("a.json"))) },
			want:   []string{"a.json"},
		},
		{
			name:  "renamed into place",
			do:    func(r *rig) { r.write("a.tmp"); r.move("a.tmp", "a.json") },
			want:  []string{"a.json"},
			never: []string{"a.tmp"},
		},
		{
			name:   "renamed",
			before: func(r *rig) { r.write("a.json") },
			do:     func(r *rig) { r.move("a.json", "b.json") },
			want:   []string{"a.json", "b.json"},
		},
		{
			name:   "in a folder that was there",
			before: func(r *rig) { r.mkdir("sub/deep") },
			do:     func(r *rig) { r.write("sub/deep/a.json") },
			want:   []string{"sub/deep/a.json"},
		},
		{
			name: "odd names",
			do:   func(r *rig) { r.write("카드 테이블.json"); r.write("a=b (1) %20.json") },
			want: []string{"카드 테이블.json", "a=b (1) %20.json"},
		},
		{
			name:  "another pattern",
			do:    func(r *rig) { r.write("a.txt"); r.write("json") },
			never: []string{"a.txt", "json"},
		},
		{
			name:   "mode and time only",
			before: func(r *rig) { r.write("a.json") },
			do: func(r *rig) {
				must(r.T, os.Chmod(r.abs("a.json"), 0o640))
				must(r.T, os.Chtimes(r.abs("a.json"), t0, t0))
			},
			never: []string{"a.json"},
		},
		{
			name:  "a folder named like a file",
			do:    func(r *rig) { r.mkdir("x.json"); r.write("x.json/a.json"); r.mkdir("x.json/y.json") },
			want:  []string{"x.json/a.json"},
			never: []string{"x.json", "x.json/y.json"},
		},
		{
			name:   "a folder named like a file moved and removed",
			before: func(r *rig) { r.mkdir("x.json") },
			do:     func(r *rig) { r.move("x.json", "y.json"); must(r.T, os.Remove(r.abs("y.json"))) },
			want:   []string{""},
			never:  []string{"x.json"},
		},
		{
			name: "links",
			before: func(r *rig) {
				r.mkdir("sub")
				r.write("sub/a.txt")
			},
			do: func(r *rig) {
				symlink(r.T, r.root, r.abs("sub/loop"))
				symlink(r.T, r.abs("sub"), r.abs("other"))
				symlink(r.T, r.abs("sub/a.txt"), r.abs("link.json"))
				r.write("sub/b.json")
			},
			want:  []string{"sub/b.json"},
			never: []string{"link.json", "other/b.json", "sub/loop/sub/b.json"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			if c.before != nil {
				c.before(&rig{T: t, root: root})
			}
			r := start(t, root, Options{})
			c.do(r)
			for _, want := range c.want {
				r.await(want, hasReport(want))
			}
			for _, ev := range r.settle() {
				for _, path := range c.never {
					if ev.path == path && ev.path != "" {
						t.Errorf("handed on: %s", ev)
					}
				}
			}
		})
	}
}

func TestLinksAreNotWatched(t *testing.T) {
	root := t.TempDir()
	r := &rig{T: t, root: root}
	r.mkdir("sub")
	symlink(t, root, r.abs("sub/parent"))
	symlink(t, r.abs("sub"), r.abs("again"))
	if got := start(t, root, Options{}).w.Status().Watched; got != 2 {
		t.Errorf("%d directories watched, want 2: the root and sub", got)
	}
}

func TestRootMayBeALink(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/real", 0o700))
	symlink(t, dir+"/real", dir+"/link")
	r := start(t, dir+"/link", Options{})
	r.write("a.json")
	r.await("a.json", hasReport("a.json"))
}

func TestFilesAtStartAreNotHandedOn(t *testing.T) {
	root := t.TempDir()
	before := &rig{T: t, root: root}
	before.mkdir("sub")
	before.write("sub/a.json")
	r := start(t, root, Options{})
	for _, ev := range r.settle() {
		t.Errorf("handed on: %s", ev)
	}
}

func TestEventTime(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	before := time.Now()
	r.write("a.json")
	r.await("a.json", hasReport("a.json"))
	if at := r.events()[0].at; at.Before(before) || at.After(time.Now()) {
		t.Errorf("event at %s, written after %s", at, before)
	}
}

func TestNewFolderWithFiles(t *testing.T) {
	r := start(t, t.TempDir(), Options{})
	const n = 500
	r.mkdir("day")
	for i := range n {
		r.write(fmt.Sprintf("day/%d.json", i))
	}
	for i := range n {
		path := fmt.Sprintf("day/%d.json", i)
		r.await(path, hasReport(path))
	}
}

func TestNewNestedFolders(t *testing.T) {
	for i := range 20 {
		r := start(t, t.TempDir(), Options{})
		deep := fmt.Sprintf("a%d/b/c/d", i)
		r.mkdir(deep)
		r.write(deep + "/1.json")
		r.write(fmt.Sprintf("a%d/b/2.json", i))
		r.await("the deep file", hasReport(deep+"/1.json"))
		r.await("the other file", hasReport(fmt.Sprintf("a%d/b/2.json", i)))
	}
}

func TestFolderMovedIn(t *testing.T) {
	outside := &rig{T: t, root: t.TempDir()}
	outside.mkdir("in/deep")
	outside.write("in/deep/a.json")
	r := start(t, t.TempDir(), Options{})
	must(t, os.Rename(outside.abs("in"), r.abs("in")))
	r.await("the file that came with it", hasReport("in/deep/a.json"))
	r.write("in/deep/b.json")
	r.await("a new file", hasReport("in/deep/b.json"))
}
