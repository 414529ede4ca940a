package reconcile

import (
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// TestWhatIsWrongIsSaid, and that nothing is said of what is not.
func TestWhatIsWrongIsSaid(t *testing.T) {
	scanned := func(r RootReport) Status {
		r.Dir = `D:\GFX`
		return Status{AgentRunning: true, LastScan: &scanNote{Roots: []RootReport{r}}}
	}
	watched := func(w watch.Status) Status { return scanned(RootReport{Watch: &w}) }
	passed := func(r Report) Status { return Status{LastReconcile: &r} }
	since := time.Now()
	for name, test := range map[string]struct {
		st   Status
		want []string // in the one line that is said; nil: nothing is
	}{
		"nothing": {
			Status{
				AgentRunning: true, Link: linkOnline, Synced: 3, Gone: 2, LastReconcile: &Report{Outcome: Complete},
			}, nil,
		},
		"folders are watched": {watched(watch.Status{State: watch.Watching, Watched: 3}), nil},
		"offline": {
			Status{
				AgentRunning: true, Link: linkOffline, LinkSince: &since, LinkError: "connection refused", Queued: 6,
			},
			[]string{"cannot be written", "6 records wait", "nothing is lost", "connection refused"},
		},
		"nobody sends":   {Status{Link: linkUnknown, Queued: 1}, []string{"1 record waits", "gfxsync run"}},
		"a root is away": {scanned(RootReport{Error: "root unavailable"}), []string{`D:\GFX`, "root unavailable"}},
		"a folder may not be read": {
			scanned(RootReport{Unread: 2, UnreadFirst: "read day1: permission denied"}),
			[]string{"2 folders or files could not be read", "day1"},
		},
		"a folder may not be read, said by the last pass": {
			passed(Report{Outcome: Complete, Roots: []RootReport{{Dir: "x", Unread: 1, UnreadFirst: "y"}}}),
			[]string{"1 folder or file"},
		},
		"the last pass": {
			passed(Report{Outcome: Incomplete, Problems: []Problem{{Kind: kindRemote, Error: "HTTP 500"}}}),
			[]string{"the last reconcile is not complete", "HTTP 500"},
		},
		"no notifications": {
			watched(watch.Status{State: watch.Unavailable, Error: "too many open files", Help: "raise the limit"}),
			[]string{"found by scans only", "too many open files", "raise the limit"},
		},
		"a folder that is not watched": {
			watched(watch.Status{State: watch.Watching, Unwatched: []string{"day1"}}),
			[]string{"1 folder is not watched", "day1"},
		},
		"dead": {
			Status{Dead: 2, FilesDead: 1}, []string{"2 records were", "gfxsync queue list", "gfxsync queue retry"},
		},
		"dropped": {Status{FilesDead: 1}, []string{"1 file is", "gfxsync queue drop"}},
		"invalid": {Status{Invalid: 1}, []string{"1 file cannot be made into a row", "gfxsync invalid list"}},
		"stale hands": {
			Status{Hands: &store.Expansion{Stale: 2}}, []string{"the hands of 2 sessions are not", "gfxsync reconcile"},
		},
		"hands that fail": {
			Status{Hands: &store.Expansion{Errors: 1}}, []string{"1 hand could not be expanded", "gfx_expand_errors"},
		},
	} {
		got := test.st.Attention()
		if len(got) != min(1, len(test.want)) {
			t.Errorf("%s: said %q, want %q", name, got, test.want)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(got[0], want) {
				t.Errorf("%s: %q does not say %q", name, got[0], want)
			}
		}
	}
}
