package state

import (
	"context"

	"github.com/gfxsync/gfxsync/hashindex"
)

// droppedByOperator is the reason in the index for a dead file whose record the operator has dropped from the queue.
const droppedByOperator = "dropped from the queue by the operator"

// RetryQueued makes an entry of the queue due at once. With id 0 it does so with all dead entries. It returns their
// number, and fails with store.ErrNoSuchEntry. Call it in a transaction, because it changes both index and queue.
func (v View) RetryQueued(ctx context.Context, id int64) (int, error) {
	hashes, err := v.Queue.Retry(ctx, id)
	return len(hashes), v.move(ctx, hashes, err, []hashindex.State{hashindex.Dead}, hashindex.Queued, "")
}

// DropQueued removes an entry of the queue. With id 0 it removes all dead entries. It returns their number, and fails
// with store.ErrNoSuchEntry. The file is not sent again until it changes. Call it in a transaction, because it changes
// both index and queue.
func (v View) DropQueued(ctx context.Context, id int64) (int, error) {
	hashes, err := v.Queue.Drop(ctx, id)
	from := []hashindex.State{hashindex.Queued, hashindex.Dead}
	return len(hashes), v.move(ctx, hashes, err, from, hashindex.Dead, droppedByOperator)
}

// move changes the state of all files with these hashes, unless err is set. It returns err or its own error.
func (v View) move(
	ctx context.Context, hashes []string, err error, from []hashindex.State, to hashindex.State, reason string,
) error {
	for _, hash := range hashes {
		if err == nil {
			err = v.Index.Move(ctx, hash, from, to, reason)
		}
	}
	return err
}
