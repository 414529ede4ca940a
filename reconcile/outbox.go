package reconcile

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// queueStepBytes is how many bytes are taken from the queue at a time. Three steps are in memory at most: two on the
// wire and the next.
const queueStepBytes = 8 << 20

// outbox writes down what became of each record, in index and queue with one transaction.
type outbox struct {
	state    *state.State
	cfg      *Config
	rows     rows
	uploaded atomic.Int64    // contents that were acknowledged
	large    chan<- struct{} // told of requests with manySessions or more; may be nil

	// provenAll says that no suspect was added to the queue since the last success was noted for all of them.
	provenAll atomic.Bool
}

var _ store.Outbox = (*outbox)(nil)

func newOutbox(cfg *Config, s *state.State, large chan<- struct{}) *outbox {
	return &outbox{state: s, cfg: cfg, rows: newRows(cfg, s), large: large}
}

// Acknowledged implements store.Outbox. A power cut may undo it: then the records are sent once more.
func (o *outbox) Acknowledged(ctx context.Context, items []store.Item) error {
	now := time.Now()
	// What has arrived is written down even if a stop has used up its time. It also saves a goroutine for each
	// statement.
	ctx = context.WithoutCancel(ctx)
	noted := o.provenAll.Swap(true)
	err := o.state.UpdateWithoutSync(ctx, func(v state.View) error {
		for i := range items {
			if err := o.rows.acknowledge(ctx, v, &items[i], now); err != nil {
				return err
			}
		}
		if noted {
			return nil
		}
		return v.Queue.MarkSuspectsProven(ctx)
	})
	if err != nil {
		o.provenAll.Store(false)
		return err
	}
	hashes := map[string]struct{}{}
	for i := range items {
		hashes[items[i].Record.FileHash] = struct{}{}
	}
	o.uploaded.Add(int64(len(hashes)))
	if len(items) >= manySessions {
		select {
		case o.large <- struct{}{}:
		default: // it is known already
		}
	}
	return nil
}

// Waiting implements store.Outbox.
func (o *outbox) Waiting(ctx context.Context, items []store.Item, cause error) error {
	now := time.Now()
	return o.state.Update(ctx, func(v state.View) error {
		for i := range items {
			if kept, err := o.keep(ctx, v, &items[i], cause, now); err != nil {
				return err
			} else if !kept {
				continue
			}
			if err := o.moveQueued(ctx, v, &items[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Refused implements store.Outbox.
func (o *outbox) Refused(ctx context.Context, it store.Item, cause error) (dead bool, err error) {
	err = o.state.Update(ctx, func(v state.View) (err error) {
		dead, err = o.refuse(ctx, v, &it, cause)
		return err
	})
	return dead, err
}

// Suspect implements store.Outbox.
func (o *outbox) Suspect(ctx context.Context, it store.Item, cause error, proven bool) (blame store.Blame, err error) {
	err = o.state.Update(ctx, func(v state.View) error {
		blame = store.BlameRemote
		if proven {
			blame = store.BlameRecord
		}
		if kept, err := o.keep(ctx, v, &it, cause, time.Now()); err != nil || !kept {
			return err
		}
		before, err := v.Queue.MarkSuspect(ctx, it.Source, it.Record.FileHash)
		if err != nil {
			return err
		}
		if !proven && before != store.Proven {
			return o.moveQueued(ctx, v, &it)
		}
		dead, err := o.refuse(ctx, v, &it, cause)
		if err != nil {
			return err
		}
		if blame = store.BlameRecord; dead {
			blame = store.BlameRecordDead
		}
		_, err = v.Queue.MarkSuspect(ctx, it.Source, it.Record.FileHash) // of the next failure nothing is proven
		return err
	})
	o.provenAll.Store(false)
	return blame, err
}

// refuse keeps a record in the queue and counts a refusal.
func (o *outbox) refuse(ctx context.Context, v state.View, it *store.Item, cause error) (dead bool, err error) {
	now := time.Now()
	if kept, err := o.keep(ctx, v, it, cause, now); err != nil || !kept {
		return false, err
	}
	retries, err := v.Queue.Refuse(ctx, it.Source, it.Record.FileHash,
		o.cfg.MaxRetries, now, o.cfg.Delivery.QueueInterval)
	if err != nil {
		return false, err
	}
	to := hashindex.Queued
	if dead = retries >= o.cfg.MaxRetries; dead {
		to = hashindex.Dead
	}
	index := v.In(o.rows.Scope(it.Source.Root)).Index
	err = index.Move(ctx, it.Record.FileHash, []hashindex.State{hashindex.Pending, hashindex.Queued}, to, cause.Error())
	if err == nil && dead {
		err = o.rows.dead(ctx, v, it, now)
	}
	return dead, err
}

// moveQueued writes into the index that the record's files wait in the queue.
func (o *outbox) moveQueued(ctx context.Context, v state.View, it *store.Item) error {
	index := v.In(o.rows.Scope(it.Source.Root)).Index
	return index.Move(ctx, it.Record.FileHash, []hashindex.State{hashindex.Pending}, hashindex.Queued, "")
}

// Wanted implements store.Outbox.
func (o *outbox) Wanted(ctx context.Context, items []store.Item) ([]store.Item, error) {
	return o.rows.wanted(ctx, items)
}

// StillStored implements store.Outbox.
func (o *outbox) StillStored(ctx context.Context, it store.Item) (bool, error) {
	return o.rows.isRow(ctx, &it)
}

// keep keeps a record in the queue. One that came from there, and was dropped while it was tried, is not to come back.
func (o *outbox) keep(ctx context.Context, v state.View, it *store.Item, cause error,
	now time.Time,
) (kept bool, err error) {
	if id := it.Place.ID; id != 0 {
		return v.Queue.PutBack(ctx, id, cause, now)
	}
	return true, v.Queue.Put(ctx, it.Source, &it.Record, cause, now)
}

// intact returns the items before the first whose content is not the one that was hashed once: what a disk has damaged
// becomes no row.
func intact(items []store.Item) ([]store.Item, error) {
	for i := range items {
		r := &items[i].Record
		if hashindex.HashMatches(r.FileHash, r.RawJSON) {
			continue
		}
		if i > 0 {
			return items[:i], nil
		}
		return nil, store.NewUnreadableError(items[i].Place.ID, errors.New("the content is not that of the hash"))
	}
	return items, nil
}

// Due implements store.Outbox.
func (o *outbox) Due(ctx context.Context, after store.QueuePlace, most int) ([]store.Item, error) {
	for {
		items, err := o.state.Queue.Due(ctx, after, most, queueStepBytes, time.Now())
		if err == nil {
			items, err = intact(items)
		}
		var damage *store.UnreadableError
		if !errors.As(err, &damage) {
			return items, err
		}
		if err := neverDeliverable(ctx, o.state, damage.ID, damage); err != nil {
			return nil, err
		}
	}
}

// neverDeliverable has the file of a queued record that can never be delivered read again, if it is still there. Then
// the record goes with the success of its content.
func neverDeliverable(ctx context.Context, s *state.State, id int64, reason error) error {
	return s.Update(ctx, func(v state.View) error {
		hash, err := v.Queue.MarkDead(ctx, id, reason)
		if err != nil {
			return err
		}
		return v.Index.Move(ctx, hash, []hashindex.State{hashindex.Queued}, hashindex.Pending, "")
	})
}
