package store

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
)

// Blame says whether the record or the remote is the cause of a failure of a request with a single record (design, "Who
// is to blame").
type Blame uint8

const (
	BlameRemote     Blame = iota // nothing shows that the remote serves other records: an outage
	BlameRecord                  // the failure counts as a refusal of the record
	BlameRecordDead              // it was the last refusal: the record is dead
)

// mark is a moment in the order of requests: the ticket of the last request that had begun. A failure of a record
// counts as a refusal if a request that began after the mark of the previous failure has succeeded.
type mark uint64

// neverFailed is the mark of a record without a known failure.
const neverFailed mark = math.MaxUint64

func (d *Delivery) now() mark               { return mark(d.tickets.Load()) }
func (d *Delivery) servedSince(m mark) bool { return mark(d.lastGood.Load()) > m }

// lastFailure returns a mark for proveOthersServed. A proof is only needed for a single suspect for which the outbox
// has no proof yet.
func (d *Delivery) lastFailure(items []Item) mark {
	if len(items) == 1 && items[0].Place.Suspicion == Unproven {
		return d.now()
	}
	return neverFailed
}

// maxControl is the largest size in bytes of the control.
const maxControl = 256 << 10

// keepControl keeps a record that the remote has taken as the control for proveOthersServed. It is the smallest record
// of a request. A record that is larger than maxControl is not kept.
func (d *Delivery) keepControl(items []Item) {
	var least *Item
	for i := range items {
		if least == nil || items[i].Record.Size() < least.Record.Size() {
			least = &items[i]
		}
	}
	if least != nil && least.Record.Size() <= maxControl {
		d.control.Store(&Item{Source: least.Source, Record: least.Record})
	}
}

// proveOthersServed finds out whether the remote has served other records since a failure. If it has, the next failure
// of the same record counts against that record. It sends the control again, which changes nothing on the remote. If
// that fails, there is an outage, and the circuit opens. Without a control, nothing is proved. A control that the
// remote refuses now is dropped, because the table may have got a rule that forbids it.
func (d *Delivery) proveOthersServed(ctx context.Context, failed mark) error {
	control := d.control.Load()
	if failed == neverFailed || d.servedSince(failed) || control == nil {
		return nil
	}
	repeatable, err := d.outbox.StillStored(ctx, *control)
	if err == nil && !repeatable {
		d.control.CompareAndSwap(control, nil)
		return nil
	}
	if err == nil {
		var ticket uint64
		ticket, err = d.upsert(ctx, []group{{*control}})
		switch {
		case err == nil:
			d.succeeded(ticket)
			return nil
		case ClassOf(err) == Rejected:
			d.control.CompareAndSwap(control, nil)
			return nil
		}
	}
	d.openCircuit(ctx, err)
	return err
}

// perRoot returns one item of the group for each root, because each root has its own entry in the queue.
func (g group) perRoot() []Item {
	byRoot := map[string]Item{}
	for _, it := range g {
		byRoot[it.Source.Root] = it
	}
	return slices.Collect(maps.Values(byRoot))
}

// refuse counts a refusal of the group's record.
func (d *Delivery) refuse(ctx context.Context, g group, cause error) {
	for _, it := range g.perRoot() {
		dead, err := d.outbox.Refused(ctx, it, cause)
		d.logRefusal(&it, dead, cause, err)
	}
}

// suspect records that a request with only this group failed.
func (d *Delivery) suspect(ctx context.Context, g group, cause error, proven bool) outcome {
	result := refused
	for _, it := range g.perRoot() {
		blame, err := d.outbox.Suspect(ctx, it, cause, proven)
		if err != nil || blame == BlameRemote {
			result = down
		}
		if err != nil || blame != BlameRemote {
			d.logRefusal(&it, blame == BlameRecordDead, cause, err)
		}
	}
	if result == down {
		d.openCircuit(ctx, cause)
	}
	return result
}

func (d *Delivery) logRefusal(it *Item, dead bool, cause, failed error) {
	if failed != nil {
		d.outboxFailed("cannot keep a refused record in the offline queue; its file will be read again", failed,
			"path", it.Source.String())
		return
	}
	log := d.log.Info
	if dead || d.isNewHint(cause) {
		log = d.log.Warn
	}
	if dead {
		d.deaths.Add(1)
	}
	log("the remote refuses a record", "path", it.Source.String(),
		"hash", it.Record.FileHash, "dead", dead, "error", cause)
}

// isNewHint reports whether a failure has a hint for the operator that was not logged before.
func (d *Delivery) isNewHint(cause error) bool {
	var re *RemoteError
	if !errors.As(cause, &re) || re.Hint == "" {
		return false
	}
	_, known := d.warned.LoadOrStore(re.Hint, true)
	return !known
}
