package store

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// contentionTries is how often a request that another transaction got in the way of is repeated before its records wait.
const contentionTries = 6

// signOfLife is how long a remote may take to show that it is there after all.
const signOfLife = 10 * time.Second

// deliver takes a batch to the remote, or into the queue, and tells the ledger.
func (d *Delivery) deliver(ctx context.Context, items []Item) {
	if !d.link.Status().Online {
		d.wait(ctx, items, nil)
		return
	}
	_ = d.sendWanted(ctx, items)
}

// sendWanted sends those of the items that are still wanted. Its error is send's.
func (d *Delivery) sendWanted(ctx context.Context, items []Item) error {
	if d.opts.Conflict == BySession {
		d.turn.Lock()
		defer d.turn.Unlock()
	}
	wanted, err := d.ledger.Wanted(ctx, items)
	if err != nil {
		d.linkDown(ctx, err)
		d.wait(ctx, items, err)
		return err
	}
	if len(wanted) == 0 {
		return nil
	}
	return d.send(ctx, group(wanted, d.opts.Conflict))
}

// bundle is the items of one content: one row, whichever path it came from.
type bundle []Item

// group sorts the items by the conflict key: two rows with one key fail a whole upsert (SQLSTATE 21000), and two agents that write
// overlapping rows in one order cannot deadlock.
func group(items []Item, k ConflictKey) []bundle {
	byKey := make(map[string]bundle, len(items))
	for _, it := range items {
		key := it.Record.sortKey(k)
		byKey[key] = append(byKey[key], it)
	}
	bundles := make([]bundle, 0, len(byKey))
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		bundles = append(bundles, byKey[key])
	}
	return bundles
}

func ungroup(bundles []bundle) (items []Item) {
	for _, b := range bundles {
		items = append(items, b...)
	}
	return items
}

// send delivers the bundles, by halves where the request is too much or one of the rows is bad. It returns the error that made
// the link go down, after which the rest of them wait in the queue.
func (d *Delivery) send(ctx context.Context, bundles []bundle) error {
	records := make([]Record, len(bundles))
	for i, b := range bundles {
		records[i] = b[len(b)-1].Record
	}
	err := d.upsert(ctx, records)
	if err == nil {
		d.link.up()
		d.acknowledge(ctx, ungroup(bundles))
		return nil
	}
	switch ClassOf(err) {
	case Rejected, TooMuch:
		if len(bundles) == 1 {
			d.link.up()
			d.refuse(ctx, bundles[0], err)
			return nil
		}
		d.log.Debug("halving a batch", "records", len(bundles), "error", err)
		half := len(bundles) / 2
		if err := d.send(ctx, bundles[:half]); err != nil {
			d.wait(ctx, ungroup(bundles[half:]), err)
			return err
		}
		return d.send(ctx, bundles[half:])
	default:
		d.linkDown(ctx, err)
		d.wait(ctx, ungroup(bundles), err)
		return err
	}
}

// upsert is the remote's, but for contention, which goes away by itself.
func (d *Delivery) upsert(ctx context.Context, records []Record) error {
	for try := 1; ; try++ {
		err := d.remote.Upsert(ctx, records)
		if err == nil || ClassOf(err) != Contention || try == contentionTries {
			return d.blame(ctx, err)
		}
		select {
		case <-time.After(rand.N(50*time.Millisecond<<try) + time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// blame finds out whose doing an ambiguous failure is: a remote that answers otherwise is not away. If it were taken to be, a record
// that it never can take would keep all others from it, for ever.
func (d *Delivery) blame(ctx context.Context, err error) error {
	var re *RemoteError
	if !errors.As(err, &re) || !re.Ambiguous {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, signOfLife)
	defer cancel()
	if d.remote.Ping(ctx) != nil {
		return err
	}
	own := *re
	own.Class, own.Ambiguous = TooMuch, false
	return &own
}

func (d *Delivery) linkDown(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // cut off by a stop, which says nothing of the link
	}
	var re *RemoteError
	if !errors.As(err, &re) {
		re = &RemoteError{Class: Outage, Message: err.Error(), Err: err}
	}
	if re.Class == Contention {
		re = &RemoteError{Class: Outage, Status: re.Status, Code: re.Code, Message: re.Message, Err: err}
	}
	d.link.down(re)
}

func (d *Delivery) acknowledge(ctx context.Context, items []Item) {
	if err := d.ledger.Acknowledged(ctx, items); err != nil {
		d.log.Error("cannot write down that records have arrived; they will be sent again", "records", len(items), "error", err)
	}
	for i := range items {
		it := &items[i]
		d.log.LogAttrs(ctx, slog.LevelInfo, "synced", slog.String("path", it.Source.String()), slog.String("hash", it.Record.FileHash),
			slog.Int("bytes", len(it.Record.RawJSON)), slog.String("lane", it.Lane.String()),
			slog.Float64("ms", float64(time.Since(it.At).Microseconds())/1000))
	}
}

func (d *Delivery) wait(ctx context.Context, items []Item, cause error) {
	if ctx.Err() != nil {
		return // cut off by a stop: they stay an intent in the index
	}
	if err := d.ledger.Waiting(ctx, items, cause); err != nil {
		d.log.Error("cannot keep records in the offline queue; their files will be read again", "records", len(items), "error", err)
	}
}

// refuse counts a refusal of a content: once for each root, of which each may keep it in the queue.
func (d *Delivery) refuse(ctx context.Context, items bundle, cause error) {
	byRoot := map[string]Item{}
	for _, it := range items {
		byRoot[it.Source.Root] = it
	}
	for _, it := range byRoot {
		d.refuseOne(ctx, it, cause)
	}
}

func (d *Delivery) refuseOne(ctx context.Context, it Item, cause error) {
	dead, err := d.ledger.Refused(ctx, it, cause)
	if err != nil {
		d.log.Error("cannot keep a refused record in the offline queue; its file will be read again", "path", it.Source.String(), "error", err)
		return
	}
	say := d.log.Info
	if dead {
		say = d.log.Warn
	}
	say("the remote refuses a record", "path", it.Source.String(), "hash", it.Record.FileHash, "dead", dead, "error", cause)
}

// runQueue empties the queue: at every interval, when the link comes back, and on demand. While the link is down it is the only
// one that asks the remote.
func (d *Delivery) runQueue(ctx, work context.Context) {
	timer := time.NewTimer(d.queuePause())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.link.changed:
			if !d.link.Status().Online {
				timer.Reset(d.queuePause()) // begin to probe
				continue
			}
		case <-d.wakeQueue:
			if !d.link.Status().Online {
				continue // nothing makes the next probe come earlier, or later
			}
		case <-timer.C:
		}
		d.drain(work, ctx)
		timer.Reset(d.queuePause())
	}
}

func (d *Delivery) queuePause() time.Duration {
	if !d.link.Status().Online {
		return d.link.probeDelay()
	}
	return d.opts.QueueInterval
}

// drain sends what is due, step by step, as long as the link holds and nobody stops it. With nothing due and the link down, it
// asks the remote for a sign of life instead.
func (d *Delivery) drain(work, until context.Context) {
	d.setDraining(true)
	defer d.setDraining(false)
	var last *Item
	for until.Err() == nil {
		items, err := d.ledger.Due(work, last)
		if err != nil {
			d.log.Error("cannot read the offline queue", "error", err)
			return
		}
		if len(items) == 0 {
			d.probe(work)
			return
		}
		if err := d.sendWanted(work, items); err != nil {
			return
		}
		last = &items[len(items)-1]
	}
}

func (d *Delivery) probe(ctx context.Context) {
	if !d.link.needsProbe() {
		return
	}
	if err := d.remote.Ping(ctx); err != nil {
		d.linkDown(ctx, err)
		return
	}
	d.link.up()
}

func (d *Delivery) setDraining(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = on
	if !on {
		d.drains++
	}
}

// QueueID returns the id of the queue's entry that the item came from, 0 if it came from a lane.
func (it *Item) QueueID() int64 { return it.queueID }
