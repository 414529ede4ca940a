package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// A look reads the index, then the file, and writes what it found some time later. What a pass or a delivery has written
// meanwhile must not be undone by it.

// lookWith has the agent look at a file, and writes the finding down after meanwhile.
func lookWith(t *testing.T, w *worker, path string, meanwhile func(state.View) error) {
	t.Helper()
	ctx := t.Context()
	f, err := w.intake.examine(ctx, look{key: hashindex.Key{Path: path}, at: time.Now(), recheck: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.state.Update(ctx, meanwhile); err != nil {
		t.Fatal(err)
	}
	w.intake.looks[f.look.key.Root].mu.Lock()
	w.intake.looks[f.look.key.Root].busy[f.look.key] = nil
	w.intake.looks[f.look.key.Root].mu.Unlock()
	w.intake.findings <- f
	eventually(t, "the finding is dealt with", w.Idle)
}

func TestALookDoesNotHideThatTheRemoteLostARow(t *testing.T) {
	for _, test := range []struct {
		name, path string
		prepare    func(p *place)
	}{
		{"of a file that is looked at again", "a.json", func(*place) {}},
		{"of a copy", "copy.json", func(p *place) { p.session(t, "copy.json", 1, 1) }},
		{"of a file that was moved", "moved.json", func(p *place) {
			p.session(t, "moved.json", 1, 1)
			p.remove(t, "a.json")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := tempPlace(t)
			hash := p.session(t, "a.json", 1, 1)
			p.reconcile(t, Quick)
			test.prepare(p)
			// Not racy any more: what is written says so, and is not the same as before.
			onFile(t, p.cfg.QueueDB, `UPDATE files SET stamp_seen_ms = stamp_seen_ms - 60000`)
			w := p.work(t)
			lookWith(t, w, test.path, func(v state.View) error {
				p.forget(t, hash)
				return v.Index.RemoteLost(context.Background(), hash)
			})
			wantSync(t, w.pass(t.Context(), Full, PassOptions{}, nil), true)
			p.wantRows(t, hash)
		})
	}
}

func TestALookDoesNotHideAnAcknowledgement(t *testing.T) {
	p := tempPlace(t)
	p.remote.setDown(true)
	hash := p.session(t, "a.json", 1, 1)
	p.try(t, Quick, PassOptions{})
	onFile(t, p.cfg.QueueDB, `UPDATE files SET stamp_seen_ms = stamp_seen_ms - 60000`)
	w := p.work(t)
	p.remote.setDown(false)
	lookWith(t, w, "a.json", func(v state.View) error {
		ctx := context.Background()
		p.foreign(t, hash)
		if err := v.Index.RemoteFound(ctx, hash, time.Now()); err != nil {
			return err
		}
		return v.Queue.Done(ctx, hash)
	})
	wantSync(t, w.pass(t.Context(), Quick, PassOptions{}, nil), true)
	e, _, err := w.state.Index.Get(t.Context(), hashindex.Key{Path: "a.json"})
	if err != nil || e.State != hashindex.Synced {
		t.Errorf("the file is %s (%v), want synced: the remote has it", e.State, err)
	}
}
