package store

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// outcome is the outcome of one request (design, "What a failure means" and "Who is to blame"):
//
//	the answer                                 a single record         several records
//	----------------------------------------   ---------------------   ----------------------------------------
//	2xx                                        delivered               delivered
//	names a row (class Rejected)               refused                 guilty: bisect
//	413, 57014 (class TooMuch)                 suspect, see below      tooMuch: bisect, and learn the limit
//	cut connection, timeout, a gateway's page  suspect                 unclear: the first record alone, then bisect
//	any other failure                          suspect                 down: an outage
//
// A suspect is refused if an upsert of another record has succeeded since the last failed request with this record.
// Otherwise it is down. Records that are down wait in the queue, and the circuit opens.
type outcome uint8

const (
	delivered outcome = iota
	refused           // the record is in the queue and its refusal was counted; the remote serves other records
	guilty            // the remote refuses one of the records
	tooMuch           // fewer records may go through
	unclear           // either one of the records or the remote is the cause
	down
)

// group holds the items of one conflict key, which are one row. They may come from several paths.
type group []Item

// record returns the record to send, the newest of the group.
func (g group) record() *Record { return &g[len(g)-1].Record }

// groupByKey groups the items by the conflict key and sorts the groups by it. Two rows with one key would fail the
// whole upsert (SQLSTATE 21000). Two agents that write overlapping rows in the same order cannot deadlock.
func groupByKey(items []Item, k ConflictKey) []group {
	byKey := make(map[string]group, len(items))
	for _, it := range items {
		key := it.Record.sortKey(k)
		byKey[key] = append(byKey[key], it)
	}
	groups := make([]group, 0, len(byKey))
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		groups = append(groups, byKey[key])
	}
	return groups
}

func ungroup(groups []group) []Item { return slices.Concat(groups...) }

// dispatch sends those items that are still wanted. Failed is the mark of the last failure that one of them may have
// caused. If the circuit opens, dispatch puts the rest into the queue and returns the failure.
func (d *Delivery) dispatch(ctx context.Context, items []Item, failed mark) error {
	wanted, err := d.outbox.Wanted(ctx, items)
	if err != nil {
		d.wait(ctx, items, err)
		d.openCircuit(ctx, err)
		return err
	}
	if len(wanted) == 0 {
		return nil
	}
	_, err = d.bisect(ctx, groupByKey(wanted, d.opts.Conflict), failed, false)
	return err
}

// bisect delivers the groups, and isolates those that are at fault with as few requests as possible. It reports whether
// the remote took all groups. If atFault is true, one of the groups is known to be at fault, and a request with all of
// them would fail again. A single group is always tried, because the answer says what is wrong with it.
func (d *Delivery) bisect(ctx context.Context, groups []group, failed mark, atFault bool) (clean bool, err error) {
	if len(groups) == 1 {
		if err := d.proveOthersServed(ctx, failed); err != nil {
			d.wait(ctx, ungroup(groups), err)
			return false, err
		}
	}
	if len(groups) == 1 || !atFault && d.limit.allows(groups) {
		result, err := d.attempt(ctx, groups, failed)
		switch result {
		case delivered, refused:
			return result == delivered, nil
		case down:
			return false, err
		case unclear:
			return d.halves(ctx, groups, 1, d.now(), true)
		}
		d.log.Debug("bisect a batch", "records", len(groups), "error", err)
		if atFault = result == guilty; !atFault {
			failed = d.now()
		}
	}
	return d.halves(ctx, groups, len(groups)/2, failed, atFault)
}

// halves delivers the groups before a position, then the others.
func (d *Delivery) halves(ctx context.Context, groups []group, at int, failed mark,
	atFault bool,
) (clean bool, err error) {
	left, err := d.bisect(ctx, groups[:at], failed, false)
	if err != nil {
		d.wait(ctx, ungroup(groups[at:]), err)
		return false, err
	}
	right, err := d.bisect(ctx, groups[at:], failed, atFault && left)
	return left && right, err
}

// attempt sends the groups in one request and records the outcome, unless they are to be bisected. The error is that of
// the request. It is nil if the request succeeded.
func (d *Delivery) attempt(ctx context.Context, groups []group, failed mark) (outcome, error) {
	ticket, err := d.upsert(ctx, groups)
	alone := len(groups) == 1
	switch class := ClassOf(err); {
	case err == nil:
		d.succeeded(ticket)
		d.acknowledge(ctx, ungroup(groups))
		return delivered, nil
	case ctx.Err() != nil:
		return down, err // a stop has cut off the request; the items stay intents in the index
	case class == Rejected && alone:
		d.breaker.succeeded()
		d.refuse(ctx, groups[0], err)
		return refused, err
	case class == Rejected:
		return guilty, err
	case alone:
		return d.suspect(ctx, groups[0], err, d.servedSince(failed)), err
	case class == TooMuch:
		return tooMuch, err
	case isAmbiguous(err):
		return unclear, err
	default:
		d.wait(ctx, ungroup(groups), err) // before the circuit opens, so that the first probe finds them
		d.openCircuit(ctx, err)
		return down, err
	}
}

func isAmbiguous(err error) bool {
	var re *RemoteError
	return errors.As(err, &re) && re.Ambiguous
}
