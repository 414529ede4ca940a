package reconcile

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gfxsync/gfxsync/store/sample"
)

// drifted is a place where everything differs that can.
func drifted(t *testing.T) *place {
	t.Helper()
	p := tempPlace(t)
	hashes := p.writeSessions(t, 12)
	p.write(t, "broken.json", []byte("[]"))
	p.session(t, "dead.json", 500, 1)
	p.remote.rejects[p.cfg.Hash.Sum(sample.New(500).Play(1).JSON())] = true
	p.reconcile(t, Full)
	p.remote.setDown(true)
	p.session(t, "queued.json", 501, 1)
	p.try(t, Quick, PassOptions{})
	p.remote.setDown(false)

	p.session(t, "added.json", 600, 1)
	p.session(t, "s001.json", 1, 2) // changed
	p.remove(t, "s002.json")
	p.forget(t, hashes["s003.json"], hashes["s004.json"])
	p.foreign(t, fmt.Sprintf("%032x", 1))
	return p
}

// contents is all that a survey must leave as it is.
func (p *place) contents(t *testing.T) (rows []string) {
	t.Helper()
	for _, table := range []string{"files", "remote_hashes", "pending_sync", "notes"} {
		rows = append(rows, table)
		rows = append(rows, dump(t, p.cfg.QueueDB, `SELECT * FROM `+table)...)
	}
	return append(rows, dump(t, p.tableDB, `SELECT * FROM gfx_sessions`)...)
}

func TestASurveyLeavesEverythingAsItIs(t *testing.T) {
	for _, mode := range []Mode{Quick, Full} {
		t.Run(string(mode), func(t *testing.T) {
			p := drifted(t)
			before := p.contents(t)
			passes := dump(t, p.cfg.QueueDB, `SELECT * FROM passes`)
			r := p.survey(t, mode)
			wantSync(t, r, false)
			if r.Added != 1 || r.Changed != 1 || r.Gone != 1 || r.RemoteMissing != 2 || r.RemoteOnly != 1 || r.Queued == 0 || r.Invalid != 1 {
				t.Errorf("the survey says %+v", r)
			}
			if after := dump(t, p.cfg.QueueDB, `SELECT * FROM passes`); !slices.Equal(after, passes) {
				t.Errorf("passes: %q, want %q", after, passes)
			}
			s := p.state(t)
			if _, err := Verify(t.Context(), &Survey{Config: p.cfg, State: s}, mode); err != nil {
				t.Fatal(err)
			}
			if after := dump(t, p.cfg.QueueDB, `SELECT * FROM passes`); len(after) != len(passes)+1 || !slices.Equal(after[:len(passes)], passes) {
				t.Errorf("passes: %q, want one more than %q", after, passes)
			}
			if after := p.contents(t); !slices.Equal(after, before) {
				t.Errorf("after the survey:\n%q\nbefore:\n%q", after, before)
			}
			if n := p.remote.counted("delete"); n > 0 {
				t.Errorf("%d deletions", n)
			}
		})
	}
}

func TestAReconcileMendsWhatASurveyFound(t *testing.T) {
	p := drifted(t)
	clear(p.remote.rejects)
	p.reconcile(t, Full)
	r := p.survey(t, Full)
	wantSync(t, r, true)
	if r.Added+r.Changed+r.Gone+r.RemoteMissing != 0 || r.RemoteOnly != 1 || r.Invalid != 1 {
		t.Errorf("the survey says %+v", r)
	}
}
