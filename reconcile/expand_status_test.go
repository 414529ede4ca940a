package reconcile

import "testing"

// TestStatusKeepsTheHandsInAnOutage: what was last known of them, and when that was.
func TestStatusKeepsTheHandsInAnOutage(t *testing.T) {
	t.Parallel()
	p := expandingProduction(t, 2)
	if st := p.status(); st.Hands != nil {
		t.Errorf("before a pass has asked: %+v", st.Hands)
	}
	p.reconcile(Quick)
	known := p.status()
	if known.Hands == nil || known.Hands.Hands != 6 || known.HandsAt == nil {
		t.Fatalf("status: %+v", known)
	}
	p.server.Stop()
	if r := p.reconcile(Quick); r.Outcome == Complete {
		t.Fatalf("reconcile in an outage: %+v", r)
	}
	if st := p.status(); st.Hands == nil || *st.Hands != *known.Hands || !st.HandsAt.Equal(*known.HandsAt) {
		t.Errorf("in the outage: %+v of %v", st.Hands, st.HandsAt)
	}
	p.server.Start()
	p.server.Exec(t, `drop view gfx_expand_summary`)
	p.reconcile(Quick)
	if st := p.status(); st.Hands != nil {
		t.Errorf("when the database expands none any more: %+v", st.Hands)
	}
}
