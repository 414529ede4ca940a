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

// record returns what is sent for the bundle: the newest.
func (b bundle) record() *Record { return &b[len(b)-1].Record }

// send delivers the bundles, by halves where the request is too much or one of the rows is bad. It returns the error that made
// the link go down, after which the rest of them wait in the queue.
func (d *Delivery) send(ctx context.Context, bundles []bundle) error {
	_, err := d.search(ctx, bundles, false)
	return err
}

// search is send, and says whether the remote took them all. With bad, one of them is known to be refused: to ask for them all
// would be a request for nothing. A single one is always sent, for what the remote says of it.
func (d *Delivery) search(ctx context.Context, bundles []bundle, bad bool) (clean bool, err error) {
	if len(bundles) == 1 || !bad && d.ceiling.allows(bundles) {
		err := d.try(ctx, bundles)
		if err == nil {
			return true, nil
		}
		switch {
		case !isOfRecords(err):
			return false, err
		case len(bundles) == 1:
			return false, nil
		}
		d.log.Debug("halving a batch", "records", len(bundles), "error", err)
		bad = ClassOf(err) == Rejected
	}
	half := len(bundles) / 2
	left, err := d.search(ctx, bundles[:half], false)
	if err != nil {
		d.wait(ctx, ungroup(bundles[half:]), err)
		return false, err
	}
	right, err := d.search(ctx, bundles[half:], bad && left)
	return left && right, err
}

// isOfRecords says whether a failure is due to the records of the request: the link is up.
func isOfRecords(err error) bool {
	class := ClassOf(err)
	return class == Rejected || class == TooMuch
}

// try sends the bundles in one request, and settles what became of them, unless they are to be halved.
func (d *Delivery) try(ctx context.Context, bundles []bundle) error {
	records := make([]Record, len(bundles))
	for i, b := range bundles {
		records[i] = *b.record()
	}
	err := d.upsert(ctx, records)
	if err == nil {
		d.link.up()
		d.acknowledge(ctx, ungroup(bundles))
		return nil
	}
	d.ceiling.learn(bundles, err)
	switch {
	case !isOfRecords(err):
		d.linkDown(ctx, err)
		d.wait(ctx, ungroup(bundles), err)
	case len(bundles) == 1:
		d.link.up()
		d.refuse(ctx, bundles[0], err)
	}
	return err
}

// upsert is the remote's, but for what is not the remote's last word. An ambiguous failure is this request's own doing if it comes
// again after the remote has shown that it is there: were it taken for an outage, a record that the remote never can take would keep
// all others from it, for ever.
func (d *Delivery) upsert(ctx context.Context, records []Record) error {
	err := d.upsertContending(ctx, records)
	if !isAmbiguous(err) || !d.isThere(ctx) {
		return err
	}
	if err = d.upsertContending(ctx, records); !isAmbiguous(err) || ctx.Err() != nil {
		return err
	}
	var own RemoteError
	if re := (*RemoteError)(nil); errors.As(err, &re) {
		own = *re
	}
	own.Class, own.Ambiguous = TooMuch, false
	return &own
}

// upsertContending is the remote's, but for contention, which goes away by itself.
func (d *Delivery) upsertContending(ctx context.Context, records []Record) error {
	for try := 1; ; try++ {
		err := d.remote.Upsert(ctx, records)
		if err == nil || ClassOf(err) != Contention || try == contentionTries {
			return err
		}
		select {
		case <-time.After(rand.N(50*time.Millisecond<<try) + time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

func isAmbiguous(err error) bool {
	var re *RemoteError
	return errors.As(err, &re) && re.Ambiguous
}

// isThere says whether the remote answers a ping.
func (d *Delivery) isThere(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, signOfLife)
	defer cancel()
	return d.remote.Ping(ctx) == nil
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

// drain sends what is due, step by step, as long as the link holds and nobody stops it. While the link is down, the first entry
// goes alone: a whole batch at every probe would load a line that has trouble enough. Each probe is another entry, for it may be the
// entry itself that a server breaks down over. With nothing due and the link down, it asks the remote for a sign of life instead.
func (d *Delivery) drain(work, until context.Context) {
	d.setDraining(true)
	defer d.setDraining(false)
	begun, last := d.failed, d.failed
	d.failed = nil
	for until.Err() == nil {
		most := d.opts.BatchSize
		if !d.link.Status().Online {
			most = 1
		}
		items, err := d.ledger.Due(work, last, most)
		if err != nil {
			d.log.Error("cannot read the offline queue", "error", err)
			return
		}
		if len(items) == 0 && begun != nil {
			begun, last = nil, nil // now those before
			continue
		}
		if len(items) == 0 {
			d.probe(work)
			return
		}
		last = &items[len(items)-1]
		if err := d.sendDue(work, items); err != nil {
			last.Record.RawJSON = nil // it may be large, and is not needed to find the next
			d.failed = last
			return
		}
	}
}

// sendDue sends entries of the queue. What has been refused before goes alone, or the others would have to be halved for it again.
func (d *Delivery) sendDue(ctx context.Context, items []Item) error {
	var fresh []Item
	for _, it := range items {
		if !it.refused {
			fresh = append(fresh, it)
		} else if err := d.sendWanted(ctx, []Item{it}); err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return d.sendWanted(ctx, fresh)
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
