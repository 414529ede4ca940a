package reconcile

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

const (
	// firstLookAgain is when a file that was not complete is looked at again. A file that is created, written and
	// closed is seen empty by the first look, and is complete a fraction of a millisecond later.
	firstLookAgain = time.Millisecond
	lastLookAgain  = 500 * time.Millisecond
	// restFactor bounds how much of the time a file that grows slowly is being read, whatever events come: one part in
	// five.
	restFactor = 4
	// longAgo is how old a change must be, by the clock of whoever keeps the file, for nobody to be writing the file
	// still. It is more than clocks differ, and far more than SettleLimit.
	longAgo = time.Hour
)

// errTooLarge says that a file is larger than GFX_SYNC_MAX_FILE_SIZE.
var errTooLarge = errors.New("the file is larger than GFX_SYNC_MAX_FILE_SIZE allows")

// errNoSession says that a file cannot have a row where every row is of a session.
var errNoSession = errors.New("the file has no session ID, neither as ID in it nor as GameID= in its name, " +
	"and the table takes no row without one; save the session again in PokerGFX, or give the file its name back")

// errUnreadable says that a file is there, and cannot be had.
var errUnreadable = errors.New("unreadable")

func unreadable(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) && at.Op == "open" && errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: give the account that gfxsync runs under the right to read it", err)
	}
	return fmt.Errorf("%w: %w", errUnreadable, err)
}

// unsettled is the finding for a file that cannot be made into a record as it is now: half written, perhaps. It is
// looked at again on a growing delay, or with the next event. When it has stayed the same for the settle limit, or was
// changed long ago, it is invalid. A file that its writer keeps others from reading has the whole settle limit.
func (in *intake) unsettled(l look, old hashindex.Entry, stamp hashindex.Stamp, reason error) finding {
	now := time.Now()
	if old.State == hashindex.Invalid && old.Stamp == stamp && now.Sub(old.StampSeen) >= in.cfg.SettleLimit {
		return in.invalid(l, old, stamp, now, reason) // it has had its time before
	}
	if s := &l.settling; !s.active || s.stamp != stamp {
		*s = settling{stamp: stamp, since: now, active: true}
	}
	locked := errors.Is(reason, hashindex.ErrChanging)
	settled := now.Sub(l.settling.since) >= in.cfg.SettleLimit
	if changed := time.Unix(0, stamp.ModTime); !locked && stamp != (hashindex.Stamp{}) {
		settled = settled || now.Sub(changed) >= max(longAgo, in.cfg.SettleLimit)
	}
	if !settled {
		rest := min(restFactor*now.Sub(l.began), lastLookAgain)
		after := min(firstLookAgain<<min(l.settling.tries, 10), lastLookAgain)
		l.settling.tries++
		return finding{look: l, rest: rest, after: max(rest, after)}
	}
	return in.invalid(l, old, stamp, now, reason)
}

func (in *intake) invalid(l look, old hashindex.Entry, stamp hashindex.Stamp, now time.Time, reason error) finding {
	e := in.newEntry(l, stamp, old, now)
	e.State, e.Error = hashindex.Invalid, store.OneLine(reason.Error())
	err := reason
	if !errors.Is(reason, errUnreadable) {
		e.Hash, err = in.cfg.root(l.key.Root).Hash(l.key.Path, in.cfg.Hash)
	}
	if err != nil {
		// Whether a file may be read shows in no stamp: the next scan looks again.
		e.Racy, e.Hash = true, ""
	}
	if !in.rootStands(l.key.Root) {
		return finding{look: l} // the next scan finds it again
	}
	f := finding{look: l, entry: &e, hashed: e.Hash != "", bytes: stamp.Size}
	if e.Hash != old.Hash || e.Error != old.Error {
		f.change = in.change(&e, &old, !old.SeenAt.IsZero())
		in.log.Warn("a file cannot be synced", "path", name(l.key), "bytes", stamp.Size, "error", reason)
	}
	return f
}
