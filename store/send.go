package store

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// outcome is what became of the records of one request (design, "What a failure means" and "Who is to blame"):
//
//	the answer                                 a single record         several records
//	----------------------------------------   ---------------------   ----------------------------------------
//	2xx                                        delivered               delivered
//	names a row (class Rejected)               refused                 guilty: bisect
//	413, 57014 (class TooMuch)                 suspect, see below      tooMuch: bisect, and learn the limit
//	cut connection, timeout, a gateway's page  suspect                 unclear: the first record alone, then bisect
//	any other failure                          suspect                 down: an outage
//
// A suspect is refused if another record's upsert has succeeded since a request with this record last failed. Else it
// is down. What is down waits in the queue, and the circuit opens.
type outcome uint8

const (
	delivered outcome = iota
	refused           // it waits in the queue with its refusal counted; the remote serves others
	guilty            // one of the records is at fault
	tooMuch           // fewer of the records may go through
	unclear           // one of the records may be at fault, or the remote
	down
)

// mark is a moment in the order of requests: the ticket of the last one that had begun. A failure of a record counts
// against it if a request that began after the mark of its previous failure has succeeded.
type mark uint64

// neverFailed is the mark of a record of which no failure is known here.
const neverFailed mark = math.MaxUint64

func (d *Delivery) now() mark               { return mark(d.tickets.Load()) }
func (d *Delivery) servedSince(m mark) bool { return mark(d.lastGood.Load()) > m }

// group is the items of one content: one row, whichever path it came from.
type group []Item

// record returns what is sent for the group: the newest.
func (g group) record() *Record { return &g[len(g)-1].Record }

// groupByKey sorts the items by the conflict key. Two rows with one key fail a whole upsert (SQLSTATE 21000), and two
// agents that write overlapping rows in one order cannot deadlock.
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

func ungroup(groups []group) (items []Item) {
	for _, g := range groups {
		items = append(items, g...)
	}
	return items
}

// dispatch sends those of the items that are still wanted. Failed is the mark of the last failure that may have been
// theirs. It returns the failure that opened the circuit, after which the rest waits in the queue.
func (d *Delivery) dispatch(ctx context.Context, items []Item, failed mark) error {
	wanted, err := d.ledger.Wanted(ctx, items)
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

// bisect delivers the groups with as few requests as show which of them are at fault, and says whether the remote
// took them all. With atFault, one of them is known to be at fault, and a request with them all would fail again. A
// single group is always tried, for what the remote says of it.
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

// halves delivers the groups before a place, then those behind it.
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

// attempt sends the groups in one request, and writes down what became of them unless they are to be bisected. The
// error is that of the request, nil if it succeeded.
func (d *Delivery) attempt(ctx context.Context, groups []group, failed mark) (outcome, error) {
	ticket, err := d.upsert(ctx, groups)
	alone := len(groups) == 1
	switch class := ClassOf(err); {
	case err == nil:
		d.succeeded(ticket)
		d.acknowledge(ctx, ungroup(groups))
		return delivered, nil
	case ctx.Err() != nil:
		return down, err // cut off by a stop: they stay an intent in the index
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
		d.wait(ctx, ungroup(groups), err) // before the circuit opens, so that the prober finds them
		d.openCircuit(ctx, err)
		return down, err
	}
}

// contentionTries is how often a request that another transaction got in the way of is tried before its records wait.
const contentionTries = 6

// upsert makes a request for the groups, and returns its ticket. It tries again while there is contention, which goes
// away by itself.
func (d *Delivery) upsert(ctx context.Context, groups []group) (ticket uint64, err error) {
	records := make([]Record, len(groups))
	for i, g := range groups {
		records[i] = *g.record()
	}
	for try := 1; ; try++ {
		ticket = d.tickets.Add(1)
		if err = d.remote.Upsert(ctx, records); err == nil {
			return ticket, nil
		}
		if ClassOf(err) != Contention || try == contentionTries {
			d.limit.learn(groups, err)
			return ticket, err
		}
		select {
		case <-time.After(rand.N(50*time.Millisecond<<try) + time.Millisecond):
		case <-ctx.Done():
			return ticket, err
		}
	}
}

// succeeded notes that the remote has taken the records of a request.
func (d *Delivery) succeeded(ticket uint64) {
	for last := d.lastGood.Load(); ticket > last && !d.lastGood.CompareAndSwap(last, ticket); last = d.lastGood.Load() {
	}
	d.breaker.succeeded()
}

func isAmbiguous(err error) bool {
	var re *RemoteError
	return errors.As(err, &re) && re.Ambiguous
}

func (d *Delivery) openCircuit(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // cut off by a stop, which says nothing of the remote
	}
	var re *RemoteError
	if !errors.As(err, &re) {
		re = &RemoteError{Class: Outage, Message: err.Error(), Err: err}
	}
	if re.Class != Outage && re.Class != Credentials && re.Class != Setup {
		outage := *re
		outage.Class, outage.Err = Outage, err
		re = &outage
	}
	d.breaker.failed(re)
}

func (d *Delivery) acknowledge(ctx context.Context, items []Item) {
	if err := d.ledger.Acknowledged(ctx, items); err != nil {
		d.ledgerFailed("cannot write down that records have arrived; they will be sent again", err, "records", len(items))
	}
	d.keepControl(items)
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
		d.ledgerFailed("cannot keep records in the offline queue; their files will be read again", err,
			"records", len(items))
	}
}

// ledgerFailed logs that something could not be written down. What is wrong with the whole database is logged by the
// one who opened it.
func (d *Delivery) ledgerFailed(message string, err error, args ...any) {
	if !sqlite.OfTheFile(err) {
		d.log.Error(message, append(args, "error", err)...)
	}
}

// perRoot returns one item of a group for each root: each root may keep the content in the queue.
func (g group) perRoot() []Item {
	byRoot := map[string]Item{}
	for _, it := range g {
		byRoot[it.Source.Root] = it
	}
	return slices.Collect(maps.Values(byRoot))
}

// refuse counts a refusal of a content.
func (d *Delivery) refuse(ctx context.Context, g group, cause error) {
	for _, it := range g.perRoot() {
		dead, err := d.ledger.Refused(ctx, it, cause)
		d.logRefusal(&it, dead, cause, err)
	}
}

// suspect writes down that a request with this content alone failed.
func (d *Delivery) suspect(ctx context.Context, g group, cause error, proven bool) outcome {
	result := refused
	for _, it := range g.perRoot() {
		blame, err := d.ledger.Suspect(ctx, it, cause, proven)
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
		d.ledgerFailed("cannot keep a refused record in the offline queue; its file will be read again", failed,
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

// isNewHint says whether a failure tells the operator what to do that no failure before has told.
func (d *Delivery) isNewHint(cause error) bool {
	var re *RemoteError
	if !errors.As(cause, &re) || re.Hint == "" {
		return false
	}
	_, known := d.warned.LoadOrStore(re.Hint, true)
	return !known
}
