package state

import (
	"context"

	"github.com/gfxsync/gfxsync/hashindex"
)

// droppedByOperator is why the index calls a file dead whose record has left the queue by the operator's word.
const droppedByOperator = "dropped from the queue by the operator"

// RetryQueued makes an entry of the queue, with id 0 all dead ones, due again, and says how many there were. It fails with
// store.ErrNoSuchEntry. It belongs into a transaction, since index and queue change together.
func (v View) RetryQueued(ctx context.Context, id int64) (int, error) {
	hashes, err := v.Queue.Retry(ctx, id)
	return len(hashes), v.move(ctx, hashes, err, []hashindex.State{hashindex.Dead}, hashindex.Queued, "")
}

// DropQueued removes an entry of the queue, with id 0 all dead ones, and says how many there were. It fails with
// store.ErrNoSuchEntry. The file is not sent again until it changes. It belongs into a transaction, as RetryQueued does.
func (v View) DropQueued(ctx context.Context, id int64) (int, error) {
	hashes, err := v.Queue.Drop(ctx, id)
	return len(hashes), v.move(ctx, hashes, err, []hashindex.State{hashindex.Queued, hashindex.Dead}, hashindex.Dead, droppedByOperator)
}

func (v View) move(ctx context.Context, hashes []string, err error, from []hashindex.State, to hashindex.State, reason string) error {
	for _, hash := range hashes {
		if err == nil {
			err = v.Index.Move(ctx, hash, from, to, reason)
		}
	}
	return err
}
