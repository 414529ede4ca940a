package ingest

import (
	"errors"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
)

const (
	// firstDelay is when a file that was not complete is examined again. A file that is created, written and closed is
	// found empty at first, and is complete a fraction of a millisecond later.
	firstDelay = time.Millisecond
	lastDelay  = 500 * time.Millisecond
	// restFactor bounds how much of the time a file that grows slowly is being read, whatever events come: one part in
	// five.
	restFactor = 4
	// longAgo is how old a change must be, by the clock of the file server, for nobody to be writing the file still. It
	// is more than clocks differ, and far more than SettleLimit.
	longAgo = time.Hour
)

// settling is what is known of a file that was not complete when it was last examined.
type settling struct {
	active bool
	stamp  hashindex.Stamp
	since  time.Time // when that stamp was first seen
	tries  int       // with that stamp
}

// unsettled is the result for a file that makes no record as it is now: half written, perhaps. It is examined again
// after a growing delay, or at the next event. When it has stayed the same for the settle limit, or was changed long
// ago, it is invalid. A file that its writer keeps others from reading always has the whole settle limit.
func (d rules) unsettled(res result, before *indexed, seen *observation, reason error) result {
	res.hashed, res.bytes = false, 0
	if before.State == hashindex.Invalid && before.Stamp == seen.stamp &&
		seen.now.Sub(before.StampSeen) >= d.settleLimit {
		return res.invalid(before, seen, reason) // it has had its time before
	}
	s := &res.task.settling
	if !s.active || s.stamp != seen.stamp {
		*s = settling{stamp: seen.stamp, since: seen.now, active: true}
	}
	settled := seen.now.Sub(s.since) >= d.settleLimit
	if locked := errors.Is(reason, hashindex.ErrChanging); !locked && seen.stamp != (hashindex.Stamp{}) {
		age := seen.now.Sub(time.Unix(0, seen.stamp.ModTime))
		settled = settled || age >= max(longAgo, d.settleLimit)
	}
	if settled {
		return res.invalid(before, seen, reason)
	}
	res.rest = min(restFactor*seen.cost, lastDelay)
	res.again = max(res.rest, min(firstDelay<<min(s.tries, 10), lastDelay))
	s.tries++
	return res
}

// invalid says that a file makes no record. Whether a file can be read shows neither in its size nor in its time: what
// could not be read is racy, so that the next scan tries again.
func (res result) invalid(before *indexed, seen *observation, reason error) result {
	hashedAt := seen.now
	if seen.hash != "" {
		hashedAt = seen.readAt
	}
	e := entryOf(&res.task, before, seen, hashedAt)
	e.State, e.Error, e.Session, e.Hands = hashindex.Invalid, fileid.OneLine(reason.Error()), nil, 0
	e.Racy = e.Racy || e.Hash == ""
	res.entry, res.hashed, res.bytes = &e, e.Hash != "", seen.stamp.Size
	if e.Hash != before.Hash || e.Error != before.Error {
		res.change, res.reason = before.changeTo(e.Hash), reason
	}
	return res
}
