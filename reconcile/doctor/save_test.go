package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/hot"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// hangs is a time that only a hang reaches.
const hangs = 10 * time.Minute

func saveFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// aFolder is a root with sessions in it, and the set-up for it.
func aFolder(t *testing.T) (hashindex.Root, Setup) {
	t.Helper()
	root := hashindex.Root{Dir: t.TempDir(), Live: &hashindex.Liveness{}}
	for _, name := range []string{"1015/a.json", "1015/b.json", "1016/New/c.json", "1016/notes.txt"} {
		saveFile(t, root.Abs(name), "{}")
	}
	if err := os.Mkdir(root.Abs("1017"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root, Setup{
		Roots: []hashindex.Root{root}, Pattern: jsonFiles(t),
		HotScans:  reconcile.HotScans{Mode: hot.Auto, Interval: 100 * time.Millisecond},
		Schedules: reconcile.Schedules{Scan: schedule(t, "@every 30s")},
	}
}

func TestASaveIsNoticedByAnEventAndByListing(t *testing.T) {
	for name, file := range map[string]string{
		"a file that grows": "1015/a.json", "a new file": "1016/New/d.json", "in the root": "e.json",
		"in an empty folder": "1017/f.json",
	} {
		t.Run(name, func(t *testing.T) {
			root, s := aFolder(t)
			w := newSaveWait(root, s, hangs)
			f := w.run(t.Context(), hangs, func() {
				saveFile(t, root.Abs("1015/other.txt"), "no session")
				saveFile(t, root.Abs(file), `{"Hands": []}`)
			})
			expect(t, f, "save", store.OK, "a save of "+root.Abs(file), "noticed by", "an event", "after its time",
				"listing")
			if strings.Contains(f.Text, "did not find it") || strings.Contains(f.Text, "no event") {
				t.Errorf("%s", f.Text)
			}
		})
	}
}

// deaf has the wait watch another folder, so that no event tells of a save, as where another machine writes to a share.
func deaf(t *testing.T, w *saveWait) *saveWait {
	w.watcher = watch.New(t.TempDir(), w, watch.Options{Pattern: w.s.Pattern})
	return w
}

func TestASaveOfWhichNoEventTells(t *testing.T) {
	root, s := aFolder(t)
	w := deaf(t, newSaveWait(root, s, 500*time.Millisecond))
	f := w.run(t.Context(), hangs, func() { saveFile(t, root.Abs("1015/a.json"), `{"Hands": []}`) })
	expect(t, f, "save", store.OK, root.Abs("1015/a.json"), "by listing the folder", "after its time",
		"no event told of it", "gfxsync run lists the folders in which something changed lately every 100ms")
}

func TestNothingIsSaved(t *testing.T) {
	root, s := aFolder(t)
	f := newSaveWait(root, s, hangs).run(t.Context(), time.Nanosecond, func() {})
	expect(t, f, "save", store.Warn, "nothing was saved in "+root.Dir+" within 1ns", "save a hand in PokerGFX",
		"copy a file")
}

// TestASaveInAFolderThatIsNotListed: nothing has changed in it for long, and no event tells of it.
func TestASaveInAFolderThatIsNotListed(t *testing.T) {
	root, s := aFolder(t)
	old := time.Now().Add(-48 * time.Hour)
	for _, name := range []string{"1016/New/c.json", "1016/New", "1016"} {
		if err := os.Chtimes(root.Abs(name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	w := deaf(t, newSaveWait(root, s, hangs))
	f := w.run(t.Context(), time.Second, func() { saveFile(t, root.Abs("1016/New/c.json"), `{"Hands": []}`) })
	expect(t, f, "save", store.Warn, root.Abs("1016/New/c.json"), "neither by an event nor by listing",
		"found by the scan schedule, @every 30s", "try again")
}

func TestASaveWaitThatIsInterrupted(t *testing.T) {
	root, s := aFolder(t)
	s.Roots = []hashindex.Root{{Label: "PC01", Dir: root.Dir}, {Label: "PC02", Dir: root.Abs("nowhere")}}
	ctx, cancel := context.WithCancel(t.Context())
	findings := WaitForSave(ctx, s, hangs, func(hashindex.Root) { cancel() })
	if len(findings) != 2 {
		t.Fatalf("%d findings", len(findings))
	}
	expect(t, findings[0], "save PC01", store.Skipped, "not tested: context canceled")
	expect(t, findings[1], "save PC02", store.Skipped, "not tested")
}

// TestAShareThatHangsDuringTheWait: the wait is left to itself.
func TestAShareThatHangsDuringTheWait(t *testing.T) {
	root := hashindex.Root{Dir: "/mnt/gfx", Live: &hashindex.Liveness{}}
	answers := make(chan struct{})
	ended := make(chan struct{})
	f := waitUnlessHung(t.Context(), 50*time.Millisecond, root, func(context.Context) store.Finding {
		defer close(ended)
		root.Live.Do(func() { <-answers })
		return store.Finding{}
	})
	expect(t, f, "save", store.Skipped, "not tested: /mnt/gfx does not answer")
	close(answers)
	<-ended
}

func TestWhatIsSaidOfASave(t *testing.T) {
	begin := time.Date(2025, 10, 15, 20, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	auto := circumstances{
		begin: begin, grace: otherWay, hot: hot.Auto, interval: time.Second, schedule: "scan schedule, @every 30s",
	}
	off, deaf := auto, auto
	off.hot, deaf.deaf = hot.Off, "no more watches"
	var never time.Time
	for name, tc := range map[string]struct {
		modified, looked, event, listing time.Time
		c                                circumstances
		verdict                          store.Verdict
		says                             []string
	}{
		"event first": {
			at(1000), at(1013), at(1012), at(1800), auto, store.OK,
			[]string{
				"a save of x.json was noticed by an event, 12ms after its time",
				" (a listing would have found it after 800ms)",
			},
		},
		"event alone": {
			at(1000), at(1013), at(1012), never, auto, store.OK,
			[]string{"by an event, 12ms after its time", "did not find it within 5s"},
		},
		"listing first": {
			at(1000), at(1701), at(1700), at(1700).Add(-time.Millisecond), auto, store.OK,
			[]string{"by listing the folder, 699ms after its time; an event told of it after 700ms"},
		},
		"listing alone": {
			at(1000), at(1701), never, at(2700), auto, store.OK,
			[]string{
				"by listing the folder, 1.7s after its time; no event told of it: gfxsync run lists", "every second",
			},
		},
		"listing alone, and no watch": {
			at(1000), at(1701), never, at(1700), deaf, store.OK, []string{"no event told of it (no more watches)"},
		},
		"listing alone, and hot scans are off": {
			at(1000), at(1701), never, at(1700), off, store.Warn,
			[]string{"GFX_SYNC_HOT_SCAN is off", "scan schedule, @every 30s", "to auto"},
		},
		"another clock is ahead": {
			at(5000), at(1800), never, at(1700), auto, store.Warn,
			[]string{"by listing the folder; no event", "3.2s ahead of this machine's clock", "same time server"},
		},
		"copied with its time": {
			at(-3600_000), at(1013), at(1012), at(1800), auto, store.OK,
			[]string{"copied with an older time", "a listing would have found it 788ms later"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := save{
				stamp:  hashindex.Stamp{ModTime: tc.modified.UnixNano()},
				looked: tc.looked, noticed: [ways]time.Time{tc.event, tc.listing},
			}
			expect(t, v.finding("x.json", tc.c), "save", tc.verdict, tc.says...)
		})
	}
}
