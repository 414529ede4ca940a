package ingest

import "sync"

// Batch is the files that one pass has examined. The zero value is an empty batch.
type Batch struct {
	mu    sync.Mutex
	open  int
	ended chan struct{} // closed while open is 0; nil: nobody has asked yet
}

// Examined returns a channel that is closed when every file that was added so far has been examined, what was found is
// in the index, and what is to be sent is in the delivery.
func (b *Batch) Examined() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended == nil {
		b.ended = make(chan struct{})
		if b.open == 0 {
			close(b.ended)
		}
	}
	return b.ended
}

func (b *Batch) add() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open++; b.open == 1 {
		b.ended = nil
	}
}

func (b *Batch) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open--; b.open == 0 && b.ended != nil {
		close(b.ended)
	}
}
