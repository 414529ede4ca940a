package diff_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/diff"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/reconcile/state/statetest"
	"github.com/gfxsync/gfxsync/store"
)

// pages is a table that answers what it was told, page by page, and the last of the pages for ever.
type pages struct {
	hashes   [][]string
	sessions [][]int64
	asked    int
}

// patiencePages is more than any of these tests needs, and a sign of a reading that does not end.
const patiencePages = 1000

func (p *pages) next(n int) (int, error) {
	if p.asked++; p.asked > patiencePages {
		return 0, errors.New("the test has been asked for ever")
	}
	return min(p.asked, n) - 1, nil
}

func (p *pages) Digest(context.Context) (d store.Digest, err error) { return d, store.ErrNoDigest }

func (p *pages) Hashes(context.Context, string, int) ([]string, error) {
	i, err := p.next(len(p.hashes))
	return p.hashes[i], err
}

func (p *pages) Sessions(context.Context, int64, int) (rows []store.SessionRow, err error) {
	i, err := p.next(len(p.sessions))
	for _, id := range p.sessions[i] {
		rows = append(rows, store.SessionRow{Session: id, FileHash: fmt.Sprint(id)})
	}
	return rows, err
}

func (p *pages) CountHands(_ context.Context, rows []store.SessionRow) ([]int, error) {
	return make([]int, len(rows)), nil
}

func open(t *testing.T) *state.State {
	t.Helper()
	return statetest.Open(t)
}

func ofHash(prefix string) string { return prefix + strings.Repeat("0", 32-len(prefix)) }

func TestAServerWhosePagesDoNotAdvanceEndsTheReading(t *testing.T) {
	none := []string{}
	for _, tt := range []struct {
		name   string
		pages  [][]string
		stands bool
	}{
		{"empty", [][]string{none}, true},
		{"in order", [][]string{{ofHash("a"), ofHash("b")}, {ofHash("c")}, none}, true},
		{
			"of another agent, in an order of its own",
			[][]string{{"AA", "b-1"}, {"B-2", ofHash("c")}, {"Zz"}, none},
			true,
		},
		{"the same page again", [][]string{{ofHash("a"), ofHash("b")}}, false},
		{"the same page of another agent", [][]string{{"one", "two"}}, false},
		{"no key", [][]string{{""}}, false},
		{"no key at the end", [][]string{{ofHash("a"), ""}}, false},
		{"backwards", [][]string{{ofHash("c")}, {ofHash("a")}, none}, false},
		{"not ascending within a page", [][]string{{ofHash("b"), ofHash("a"), ofHash("c")}, none}, false},
		{"in a circle", slices.Repeat([][]string{{"x"}, {"y"}, {"z"}}, patiencePages), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := &pages{hashes: tt.pages}
			d := diff.Hashes{Index: open(t).Index, Table: table, NoDigest: func(error) {}}
			err := d.Run(t.Context(), func(diff.HashDifference) error { return nil })
			if (err == nil) != tt.stands || table.asked > 10 {
				t.Errorf("%v after %d pages, want it to stand: %v", err, table.asked, tt.stands)
			}
			if errors.Is(err, diff.ErrNoAdvance) && !strings.Contains(err.Error(), "gfxsync check") {
				t.Errorf("%v: what is to be done?", err)
			}
		})
	}
}

func TestAServerWhoseSessionsDoNotAdvanceEndsTheReading(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pages  [][]int64
		stands bool
	}{
		{"empty", [][]int64{{}}, true},
		{"in order", [][]int64{{math.MinInt64, -1, 5}, {6, math.MaxInt64}, {}}, true},
		{"the same page again", [][]int64{{1, 2}}, false},
		{"the last again", [][]int64{{1, 2}, {2, 3}, {}}, false},
		{"backwards", [][]int64{{3}, {2}, {}}, false},
		{"not ascending within a page", [][]int64{{2, 1, 3}, {}}, false},
		{"twice in a page", [][]int64{{1, 1}, {}}, false},
		{"the smallest again", [][]int64{{math.MinInt64}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := &pages{sessions: tt.pages}
			found := map[int64]hashindex.Version{}
			s := open(t)
			d := diff.Sessions{
				Index: s.Index, Contents: s, Table: table, IsOurs: func(string) bool { return true },
			}
			err := d.Run(t.Context(), func(part diff.SessionDifference) error {
				maps.Copy(found, part.Found)
				return nil
			})
			if (err == nil) != tt.stands || table.asked > 10 || !tt.stands && !errors.Is(err, diff.ErrNoAdvance) {
				t.Errorf("%v after %d pages, want it to stand: %v", err, table.asked, tt.stands)
			}
			if want := len(slices.Concat(tt.pages...)); tt.stands && len(found) != want {
				t.Errorf("%d sessions were compared, want %d", len(found), want)
			}
		})
	}
}
