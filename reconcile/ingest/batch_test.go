package ingest

import (
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// examineFor adds a file for a batch, examines it, and does what follows.
func (p *place) examineFor(t *testing.T, b *Batch, path string, at time.Time) {
	t.Helper()
	if err := p.Add(t.Context(), Task{Key: taskFor(path).Key, At: at}, b); err != nil {
		t.Fatal(err)
	}
	task, _ := p.root().Get()
	res := p.examined(t, task)
	p.update(t, func(v state.View) error { return p.store(t.Context(), v, &res) })
	p.act(&res, nil)
}

// TestABatchIsExaminedWhenAllItsFilesAre.
func TestABatchIsExaminedWhenAllItsFilesAre(t *testing.T) {
	p, b := newPlace(t), new(Batch)
	if !isClosed(b.Examined()) {
		t.Error("an empty batch is not examined")
	}
	p.write(t, "a.json", session)
	p.write(t, "half.json", "{")
	p.examineFor(t, b, "a.json", time.Now())
	if !isClosed(b.Examined()) {
		t.Error("a file that was examined is waited for")
	}
	p.examineFor(t, b, "half.json", time.Now())
	if isClosed(b.Examined()) {
		t.Error("a file that is not complete is not waited for")
	}
}

// TestAFileThatNeverSettlesHoldsUpNoPass: it is examined again and again, for as long as it grows.
func TestAFileThatNeverSettlesHoldsUpNoPass(t *testing.T) {
	p, b := newPlace(t), new(Batch)
	p.write(t, "half.json", "{")
	p.examineFor(t, b, "half.json", time.Now().Add(-batchLimit))
	if !isClosed(b.Examined()) {
		t.Error("a pass waits for a file that has not been complete for long")
	}
	if p.Idle() {
		t.Error("the file is not examined again")
	}
}
