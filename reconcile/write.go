package reconcile

import (
	"context"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// maxCommit is how many findings one transaction may hold.
const maxCommit = 256

// write writes findings down and then acts on them: intent before action. What comes while a commit is under way is committed
// together, so that one file is on its way in milliseconds and a thousand cost a few commits.
func (in *intake) write(ctx context.Context) {
	for {
		var group []finding
		select {
		case f := <-in.findings:
			group = append(group, f)
		case <-in.ended:
		}
		if group = in.gather(group); len(group) == 0 {
			return
		}
		in.writeGroup(ctx, group)
	}
}

// gather adds what is there already.
func (in *intake) gather(group []finding) []finding {
	for len(group) < maxCommit {
		select {
		case f := <-in.findings:
			group = append(group, f)
		default:
			return group
		}
	}
	return group
}

func (in *intake) writeGroup(ctx context.Context, group []finding) {
	err := in.commit(ctx, group)
	if err != nil && len(group) > 1 {
		// One of them may be at fault: the others are not to wait for it.
		for i := range group {
			in.writeGroup(ctx, group[i:i+1])
		}
		return
	}
	if err != nil {
		in.log.Error("cannot write to the queue database; trying again", "path", name(group[0].look.key), "error", err)
	}
	for i := range group {
		in.act(&group[i], err)
	}
}

// commit writes intents without a sync to disk: after a power cut the scan finds their files again. A record that goes
// straight to the queue may be all that is left of a file.
func (in *intake) commit(ctx context.Context, group []finding) error {
	changes, update := false, in.state.UpdateWithoutSync
	for i := range group {
		changes = changes || group[i].entry != nil
		if group[i].straightToQueue {
			update = in.state.Update
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

func (in *intake) store(ctx context.Context, v state.View, f *finding) error {
	if f.entry == nil {
		return nil
	}
	// What a pass or a delivery has written since the look began is not to be undone: then the file is looked at again.
	now, _, err := v.Index.Get(ctx, f.look.key)
	if err == nil && now.State != f.look.state {
		f.outdated()
		return nil
	}
	if err == nil {
		err = f.checkArrived(ctx, v.In(in.cfg.scope(f.look.key.Root)).Index)
	}
	if err != nil {
		return err
	}
	if err := v.Index.Put(ctx, f.entry); err != nil {
		return err
	}
	if err := in.lead(ctx, v, now.Session, f.entry.Session); err != nil {
		return err
	}
	if !f.straightToQueue {
		return nil
	}
	return v.Queue.Put(ctx, f.item.Source, &f.item.Record, nil, time.Now())
}

func (f *finding) outdated() {
	if f.item != nil {
		f.item.Done()
	}
	*f = finding{look: f.look, after: firstLookAgain}
}

// checkArrived makes an intent of what the remote is not known to have any more, and none of what it is known to have.
func (f *finding) checkArrived(ctx context.Context, index hashindex.Index) error {
	if f.item == nil && f.entry.State != hashindex.Synced {
		return nil
	}
	arrived, err := index.Acknowledged(ctx, f.entry.Hash)
	switch {
	case err != nil:
		return err
	case arrived && f.item != nil:
		f.item.Done()
		f.item, f.straightToQueue = nil, false
		f.entry.State, f.entry.SyncedAt = hashindex.Synced, f.entry.SeenAt
	case !arrived && f.item == nil:
		f.entry.State, f.after = hashindex.Pending, firstLookAgain
	}
	return nil
}

func (in *intake) act(f *finding, failed error) {
	if failed != nil && f.entry != nil {
		if f.item != nil {
			f.item.Done()
		}
		in.looks.again(f.look, diskRetry, diskRetry)
		return
	}
	if f.change != nil {
		f.change.Add(1)
	}
	switch {
	case f.straightToQueue:
		f.item.Done()
		in.delivery.DrainQueue()
	case f.item != nil:
		in.delivery.Add(*f.item)
	}
	if f.after > 0 {
		in.looks.again(f.look, f.rest, f.after)
		return
	}
	if f.hashed {
		in.counts.read(f.bytes)
	}
	if f.entry != nil && f.entry.State == hashindex.Gone {
		in.log.Info("gone", "path", name(f.look.key))
	}
	in.looks.done(f.look.key)
}
