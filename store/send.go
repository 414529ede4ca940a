package store

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// contentionTries is how often a request is tried if another transaction is in its way.
const contentionTries = 6

// upsert makes a request for the groups and returns its ticket. It tries again after a contention, which ends by
// itself.
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

// succeeded records that the remote has taken the records of a request.
func (d *Delivery) succeeded(ticket uint64) {
	for last := d.lastGood.Load(); ticket > last && !d.lastGood.CompareAndSwap(last, ticket); last = d.lastGood.Load() {
	}
	d.breaker.succeeded()
}

func (d *Delivery) openCircuit(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // a stop has cut off the request, which says nothing about the remote
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
	if err := d.outbox.Acknowledged(ctx, items); err != nil {
		d.outboxFailed("cannot write down that records have arrived; they will be sent again", err,
			"records", len(items))
	}
	d.keepControl(items)
	for i := range items {
		it := &items[i]
		d.log.LogAttrs(ctx, slog.LevelInfo, "synced", slog.String("path", it.Source.String()),
			slog.String("hash", it.Record.FileHash), slog.Int("bytes", len(it.Record.RawJSON)),
			slog.String("lane", it.Lane.String()),
			slog.Float64("ms", float64(time.Since(it.At).Microseconds())/1000))
	}
}

// wait puts items into the queue. The cause is nil if they were not tried.
func (d *Delivery) wait(ctx context.Context, items []Item, cause error) {
	if ctx.Err() != nil {
		return // a stop has cut off the request; the items stay intents in the index
	}
	if err := d.outbox.Waiting(ctx, items, cause); err != nil {
		d.outboxFailed("cannot keep records in the offline queue; their files will be read again", err,
			"records", len(items))
	}
}

// outboxFailed logs that something could not be written down. Whoever opened the database logs what is wrong with all
// of it.
func (d *Delivery) outboxFailed(message string, err error, args ...any) {
	if !sqlite.OfTheFile(err) {
		d.log.Error(message, append(args, "error", err)...)
	}
}
