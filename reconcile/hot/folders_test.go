package hot

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// script is a file system that a test changes, and that counts what is asked of it.
type script struct {
	files map[string]hashindex.Stamp
	dirs  map[string]bool
	links map[string]bool
	fails map[string]error // by folder
	takes time.Duration    // each call
	calls int
}

func newScript(files ...string) *script {
	s := &script{
		files: map[string]hashindex.Stamp{}, dirs: map[string]bool{"": true}, links: map[string]bool{},
		fails: map[string]error{},
	}
	for _, file := range files {
		s.write(file)
	}
	return s
}

// write writes a file, and makes the folders on the way to it.
func (s *script) write(file string) {
	s.files[file] = hashindex.Stamp{Size: s.files[file].Size + 1, ModTime: time.Now().UnixNano()}
	for dir, _ := split(file); dir != ""; dir, _ = split(dir) {
		s.dirs[dir] = true
	}
}

func (s *script) remove(name string) {
	for _, all := range []map[string]bool{s.dirs, s.links} {
		delete(all, name)
	}
	for file := range s.files {
		if file == name || strings.HasPrefix(file, name+"/") {
			delete(s.files, file)
		}
	}
}

func (s *script) List(dir string) (entries []fs.DirEntry, err error) {
	s.calls++
	time.Sleep(s.takes)
	if err := s.fails[dir]; err != nil {
		return nil, err
	}
	if !s.dirs[dir] {
		return nil, fs.ErrNotExist
	}
	add := func(names string, mode fs.FileMode) {
		if above, name := split(names); above == dir && names != "" {
			entries = append(entries, listed{name: name, mode: mode, stamp: s.files[names]})
		}
	}
	for name := range s.files {
		add(name, 0)
	}
	for name := range s.dirs {
		add(name, fs.ModeDir)
	}
	for name := range s.links {
		add(name, fs.ModeSymlink)
	}
	return entries, nil
}

func (s *script) Stamp(file string) (hashindex.Stamp, error) {
	s.calls++
	time.Sleep(s.takes)
	stamp, ok := s.files[file]
	if !ok {
		return stamp, fs.ErrNotExist
	}
	return stamp, nil
}

func (s *script) FolderTime(dir string) (at time.Time, err error) {
	s.calls++
	time.Sleep(s.takes)
	if !s.dirs[dir] {
		return at, fs.ErrNotExist
	}
	for file, stamp := range s.files {
		if above, _ := split(file); above == dir && time.Unix(0, stamp.ModTime).After(at) {
			at = time.Unix(0, stamp.ModTime)
		}
	}
	return at, nil
}

type listed struct {
	name  string
	mode  fs.FileMode
	stamp hashindex.Stamp
}

func (l listed) Name() string               { return l.name }
func (l listed) IsDir() bool                { return l.mode.IsDir() }
func (l listed) Type() fs.FileMode          { return l.mode }
func (l listed) Info() (fs.FileInfo, error) { return l, nil }
func (l listed) Size() int64                { return l.stamp.Size }
func (l listed) Mode() fs.FileMode          { return l.mode }
func (l listed) ModTime() time.Time         { return time.Unix(0, l.stamp.ModTime) }
func (l listed) Sys() any                   { return nil }

const hotFor = 6 * time.Hour

// tree is the hot folders of a script, whose index has all that is there in the beginning.
type tree struct {
	*Folders
	*script
	t *testing.T
}

func newTree(t *testing.T, files ...string) *tree {
	s := newScript(files...)
	index := map[string]hashindex.Stamp{}
	for file, stamp := range s.files {
		index[file] = stamp
	}
	return &tree{t: t, script: s, Folders: New(Options{
		Files: s, Match: func(name string) bool { return path.Ext(name) == ".json" }, For: hotFor,
		Indexed: func(_ context.Context, folder string, each func(string, hashindex.Stamp)) error {
			for file, stamp := range index {
				if dir, name := split(file); dir == folder {
					each(name, stamp)
				}
			}
			return nil
		},
	})}
}

// touch says that a file was just noticed.
func (w *tree) touch(file string) { w.Touch(file, time.Now(), w.files[file]) }

// round makes a round, and returns what it found, sorted, and whether something has vanished.
func (w *tree) round() (found []string, vanished bool) {
	w.t.Helper()
	vanished, err := w.Round(w.t.Context(), func(file string) { found = append(found, file) })
	if err != nil {
		w.t.Error(err)
	}
	slices.Sort(found)
	return found, vanished
}

func (w *tree) wantRound(vanished bool, want ...string) {
	w.t.Helper()
	found, gone := w.round()
	if !slices.Equal(found, want) || gone != vanished {
		w.t.Errorf("found %q, vanished: %v; want %q, %v", found, gone, want, vanished)
	}
}

// in runs a test with a clock of its own, on files that were written long ago.
func in(t *testing.T, files []string, test func(w *tree)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newTree(t, files...)
		time.Sleep(2 * hotFor)
		test(w)
	})
}

var day = []string{"day1/a.json", "day1/b.json", "day2/c.json"}

// TestOnlyHotFoldersAreListed: of the others nothing is asked.
func TestOnlyHotFoldersAreListed(t *testing.T) {
	in(t, day, func(w *tree) {
		w.wantRound(false)
		if w.calls != 0 || w.Len(time.Now()) != 0 {
			t.Errorf("%d calls with nothing hot", w.calls)
		}
		w.touch("day1/a.json")
		if n := w.Len(time.Now()); n != 2 {
			t.Errorf("%d folders are hot, want day1 and the root", n)
		}
		w.wantRound(false)
		w.write("day2/d.json")
		w.wantRound(false)
		w.write("day1/d.json")
		w.wantRound(false, "day1/d.json")
		time.Sleep(hotFor)
		if n := w.Len(time.Now()); n != 0 {
			t.Errorf("%d folders are hot after %v without a change", n, hotFor)
		}
	})
}

// TestARewrittenFileIsFound, once.
func TestARewrittenFileIsFound(t *testing.T) {
	in(t, day, func(w *tree) {
		w.touch("day1/a.json")
		w.wantRound(false)
		for range 3 {
			time.Sleep(time.Second)
			w.write("day1/a.json")
			w.write("day1/b.json")
			w.wantRound(false, "day1/a.json", "day1/b.json")
			w.wantRound(false)
		}
		w.write("day1/a.json")
		w.touch("day1/a.json") // an event was faster
		w.wantRound(false)
	})
}

// TestANewFolderIsHotAtOnce, with all that is in it, and the folders in that.
func TestANewFolderIsHotAtOnce(t *testing.T) {
	in(t, day, func(w *tree) {
		w.touch("day1/a.json")
		w.wantRound(false)
		w.write("day3/x.json")
		w.write("day3/table/y.json")
		w.wantRound(false, "day3/table/y.json", "day3/x.json")
		time.Sleep(time.Second)
		w.write("day3/table/y.json")
		w.touch("day3/table/y.json")
		w.write("day3/table/z.json")
		w.wantRound(false, "day3/table/z.json")
	})
}

// TestAFolderThatCameBeforeTheFirstListingIsFound: the scan had passed by already.
func TestAFolderThatCameBeforeTheFirstListingIsFound(t *testing.T) {
	in(t, day, func(w *tree) {
		w.touch("day1/a.json")
		w.write("day3/x.json")
		w.wantRound(false) // which lists the root after the folders in it
		w.wantRound(false, "day3/x.json")
		if _, hot := w.hot["day2"]; hot {
			t.Error("a folder in which nothing has changed for long is hot")
		}
	})
}

// TestWhatVanishesIsLeftToAScan: nothing is said to be gone.
func TestWhatVanishesIsLeftToAScan(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *tree)
		want []string
	}{
		"a file":         {func(w *tree) { w.remove("day1/a.json") }, nil},
		"a renamed file": {func(w *tree) { w.remove("day1/a.json"); w.write("day1/z.json") }, []string{"day1/z.json"}},
		"a folder":       {func(w *tree) { w.remove("day1") }, nil},
		"a renamed folder": {func(w *tree) {
			w.remove("day1")
			w.write("moved/a.json")
			w.write("moved/b.json")
		}, []string{"moved/a.json", "moved/b.json"}},
		"a folder that a link replaces": {func(w *tree) { w.remove("day1"); w.links["day1"] = true }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, day, func(w *tree) {
				w.touch("day1/a.json")
				w.wantRound(false)
				c.do(w)
				w.wantRound(true, c.want...)
				w.wantRound(false)
				if _, hot := w.hot["day1"]; hot && !w.dirs["day1"] {
					t.Error("what is no folder any more is hot")
				}
			})
		})
	}
}

// TestAFolderThatComesBackIsLookedIntoAgain: its files are found, and then their saves. Nothing calls Touch for a file
// that is unchanged.
func TestAFolderThatComesBackIsLookedIntoAgain(t *testing.T) {
	in(t, day, func(w *tree) {
		w.touch("day1/a.json")
		w.wantRound(false)
		away := maps.Clone(w.files)
		w.remove("day1")
		w.wantRound(true)
		maps.Copy(w.files, away)
		w.dirs["day1"] = true
		w.wantRound(false, "day1/a.json", "day1/b.json")
		time.Sleep(time.Second)
		w.write("day1/a.json")
		w.wantRound(false, "day1/a.json")
	})
}

// TestAFolderThatCannotBeListedKeepsNoOther: what is known of it stays.
func TestAFolderThatCannotBeListedKeepsNoOther(t *testing.T) {
	in(t, day, func(w *tree) {
		w.touch("day1/a.json")
		time.Sleep(time.Second)
		w.touch("day2/c.json")
		w.wantRound(false)
		w.fails["day2"] = fs.ErrPermission
		w.write("day1/new.json")
		var found []string
		vanished, err := w.Round(t.Context(), func(file string) { found = append(found, file) })
		if !slices.Equal(found, []string{"day1/new.json"}) || vanished || err == nil {
			t.Errorf("found %q, vanished: %v (%v)", found, vanished, err)
		}
		delete(w.fails, "day2")
		w.wantRound(false)
	})
}

// TestASlowShare: where each call takes 100 ms, hot scans take a fifth of the time at most, a new or a saved file in the
// folder with the last change is found within 5 s, and one in another hot folder in its turn.
func TestASlowShare(t *testing.T) {
	var files []string
	for d := range 4 {
		for f := range 20 {
			files = append(files, fmt.Sprintf("day%d/%02d.json", d, f))
		}
	}
	in(t, files, func(w *tree) {
		for d := range 4 {
			w.touch(fmt.Sprintf("day%d/00.json", d))
			time.Sleep(time.Second)
		}
		w.takes = 100 * time.Millisecond
		found, begin, busy := map[string]time.Time{}, time.Now(), time.Duration(0)
		until := func(want ...string) {
			for rounds := 0; ; rounds++ {
				from := time.Now()
				if _, err := w.Round(t.Context(), func(file string) {
					found[file] = time.Now()
					w.touch(file)
				}); err != nil {
					t.Fatal(err)
				}
				took := time.Since(from)
				busy += took
				time.Sleep(Pause(took, time.Second))
				if !slices.ContainsFunc(want, func(file string) bool { return found[file].IsZero() }) {
					return
				}
				if rounds > 200 {
					t.Fatalf("not found: %q", want)
				}
			}
		}
		for range 10 { // all folders have been listed
			until()
		}
		for i := range 30 {
			saved, created := "day3/00.json", fmt.Sprintf("day3/new%d.json", i)
			clear(found)
			time.Sleep(time.Duration(i) * 130 * time.Millisecond)
			at := time.Now()
			w.write(saved)
			w.write(created)
			until(saved, created)
			for _, file := range []string{saved, created} {
				if took := found[file].Sub(at); took > 5*time.Second {
					t.Errorf("%s is found after %v", file, took)
				}
			}
		}
		w.write("day1/other.json")
		until("day1/other.json")
		if part := busy.Seconds() / time.Since(begin).Seconds(); part > 0.201 {
			t.Errorf("hot scans take %.3f of the time", part)
		}
	})
}

// TestHotFoldersAreBounded, those with the oldest change being left to the scans.
func TestHotFoldersAreBounded(t *testing.T) {
	in(t, nil, func(w *tree) {
		for i := range maxFolders + 10 {
			w.write(fmt.Sprintf("d%d/a.json", i))
			w.touch(fmt.Sprintf("d%d/a.json", i))
			time.Sleep(time.Second)
		}
		if n := w.Len(time.Now()); n != maxFolders {
			t.Errorf("%d folders are hot", n)
		}
		if w.hot["d0"] != nil || w.hot[""] == nil || w.hot[fmt.Sprintf("d%d", maxFolders+9)] == nil {
			t.Error("they are not those with the last changes")
		}
	})
}
