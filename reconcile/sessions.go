package reconcile

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// What is particular to a remote with one row for each session. Of all files of a session, that with the most hands, then the newest,
// is to be the row; the others are superseded. Which one that is depends on nothing but what is known of files, queue and remote, so
// that nothing flips back and forth whatever order things come in.

// lead settles which version of the sessions is the best, after a file of theirs was written to the index.
func (in *intake) lead(ctx context.Context, v state.View, sessions ...*int64) error {
	if !in.cfg.bySession() {
		return nil
	}
	for _, s := range sessions {
		if s == nil {
			continue
		}
		if _, err := v.Index.Lead(ctx, s, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func version(r *store.Record) hashindex.Version {
	return hashindex.Version{Session: *r.SessionID, Hash: r.FileHash, Hands: r.HandCount, ModTime: r.ModTime}
}

// Wanted implements store.Ledger: of each session, the best version that is known.
func (l *ledger) Wanted(ctx context.Context, items []store.Item) ([]store.Item, error) {
	if !l.cfg.bySession() {
		return items, nil
	}
	if err := l.askRows(ctx, items); err != nil {
		return nil, err
	}
	var wanted []store.Item
	var history []int64
	for i := range items {
		if items[i].Record.SessionID == nil {
			// It is of a time when that was no obstacle: a new file without one is invalid.
			if err := l.bury(ctx, items[i].Place.ID, errNoSession); err != nil {
				return nil, err
			}
			continue
		}
		standing, err := l.state.Standing(ctx, version(&items[i].Record))
		if err != nil {
			return nil, err
		}
		switch standing {
		case state.Best:
			wanted = append(wanted, items[i])
		case state.History:
			history = append(history, *items[i].Record.SessionID)
		}
	}
	if len(history) == 0 {
		return wanted, nil
	}
	return wanted, l.state.UpdateWithoutSync(ctx, func(v state.View) error {
		for _, s := range history {
			if err := settleSession(ctx, v, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowsStep is how many sessions' rows are asked for by one request, whose URL holds them.
const rowsStep = 100

// askRows brings what is known of the sessions' rows up to date: another agent may have put a better version there, which is not to
// be replaced.
func (l *ledger) askRows(ctx context.Context, items []store.Item) error {
	var sessions []int64
	for i := range items {
		if id := items[i].Record.SessionID; id != nil && !slices.Contains(sessions, *id) {
			sessions = append(sessions, *id)
		}
	}
	for step := range slices.Chunk(sessions, rowsStep) {
		rows, err := l.cfg.Remote.(store.SessionTable).RowsOf(ctx, step)
		if err != nil {
			return err
		}
		found, err := l.cfg.versions(ctx, l.state.View, rows)
		if err != nil {
			return err
		}
		take := func(v state.View) error { return l.takeRows(ctx, v, step, found) }
		if err := l.state.UpdateWithoutSync(ctx, take); err != nil {
			return err
		}
	}
	return nil
}

// isTheRow says whether the row of the record's session holds the record.
func (l *ledger) isTheRow(ctx context.Context, it *store.Item) (bool, error) {
	if it.Record.SessionID == nil {
		return false, nil
	}
	rows, err := l.cfg.Remote.(store.SessionTable).RowsOf(ctx, []int64{*it.Record.SessionID})
	return len(rows) == 1 && rows[0].FileHash == it.Record.FileHash, err
}

// takeRows writes down what rows some sessions have, if it is not what was known.
func (l *ledger) takeRows(
	ctx context.Context, v state.View, sessions []int64, found map[int64]hashindex.Version,
) error {
	for _, session := range sessions {
		known, err := v.Index.RemoteVersions(ctx, session-1, session, math.MaxInt64, 1)
		if err != nil {
			return err
		}
		row, there := found[session]
		switch {
		case there && (len(known) == 0 || known[0].Hash != row.Hash):
			err = v.Index.RemoteVersion(ctx, row)
		case !there && len(known) > 0:
			err = v.Index.ForgetVersion(ctx, session)
		default:
			continue
		}
		if err == nil {
			_, err = v.Index.Lead(ctx, &session, time.Now())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func settleSession(ctx context.Context, v state.View, session int64) error {
	if err := v.WriteOff(ctx, session); err != nil {
		return err
	}
	_, err := v.Index.Lead(ctx, &session, time.Now())
	return err
}

// acknowledgeVersion writes down that a session's row is now this record.
func acknowledgeVersion(ctx context.Context, v state.View, it *store.Item) error {
	ver := version(&it.Record)
	if err := v.Index.AcknowledgeVersion(ctx, hashindex.Key(it.Source), ver); err != nil {
		return err
	}
	return settleSession(ctx, v, ver.Session)
}

// sessionDiff compares the rows of a remote that has one for each session with those that the index takes it to have.
type sessionDiff struct {
	cfg  *Config
	view state.View
	// each is given the sessions above after and not above last: the versions that the remote has, and those that it was known to have
	// at the mark.
	each func(ctx context.Context, part sessionPart) error
}

type sessionPart struct {
	after, last, mark int64
	found, known      map[int64]hashindex.Version
}

func (d *sessionDiff) run(ctx context.Context) error {
	mark, err := d.view.Index.RemoteMark(ctx)
	if err != nil {
		return err
	}
	for after, first := int64(math.MinInt64), true; ; first = false {
		rows, err := d.cfg.Remote.(store.SessionTable).Sessions(ctx, after, hashPage)
		if err != nil {
			return err
		}
		if err := advances(after, first, rows); err != nil {
			return err
		}
		last := int64(math.MaxInt64)
		if len(rows) > 0 {
			last = rows[len(rows)-1].Session
		}
		if err := d.compare(ctx, rows, sessionPart{after: after, last: last, mark: mark}); err != nil || len(rows) == 0 {
			return err
		}
		after = last
	}
}

// compare goes through what is known in the range of a page of rows, which may be much more than a page.
func (d *sessionDiff) compare(ctx context.Context, rows []store.SessionRow, page sessionPart) error {
	for part, more := page, true; more; part.after = part.last {
		known, err := d.view.Index.RemoteVersions(ctx, part.after, page.last, page.mark, hashPage)
		if err != nil {
			return err
		}
		part.last, part.known = page.last, map[int64]hashindex.Version{}
		if more = len(known) == hashPage; more {
			part.last = known[len(known)-1].Session
		}
		for _, v := range known {
			part.known[v.Session] = v
		}
		within, _ := slices.BinarySearchFunc(rows, part.last, func(row store.SessionRow, last int64) int {
			return cmp.Or(cmp.Compare(row.Session, last), -1) // the last is within
		})
		if part.found, err = d.cfg.versions(ctx, d.view, rows[:within]); err != nil {
			return err
		}
		for session, v := range part.found {
			if known, ok := part.known[session]; ok && known.Hash == v.Hash {
				part.found[session] = known
			}
		}
		rows = rows[within:]
		if err := d.each(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// versions says how good the versions of rows are. Content that is known, as a row or by the index or the queue, tells
// that itself; of any other the remote counts the hands.
func (c *Config) versions(
	ctx context.Context, v state.View, rows []store.SessionRow,
) (map[int64]hashindex.Version, error) {
	found := map[int64]hashindex.Version{}
	var strange []store.SessionRow
	for _, row := range rows {
		ver, known, err := knownVersion(ctx, v, row)
		if err != nil {
			return nil, err
		}
		if found[row.Session] = ver; !known {
			strange = append(strange, row)
		}
	}
	if len(strange) == 0 {
		return found, nil
	}
	hands, err := c.Remote.(store.SessionTable).HandsOf(ctx, strange)
	if err != nil {
		return nil, err
	}
	for i, row := range strange {
		found[row.Session] = c.rank(row, hands[i])
	}
	return found, nil
}

func knownVersion(ctx context.Context, v state.View, row store.SessionRow) (hashindex.Version, bool, error) {
	ver := hashindex.Version{Session: row.Session, Hash: row.FileHash}
	before, err := v.Index.RemoteVersions(ctx, row.Session-1, row.Session, math.MaxInt64, 1)
	if err != nil {
		return ver, false, err
	}
	if len(before) == 1 && before[0].Hash == row.FileHash {
		return before[0], true, nil
	}
	hands, modTime, known, err := v.Content(ctx, row.FileHash)
	ver.Hands, ver.ModTime = hands, max(modTime, row.ModTime)
	return ver, known, err
}

// rank says how good the version of a row is that is not known. Where the table does not tell when its file was
// written, ours is the better one of equally many hands, but not than another PC's, or two agents would replace each
// other's row for ever.
func (c *Config) rank(row store.SessionRow, hands int) hashindex.Version {
	v := hashindex.Version{Session: row.Session, Hash: row.FileHash, Hands: hands, ModTime: row.ModTime}
	if row.ModTime == 0 && !c.isOurs(row.PCID) {
		v.ModTime = math.MaxInt64
	}
	return v
}

// compareSessions asks the remote which versions it has, and writes down what it says.
func (a *Agent) compareSessions(ctx context.Context, r *Report) error {
	d := sessionDiff{cfg: &a.cfg, view: a.state.View, each: func(ctx context.Context, part sessionPart) error {
		return a.state.Update(ctx, func(v state.View) error { return writeVersions(ctx, v, part) })
	}}
	if err := d.run(ctx); err != nil {
		return err
	}
	return a.state.Update(ctx, func(v state.View) error {
		lost, err := v.Index.Lead(ctx, nil, time.Now())
		r.RemoteMissing += lost
		return err
	})
}

func writeVersions(ctx context.Context, v state.View, part sessionPart) error {
	for session := range part.known {
		if _, there := part.found[session]; there {
			continue
		}
		if changed, err := v.Index.ChangedSince(ctx, session, part.mark); err != nil {
			return err
		} else if changed {
			continue
		}
		if err := v.Index.ForgetVersion(ctx, session); err != nil {
			return err
		}
	}
	for session, found := range part.found {
		if part.known[session] == found {
			continue
		}
		// What was acknowledged while the page was read is newer than the page.
		if changed, err := v.Index.ChangedSince(ctx, session, part.mark); err != nil {
			return err
		} else if changed {
			continue
		}
		if err := v.Index.RemoteVersion(ctx, found); err != nil {
			return err
		}
	}
	return nil
}
