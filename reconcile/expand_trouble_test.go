package reconcile

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// calls returns how many steps were asked for.
func (p *production) calls() (n int) {
	for _, r := range p.server.Requests() {
		if strings.HasSuffix(r.Path, "/rpc/gfx_expand") {
			n++
		}
	}
	return n
}

// TestHandsThatNobodyCanExpandAreNotInSync: what the operator has to mend is named, and the sessions are there.
func TestHandsThatNobodyCanExpandAreNotInSync(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ breaks, mends string }{
		"no function": {
			`alter function gfx_expand rename to gfx_expand_away`, `alter function gfx_expand_away rename to gfx_expand`,
		},
		"no right to call it": {
			`revoke execute on function gfx_expand from public, service_role`,
			`grant execute on function gfx_expand to service_role`,
		},
		"no right to read the state": {
			`revoke select on gfx_expand_summary from service_role`, `grant select on gfx_expand_summary to service_role`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := expandingProduction(t, 2)
			p.server.Exec(t, tc.breaks)
			r := p.reconcile(Quick)
			if r.InSync || r.Outcome != Incomplete || r.Queued+r.Dead+r.Pending != 0 {
				t.Errorf("reconcile: %+v", r)
			}
			if text := fmt.Sprint(r.Problems); !strings.Contains(text, "gfxsync schema --hands") {
				t.Errorf("it is not said how to mend it: %s", text)
			}
			p.server.Exec(t, tc.mends)
			if r := p.reconcile(Quick); !r.InSync || r.Expanded != 2 {
				t.Errorf("when it is mended: %+v", r)
			}
		})
	}
}

// TestAGatewayThatFailsAtAStep leaves the pass incomplete, and the next one goes on.
func TestAGatewayThatFailsAtAStep(t *testing.T) {
	t.Parallel()
	p := expandingProduction(t, 2)
	p.server.SetFault(func(r *http.Request) (f supabasetest.Fault) {
		if strings.HasSuffix(r.URL.Path, "/rpc/gfx_expand") {
			unavailable := supabasetest.HTML(http.StatusServiceUnavailable)
			f.Answer = &unavailable
		}
		return f
	})
	if r := p.reconcile(Quick); r.InSync || r.Outcome != Incomplete || p.hands() != "0" {
		t.Errorf("reconcile: %+v; %s hands", r, p.hands())
	}
	p.server.Heal()
	if r := p.reconcile(Quick); !r.InSync || r.Expanded != 2 || p.hands() != "6" {
		t.Errorf("the next reconcile: %+v; %s hands", r, p.hands())
	}
}

// TestASessionLargerThanAStep is expanded by one reconcile all the same, step by step.
func TestASessionLargerThanAStep(t *testing.T) {
	t.Parallel()
	p := newProduction(t, supabasetest.ProductionTables[0].SQL, "public", "auto")
	p.save(1, 160)
	if r := p.reconcile(Quick); !r.InSync {
		t.Fatalf("without the expansion: %+v", r)
	}
	p.server.Exec(t, handsSQL)
	p.server.Exec(t, `create function slow() returns trigger language plpgsql as
			'begin perform pg_sleep(1.1); return null; end';
		create trigger slow after insert on gfx_hands for each statement execute function slow()`)
	if r := p.reconcile(Quick); !r.InSync || r.ExpandStale != 0 || p.hands() != "160" {
		t.Errorf("reconcile: %+v; %s hands", r, p.hands())
	}
	if n := p.calls(); n < 2 {
		t.Errorf("it took %d steps: the session is no larger than one", n)
	}
}

// TestNobodyExpandsButAReconcile: verify and a dry run tell what is stale, and ask for no step.
func TestNobodyExpandsButAReconcile(t *testing.T) {
	t.Parallel()
	p := expandingProduction(t, 3)
	s := (&place{cfg: p.cfg}).state(t)
	dry, err := (&Survey{Config: p.cfg, State: s, Found: func(Problem) {}}).Run(t.Context(), Full, PassOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Report{"verify": p.verify(), "dry run": dry} {
		if r.InSync || r.ExpandStale != 3 || r.Expanded != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if p.calls() != 0 || p.hands() != "0" {
		t.Errorf("%d steps were asked for, there are %s hands", p.calls(), p.hands())
	}
}

// TestTheLogTellsOfHands once, as long as they stay the same.
func TestTheLogTellsOfHands(t *testing.T) {
	t.Parallel()
	p := expandingProduction(t, 2)
	p.cfg.Schedules = Schedules{}
	stop := p.run()
	defer stop()
	content := string(sample.New(7).Play(2).JSON())
	p.write("s7.json", []byte(strings.Replace(content, `"HOLDEM"`, `"PINEAPPLE"`, 1)))
	eventually(t, "the hand is recorded", func() bool {
		return p.server.Count(t, "gfx_expand_errors") == 1
	})
	lines := func(text string) int { return strings.Count(p.log.String(), text) }
	// A pass is in the history, where it is waited for, a little before it is in the log.
	logged := func(could, again int) func() bool {
		return func() bool {
			return lines("hands could not be expanded") == could && lines("all hands are expanded again") == again
		}
	}
	for range 2 {
		p.reconcile(Quick)
	}
	eventually(t, "both passes are in the log", func() bool { return lines("msg=reconciled") >= 4 })
	if !logged(1, 0)() || !strings.Contains(p.log.String(), "PINEAPPLE") {
		t.Error("the log does not tell once of the hand that could not be expanded")
	}
	p.server.Exec(t, `alter type game_variant add value 'PINEAPPLE'`)
	if r := p.reconcile(Full); !r.InSync {
		t.Errorf("after the type has the value: %+v", r)
	}
	eventually(t, "the log tells that all is well again", logged(1, 1))
}
