package ingest

import (
	"errors"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// indexed is what the index says of a file when its examination begins.
type indexed struct {
	hashindex.Entry
	known bool
	held  bool // the delivery has the record of this content
}

// observation is what was found at a path. If err is set, the content was not read.
type observation struct {
	err     error
	stamp   hashindex.Stamp
	hash    string
	record  store.Record
	invalid error     // why the content makes no record
	readAt  time.Time // when reading began

	now    time.Time
	cost   time.Duration // what the examination took, but for waited
	waited time.Duration // for memory
}

var (
	// errGone says that there is no such file.
	errGone = errors.New("the file is gone")
	// errNothingNew says that there is nothing to read: the file is as the index has it, or it is no regular file.
	errNothingNew = errors.New("nothing new")
	// errTooLarge says that a file is larger than GFX_SYNC_MAX_FILE_SIZE.
	errTooLarge = errors.New("the file is larger than GFX_SYNC_MAX_FILE_SIZE allows")
)

// ErrNoSession says that a file cannot have a row where every row is of a session.
var ErrNoSession = errors.New("the file has no session ID, neither as ID in it nor as GameID= in its name, " +
	"and the table takes no row without one; save the session again in PokerGFX, or give the file its name back")

// change is what happened to a file since the index last had it.
type change uint8

const (
	unchanged change = iota
	added            // the index did not know it
	changed          // it has another content
	gone
)

// result is what the examination of a file came to.
type result struct {
	task   Task
	before hashindex.State  // what the index said
	entry  *hashindex.Entry // what the index is to say; nil: what it says already
	item   *store.Item      // what is to be delivered; nil: nothing
	// toQueue says that the item goes into the offline queue, where an older record of the file waits.
	toQueue bool

	again time.Duration // examine the file again after this; 0: the task is done
	rest  time.Duration // but no sooner than after this, whatever events come

	change change
	hashed bool  // the content was read and hashed
	bytes  int64 // of that content
	reason error // why the file is invalid, if that is news
	unsent bool  // the file is gone, and its content was never acknowledged
}

// concludes says whether the result rests on a file that could not be had, as all files of a lost share cannot.
func (res *result) concludes() bool {
	return res.entry != nil && (res.entry.State == hashindex.Gone || res.entry.State == hashindex.Invalid)
}

// rules are the settings by which decide decides.
type rules struct {
	settleLimit     time.Duration
	sessionRequired bool
}

// decide says what is to be done about a file, from what the index says of it and what was found. It is a pure
// function.
//
//	found                         the index says               result
//	---------------------------   --------------------------   ------------------------------------------------
//	nothing new                   anything                     nothing
//	no file                       nothing, or gone             nothing
//	no file                       anything else                gone
//	no content, or no record      anything                     again, with growing delays; at last invalid
//	a record, of the same hash    pending, and it is held      nothing, or the new size and time
//	a record, of the same hash    pending, and it is not held  pending, and delivery
//	a record, of the same hash    gone                         pending, and delivery
//	a record, of the same hash    queued, dead or synced       nothing, or the new size and time
//	a record, of another hash     queued                       queued behind the record that waits
//	a record, of another hash     anything else                pending, and delivery
func (d rules) decide(t Task, before *indexed, seen *observation) result {
	res := result{task: t, before: before.State}
	switch {
	case errors.Is(seen.err, errNothingNew):
		return res
	case errors.Is(seen.err, errGone):
		return fileGone(res, before, seen)
	case seen.err != nil:
		return d.unsettled(res, before, seen, seen.err)
	}
	res.hashed, res.bytes = true, seen.stamp.Size
	if before.hasContent(t, seen.hash) {
		return res.sameContent(before, seen)
	}
	if seen.invalid != nil {
		return d.unsettled(res, before, seen, seen.invalid)
	}
	if d.sessionRequired && seen.record.SessionID == nil {
		return d.unsettled(res, before, seen, ErrNoSession)
	}
	return res.deliver(before, seen)
}

// isCurrent says whether a file has the size and the time of the index, and that is enough: it need not be read.
func (before *indexed) isCurrent(t *Task, stamp hashindex.Stamp) bool {
	return before.known && !t.Rehash && !before.Racy && stamp == before.Stamp &&
		before.State != hashindex.Pending && before.State != hashindex.Gone
}

// hasContent says whether the index has this content of the file, and nothing is to be done about it.
func (before *indexed) hasContent(t Task, hash string) bool {
	return before.known && hash == before.Hash && !before.undelivered() &&
		!(t.Rehash && before.State == hashindex.Invalid)
}

// undelivered says whether the index has an intent that nobody is about to carry out, or a file that has come back.
func (before *indexed) undelivered() bool {
	return before.State == hashindex.Gone || before.State == hashindex.Pending && !before.held
}

func (before *indexed) present() bool { return before.known && before.State != hashindex.Gone }

// changeTo says what a file of this hash is to the index.
func (before *indexed) changeTo(hash string) change {
	switch {
	case !before.present():
		return added
	case hash != before.Hash:
		return changed
	default:
		return unchanged
	}
}

func fileGone(res result, before *indexed, seen *observation) result {
	if !before.present() {
		return res
	}
	e := before.Entry
	e.State, e.SeenAt = hashindex.Gone, seen.now
	res.entry, res.change, res.unsent = &e, gone, before.undelivered()
	return res
}

// sameContent has the index follow what is not the content.
func (res result) sameContent(before *indexed, seen *observation) result {
	e := entryOf(&res.task, before, seen, seen.readAt)
	e.State, e.Error, e.SyncedAt = before.State, before.Error, before.SyncedAt
	if e.Stamp != before.Stamp || e.Racy != before.Racy || (e.Session == nil) != (before.Session == nil) {
		res.entry = &e
	}
	return res
}

// deliver makes an intent. A record of the file that waits in the offline queue goes first.
func (res result) deliver(before *indexed, seen *observation) result {
	e := entryOf(&res.task, before, seen, seen.readAt)
	e.State = hashindex.Pending
	if res.toQueue = before.known && before.State == hashindex.Queued; res.toQueue {
		e.State = hashindex.Queued
	}
	res.entry, res.change = &e, before.changeTo(e.Hash)
	res.item = &store.Item{
		Source: e.ID, Record: seen.record, Lane: laneFor(before, e.Hash), At: res.task.At,
	}
	return res
}

// laneFor sends a file at once that the remote has no version of, and one whose content was to be there already.
func laneFor(before *indexed, hash string) store.Lane {
	if !before.present() || before.State == hashindex.Invalid || before.Hash == hash {
		return store.LaneCreated
	}
	return store.LaneModified
}

// entryOf is what the index is to say of a file that was hashed at a moment.
func entryOf(t *Task, before *indexed, seen *observation, hashedAt time.Time) hashindex.Entry {
	since := hashedAt
	switch {
	case before.Stamp == seen.stamp && !before.StampSeen.IsZero() && before.StampSeen.Before(hashedAt):
		since = before.StampSeen
	case t.settling.active && t.settling.stamp == seen.stamp:
		since = t.settling.since
	}
	return hashindex.Entry{
		ID: t.Key, Stamp: seen.stamp, StampSeen: since, Racy: hashindex.Racy(seen.stamp, since, hashedAt),
		SeenAt: hashedAt, Hash: seen.hash, Session: seen.record.SessionID, Hands: seen.record.HandCount,
	}
}
