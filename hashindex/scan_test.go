package hashindex_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gfxsync/gfxsync/hashindex"
)

func TestScanTellsNewKnownAndGone(t *testing.T) {
	dir := tree(t, "known.json", "new.json", "back.json", "notes.txt", "d/deep.json")
	x := indexWith(
		t, entry("known.json", "h1", hashindex.Synced), entry("lost.json", "h2", hashindex.Pending),
		entry("d/gone.json", "h3", hashindex.Gone), entry("back.json", "h4", hashindex.Gone),
		entry("bad.json", "", hashindex.Invalid), entry("e/lost.json", "h5", hashindex.Dead),
	)
	seen := wantVisits(t, scanner(x, dir), "+back.json", "-bad.json", "+d/deep.json", "-e/lost.json", "=known.json",
		"-lost.json", "+new.json")
	if seen.Files != 4 || seen.Bytes != 8 || len(seen.Problems) != 0 {
		t.Errorf("scanned %+v, want 4 files of 8 bytes", seen)
	}
}

func TestScanGivesStampAndEntry(t *testing.T) {
	dir := tree(t, "a.json")
	writeFile(t, filepath.Join(dir, "a.json"), "12345")
	info, err := os.Stat(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := entry("a.json", "h1", hashindex.Synced)
	s := scanner(indexWith(t, want), dir)
	_, err = s.Run(t.Context(), func(_ string, stamp *hashindex.Stamp, e *hashindex.ScanEntry) error {
		if *stamp != hashindex.StampOf(info) || stamp.Size != 5 || stamp.ModTime != info.ModTime().UnixNano() {
			t.Errorf("stamp = %+v", *stamp)
		}
		if e.Hash != "h1" || e.Stamp != want.Stamp {
			t.Errorf("entry = %+v, want what the index says, not what the file is", e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestScanFollowsTheOrderOfTheWalk(t *testing.T) {
	paths := []string{
		"a/x.json", "a/y/z.json", "a-b/x.json", "a-b.json", "a.json", "a b.json", "a/y.json", "b.json", "ab/x.json",
	}
	var entries []hashindex.Entry
	var want []string
	for _, p := range paths {
		entries = append(entries, entry(p, "h", hashindex.Synced))
	}
	slices.SortFunc(paths, func(a, b string) int {
		return strings.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
	})
	for _, p := range paths {
		want = append(want, "="+p)
	}
	wantVisits(t, scanner(indexWith(t, entries...), tree(t, paths...)), want...)
}

func TestScanKeepsOddNames(t *testing.T) {
	names := []string{
		" lead.json", "100%.json", "a'b.json", "a#b;c&d.json", "\u1112\u1161\u11ab.json", "한국.json", "🂡.json",
		"e\u0301.json", strings.Repeat("x", 200) + ".json",
	}
	dir := tree(t, names...)
	listed, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var entries []hashindex.Entry
	var fresh, again []string
	for _, e := range listed { // some file systems normalise names: take the bytes that this one lists
		entries = append(entries, entry(e.Name(), "h", hashindex.Synced))
		fresh, again = append(fresh, "+"+e.Name()), append(again, "="+e.Name())
	}
	wantVisits(t, scanner(indexWith(t), dir), fresh...)
	wantVisits(t, scanner(indexWith(t, entries...), dir), again...)
}

func TestScanPassesDirectoriesNamedLikeFiles(t *testing.T) {
	dir := tree(t, "x.json/inner.json")
	wantVisits(t, scanner(indexWith(t, entry("x.json", "h", hashindex.Synced)), dir), "-x.json", "+x.json/inner.json")
}

func symlink(t *testing.T, to, name string) {
	t.Helper()
	err := os.Symlink(to, name)
	if err == nil {
		_, err = os.Readlink(name) // Wine 8 reports success without making a link
	}
	if err != nil {
		t.Skipf("SKIPPED, not tested: no symbolic links here: %v", err)
	}
}

func TestScanFollowsNoLinksBelowTheRoot(t *testing.T) {
	outside := tree(t, "o.json")
	dir := tree(t, "a.json")
	symlink(t, outside, filepath.Join(dir, "dir"))
	symlink(t, filepath.Join(outside, "o.json"), filepath.Join(dir, "file.json"))
	symlink(t, dir, filepath.Join(dir, "loop"))
	symlink(t, "nowhere", filepath.Join(dir, "broken.json"))
	wantVisits(t, scanner(indexWith(t, entry("file.json", "h", hashindex.Synced)), dir), "+a.json", "-file.json")
}

func TestScanFollowsARootThatIsALink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	symlink(t, tree(t, "a.json", "d/b.json"), link)
	wantVisits(t, scanner(indexWith(t, entry("a.json", "h", hashindex.Synced)), link), "=a.json", "+d/b.json")
}

func wantUnavailable(t *testing.T, s *hashindex.Scanner) {
	t.Helper()
	visits, _, err := run(t, s)
	if !errors.Is(err, hashindex.ErrRootUnavailable) {
		t.Errorf("error = %v, want ErrRootUnavailable", err)
	}
	if len(visits) != 0 {
		t.Errorf("visits %q, though nothing may be concluded", visits)
	}
}

func TestScanOfAMissingRootConcludesNothing(t *testing.T) {
	x := indexWith(t, entry("a.json", "h", hashindex.Synced))
	missing := scanner(x, filepath.Join(t.TempDir(), "gone"))
	missing.AcceptEmpty = true
	wantUnavailable(t, missing)
	wantUnavailable(t, scanner(x, filepath.Join(tree(t, "file"), "file")))
}

// knownFiles returns n entries, and the visits of a scan that finds none of their files.
func knownFiles(n int) (entries []hashindex.Entry, lost []string) {
	for i := range n {
		path := fmt.Sprintf("d/%05d.json", i)
		entries = append(entries, entry(path, fmt.Sprintf("h%d", i), hashindex.Synced))
		lost = append(lost, "-"+path)
	}
	return entries, lost
}

func TestScanOfAnEmptyRoot(t *testing.T) {
	ten, tenLost := knownFiles(10)
	eleven, elevenLost := knownFiles(11)
	t.Run("ten known files may all be gone", func(t *testing.T) {
		wantVisits(t, scanner(indexWith(t, ten...), t.TempDir()), tenLost...)
	})
	t.Run("eleven are a share that is not mounted", func(t *testing.T) {
		wantUnavailable(t, scanner(indexWith(t, eleven...), t.TempDir()))
	})
	t.Run("empty directories are no files", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "d", "e"), 0o755); err != nil {
			t.Fatal(err)
		}
		wantUnavailable(t, scanner(indexWith(t, eleven...), dir))
	})
	t.Run("the operator may accept it", func(t *testing.T) {
		s := scanner(indexWith(t, eleven...), t.TempDir())
		s.AcceptEmpty = true
		wantVisits(t, s, elevenLost...)
	})
	t.Run("any file shows that it is mounted", func(t *testing.T) {
		wantVisits(t, scanner(indexWith(t, eleven...), tree(t, "notes.txt")), elevenLost...)
	})
	t.Run("files that were gone already do not count", func(t *testing.T) {
		entries, lost := knownFiles(11)
		entries[10].State = hashindex.Gone
		wantVisits(t, scanner(indexWith(t, entries...), t.TempDir()), lost[:10]...)
	})
	t.Run("files of other roots do not count", func(t *testing.T) {
		entries, _ := knownFiles(11)
		for i := range entries {
			entries[i].Root = "other"
		}
		wantVisits(t, scanner(indexWith(t, entries...), t.TempDir()))
	})
}

func TestScanNoticesThatTheRootGoesMeanwhile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share")
	writeFile(t, filepath.Join(dir, "a.json"), "{}")
	s := scanner(indexWith(t, entry("a.json", "h1", hashindex.Synced), entry("z.json", "h2", hashindex.Synced)), dir)
	_, err := s.Run(t.Context(), func(path string, stamp *hashindex.Stamp, _ *hashindex.ScanEntry) error {
		if stamp == nil {
			t.Errorf("%s counts as gone, though the root is", path)
			return nil
		}
		return os.Rename(dir, dir+" unmounted")
	})
	if !errors.Is(err, hashindex.ErrRootUnavailable) {
		t.Errorf("error = %v, want ErrRootUnavailable", err)
	}
}

func TestScanReadsTheIndexPageByPage(t *testing.T) {
	entries, visits := knownFiles(2003) // two pages and a bit
	present := []int{0, 998, 999, 1000, 1001, 1999, 2000, 2002}
	var files []string
	for _, i := range present {
		files = append(files, entries[i].Path)
		visits[i] = "=" + entries[i].Path
	}
	visits = append([]string{"+a.json"}, append(visits, "+z.json")...)
	wantVisits(t, scanner(indexWith(t, entries...), tree(t, append(files, "a.json", "z.json")...)), visits...)
}

func TestScanEndsWithTheVisitorsErrorAndWithTheContext(t *testing.T) {
	s := scanner(indexWith(t), tree(t, "a.json", "b.json"))
	mine := errors.New("mine")
	visits := 0
	_, err := s.Run(t.Context(), func(string, *hashindex.Stamp, *hashindex.ScanEntry) error { visits++; return mine })
	if !errors.Is(err, mine) || visits != 1 {
		t.Errorf("%d visits, error = %v", visits, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	visits = 0
	_, err = s.Run(ctx, func(string, *hashindex.Stamp, *hashindex.ScanEntry) error { visits++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || visits != 1 {
		t.Errorf("%d visits, error = %v, want the context's", visits, err)
	}
}

// The visits are the difference between the set of files and the set of entries, in the order of the walk.
func TestScanIsTheSetDifference(t *testing.T) {
	s := openState(t)
	top := t.TempDir()
	round := 0
	part := rapid.SampledFrom([]string{
		"a", "a-b", "a.b", "a b", "ab", "!", "~", "a.json", "b.json", "a-b.json", "!.json", "한.json", "x.txt",
	})
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), "/")
	})
	rapid.Check(t, func(t *rapid.T) {
		round++
		root := hashindex.Root{Label: fmt.Sprint(round), Dir: filepath.Join(top, fmt.Sprint(round))}
		if err := os.Mkdir(root.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		files := map[string]bool{}
		for _, p := range rapid.SliceOfN(path, 0, 12).Draw(t, "files") {
			name := root.Abs(p)
			if os.MkdirAll(filepath.Dir(name), 0o755) != nil {
				continue // a file is where its directory should be
			}
			if info, err := os.Stat(name); err == nil && info.IsDir() {
				continue
			}
			writeFile(t, name, "{}")
			if isJSON(p) {
				files[p] = true
			}
		}
		states := map[string]hashindex.State{}
		var entries []hashindex.Entry
		for _, p := range rapid.SliceOfN(path, 0, 12).Draw(t, "entries") {
			e := entry(p, "h", rapid.SampledFrom(allStates).Draw(t, "state"))
			e.Root, states[p] = root.Label, e.State
			entries = append(entries, e)
		}
		putAll(t, s, entries)
		var want []string
		for p := range files {
			if state, ok := states[p]; ok && state != hashindex.Gone {
				want = append(want, "="+p)
			} else {
				want = append(want, "+"+p)
			}
		}
		for p, state := range states {
			if !files[p] && state != hashindex.Gone {
				want = append(want, "-"+p)
			}
		}
		got, seen, err := run(t, &hashindex.Scanner{Index: s.Index, Root: root, Match: isJSON, AcceptEmpty: true})
		if err != nil {
			t.Fatal(err)
		}
		key := func(visit string) string { return strings.ReplaceAll(visit[1:], "/", "\x00") }
		if !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(key(a), key(b)) }) {
			t.Fatalf("visits out of order: %q", got)
		}
		if g, w := sorted(got), sorted(want); g != w {
			t.Fatalf("visits %s, want %s", g, w)
		}
		if seen.Files != len(files) {
			t.Fatalf("scanned %d files, want %d", seen.Files, len(files))
		}
	})
}

func TestARootThatWasReplacedIsNotTheOneItWas(t *testing.T) {
	root := hashindex.Root{Dir: filepath.Join(t.TempDir(), "root")}
	if err := os.Mkdir(root.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	identity, err := root.Identity()
	if err != nil {
		t.Fatal(err)
	}
	if !root.SameAs(identity) {
		t.Error("the root is not itself")
	}
	identity, err = root.Identity() // a new value, which was never compared
	if err := errors.Join(err, os.Rename(root.Dir, root.Dir+"-old"), os.Mkdir(root.Dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if root.SameAs(identity) {
		t.Error("another directory passes for the root")
	}
}
