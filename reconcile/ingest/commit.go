package ingest

import (
	"context"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

// maxCommit is how many results one transaction may hold.
const maxCommit = 256

// write commits results and then acts on them: intent before action. Results that come during a commit are committed
// together, so that one file is on its way in milliseconds and a thousand cost a few commits.
func (in *Ingest) write(ctx context.Context) {
	for {
		var group []result
		select {
		case res := <-in.results:
			group = append(group, res)
		case <-in.ended:
		}
		if group = in.gather(group); len(group) == 0 {
			return
		}
		in.writeGroup(ctx, group)
	}
}

// gather adds the results that are there already.
func (in *Ingest) gather(group []result) []result {
	for len(group) < maxCommit {
		select {
		case res := <-in.results:
			group = append(group, res)
		default:
			return group
		}
	}
	return group
}

func (in *Ingest) writeGroup(ctx context.Context, group []result) {
	err := in.commit(ctx, group)
	if err != nil && len(group) > 1 {
		// One of them may be at fault. The others do not wait for it.
		for i := range group {
			in.writeGroup(ctx, group[i:i+1])
		}
		return
	}
	if err != nil && !sqlite.OfTheFile(err) {
		in.log.Error("cannot write to the queue database; trying again",
			"path", group[0].task.Key.String(), "error", err)
	}
	for i := range group {
		in.act(&group[i], err)
	}
}

// commit writes intents without a sync to disk: after a power cut the scan finds their files again. A record that goes
// to the offline queue may be all that is left of a file, and is synced.
func (in *Ingest) commit(ctx context.Context, group []result) error {
	changes, update := false, in.cfg.State.UpdateWithoutSync
	for i := range group {
		changes = changes || group[i].entry != nil
		if group[i].toQueue {
			update = in.cfg.State.Update
		}
	}
	if !changes {
		return nil
	}
	return update(ctx, func(v state.View) error {
		for i := range group {
			if err := in.store(ctx, v, &group[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (in *Ingest) store(ctx context.Context, v state.View, res *result) error {
	if res.entry == nil {
		return nil
	}
	// What a pass or a delivery has written since the examination began is not undone: the file is examined again.
	now, _, err := v.Index.Get(ctx, res.task.Key)
	if err == nil && now.State != res.before {
		res.outdated()
		return nil
	}
	if err == nil {
		err = res.checkArrived(ctx, v.In(in.cfg.Rows.Scope(res.task.Key.Root)).Index)
	}
	if err != nil {
		return err
	}
	if err := v.Index.Put(ctx, res.entry); err != nil {
		return err
	}
	if err := in.cfg.Rows.Written(ctx, v, now.Session, res.entry.Session); err != nil {
		return err
	}
	if !res.toQueue {
		return nil
	}
	return v.Queue.Put(ctx, res.item.Source, &res.item.Record, nil, time.Now())
}

func (res *result) outdated() {
	if res.item != nil {
		res.item.Done()
	}
	*res = result{task: res.task, again: firstDelay}
}

// checkArrived makes an intent of what the remote is not known to have any more, and none of what it is known to have.
func (res *result) checkArrived(ctx context.Context, index hashindex.Index) error {
	if res.item == nil && res.entry.State != hashindex.Synced {
		return nil
	}
	arrived, err := index.Acknowledged(ctx, res.entry.Hash)
	switch {
	case err != nil:
		return err
	case arrived && res.item != nil:
		res.item.Done()
		res.item, res.toQueue = nil, false
		res.entry.State, res.entry.SyncedAt = hashindex.Synced, res.entry.SeenAt
	case !arrived && res.item == nil:
		res.entry.State, res.again = hashindex.Pending, firstDelay
	}
	return nil
}

// act does what has been committed, or, if the commit failed, has the file examined again.
func (in *Ingest) act(res *result, failed error) {
	r := in.roots[res.task.Key.Root]
	if failed != nil && res.entry != nil {
		if res.item != nil {
			res.item.Done()
		}
		in.again(r, res.task, retryAfter, retryAfter)
		return
	}
	if res.change != unchanged {
		in.counts.of[res.change].Add(1)
		in.cfg.Noticed(Notice{
			Key: res.task.Key, At: res.task.At, By: res.task.By, Event: res.task.event, Gone: res.change == gone,
			Stamp: res.entry.Stamp,
		})
	}
	switch {
	case res.toQueue:
		res.item.Done()
		in.cfg.Delivery.DrainQueue()
	case res.item != nil:
		in.cfg.Delivery.Add(*res.item)
	}
	in.tell(res)
	if res.again > 0 {
		in.again(r, res.task, res.rest, res.again)
		return
	}
	if res.hashed {
		in.Hashed(res.bytes)
	}
	r.Done(res.task.Key)
	res.task.endBatches()
}

// batchLimit is how long a pass waits for a file that is not complete, or cannot be written down.
const batchLimit = time.Minute

// again has a file examined once more. A pass does not wait for ever for a file that grows all the time.
func (in *Ingest) again(r *root, t Task, rest, delay time.Duration) {
	if len(t.batches) > 0 && time.Since(t.At) >= batchLimit {
		in.log.Warn("a file is still being written, or cannot be written down; the pass does not wait for it",
			"path", t.Key.String())
		t.endBatches()
	}
	r.AddAfter(t, rest, delay)
}

// endBatches says to those who wait for the file that it was examined.
func (t *Task) endBatches() {
	for _, b := range t.batches {
		b.done()
	}
	t.batches = nil
}

// tell logs what an operator may want to know of a file.
func (in *Ingest) tell(res *result) {
	switch {
	case res.reason != nil:
		in.log.Warn("a file cannot be synced", "path", res.task.Key.String(), "bytes", res.bytes, "error", res.reason)
	case res.unsent:
		in.log.Warn("a file is gone before its content could be sent", "path", res.task.Key.String(), "hash", res.entry.Hash)
	case res.change == gone:
		in.log.Info("gone", "path", res.task.Key.String())
	}
}
