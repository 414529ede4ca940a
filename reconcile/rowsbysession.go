package reconcile

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/diff"
	"github.com/gfxsync/gfxsync/reconcile/ingest"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// rowsBySession is a table with one row for each session. Of all files of a session, the winner is to be the row: the
// one with the most hands, then the newest. The others are superseded. Which one wins depends only on what is known of
// files, queue and table, so that nothing flips back and forth whatever order things come in.
type rowsBySession struct {
	cfg   *Config
	state *state.State
}

// Scope implements ingest.Rows.
func (rowsBySession) Scope(string) string { return "" }

// Written implements ingest.Rows. It finds the winner anew after a file of a session was written to the index.
func (rowsBySession) Written(ctx context.Context, v state.View, sessions ...*int64) error {
	for _, s := range sessions {
		if s == nil {
			continue
		}
		if _, err := v.Index.DecideWinner(ctx, s, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

func (rowsBySession) scopes() []string { return []string{""} }

func (t rowsBySession) table() store.SessionTable { return t.cfg.Remote.(store.SessionTable) }

func (t rowsBySession) sessions() *diff.Sessions {
	return &diff.Sessions{Index: t.state.Index, Contents: t.state.View, Table: t.table(), IsOurs: t.cfg.isOurs}
}

func (t rowsBySession) diff(ctx context.Context, _ func(error), each func(difference) error) error {
	return t.sessions().Run(ctx, func(part diff.SessionDifference) error { return each(sessionDifference(part)) })
}

func (rowsBySession) settle(ctx context.Context, v state.View) (missing int64, err error) {
	return v.Index.DecideWinner(ctx, nil, time.Now())
}

// wanted returns, of each session, the winner.
func (t rowsBySession) wanted(ctx context.Context, items []store.Item) ([]store.Item, error) {
	if err := t.askRows(ctx, items); err != nil {
		return nil, err
	}
	var wanted []store.Item
	var history []int64
	for i := range items {
		if items[i].Record.SessionID == nil {
			// It was queued when the table took such records. A new file without a session is invalid.
			if err := neverDeliverable(ctx, t.state, items[i].Place.ID, ingest.ErrNoSession); err != nil {
				return nil, err
			}
			continue
		}
		standing, err := t.state.CompareVersion(ctx, version(&items[i].Record))
		if err != nil {
			return nil, err
		}
		switch standing {
		case state.Winner:
			wanted = append(wanted, items[i])
		case state.Obsolete:
			history = append(history, *items[i].Record.SessionID)
		}
	}
	if len(history) == 0 {
		return wanted, nil
	}
	return wanted, t.state.UpdateWithoutSync(ctx, func(v state.View) error {
		for _, s := range history {
			if err := settleSession(ctx, v, s); err != nil {
				return err
			}
		}
		return nil
	})
}

func version(r *store.Record) hashindex.Version {
	return hashindex.Version{Session: *r.SessionID, Hash: r.FileHash, Hands: r.HandCount, ModTime: r.ModTime}
}

// rowsStep is how many sessions' rows are asked for by one request, whose URL holds them.
const rowsStep = 100

// askRows brings what is known of the sessions' rows up to date. Another agent may have put a better version there,
// which is not to be replaced.
func (t rowsBySession) askRows(ctx context.Context, items []store.Item) error {
	var sessions []int64
	for i := range items {
		if id := items[i].Record.SessionID; id != nil && !slices.Contains(sessions, *id) {
			sessions = append(sessions, *id)
		}
	}
	for step := range slices.Chunk(sessions, rowsStep) {
		rows, err := t.table().SessionRows(ctx, step)
		if err != nil {
			return err
		}
		found, err := t.sessions().Versions(ctx, rows)
		if err != nil {
			return err
		}
		take := func(v state.View) error { return takeRows(ctx, v, step, found) }
		if err := t.state.UpdateWithoutSync(ctx, take); err != nil {
			return err
		}
	}
	return nil
}

// takeRows writes down what rows some sessions have, if it is not what was known.
func takeRows(ctx context.Context, v state.View, sessions []int64, found map[int64]hashindex.Version) error {
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
			_, err = v.Index.DecideWinner(ctx, &session, time.Now())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func settleSession(ctx context.Context, v state.View, session int64) error {
	if err := v.DropObsolete(ctx, session); err != nil {
		return err
	}
	_, err := v.Index.DecideWinner(ctx, &session, time.Now())
	return err
}

func (rowsBySession) acknowledge(ctx context.Context, v state.View, it *store.Item, _ time.Time) error {
	won := version(&it.Record)
	if err := v.Index.AcknowledgeVersion(ctx, it.Source, won); err != nil {
		return err
	}
	return settleSession(ctx, v, won.Session)
}

// dead has the next best version be the row.
func (rowsBySession) dead(ctx context.Context, v state.View, it *store.Item, now time.Time) error {
	_, err := v.Index.DecideWinner(ctx, it.Record.SessionID, now)
	return err
}

func (t rowsBySession) isRow(ctx context.Context, it *store.Item) (bool, error) {
	if it.Record.SessionID == nil {
		return false, nil
	}
	rows, err := t.table().SessionRows(ctx, []int64{*it.Record.SessionID})
	return len(rows) == 1 && rows[0].FileHash == it.Record.FileHash, err
}

func (t rowsBySession) has(ctx context.Context, _, hash string, session *int64) (bool, error) {
	if session != nil {
		best, _, _, err := t.state.Index.BestVersion(ctx, *session)
		if err != nil {
			return false, err
		}
		hash = best.Hash
	}
	return hasHash(ctx, t.cfg.table(""), hash)
}

// sessionDifference is a difference by session.
type sessionDifference diff.SessionDifference

func (d sessionDifference) apply(ctx context.Context, v state.View) (missing int64, err error) {
	for session := range d.Known {
		if _, there := d.Found[session]; there {
			continue
		}
		if changed, err := v.Index.ChangedSince(ctx, session, d.Mark); err != nil {
			return 0, err
		} else if changed {
			continue
		}
		if err := v.Index.ForgetVersion(ctx, session); err != nil {
			return 0, err
		}
	}
	for session, found := range d.Found {
		if d.Known[session] == found {
			continue
		}
		// What was acknowledged while the page was read is newer than the page.
		if changed, err := v.Index.ChangedSince(ctx, session, d.Mark); err != nil {
			return 0, err
		} else if changed {
			continue
		}
		if err := v.Index.RemoteVersion(ctx, found); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// report names the sessions whose winner in the folder is better than the row.
func (d sessionDifference) report(ctx context.Context, s *Survey) error {
	for session := range d.Found {
		if _, _, ours, err := s.State.Index.BestVersion(ctx, session); err != nil {
			return err
		} else if !ours {
			s.report.RemoteOnly++
		}
	}
	for after := d.After; ; {
		sessions, err := s.State.Index.Sessions(ctx, after, d.Last, diff.Page)
		if err != nil || len(sessions) == 0 {
			return err
		}
		for _, session := range sessions {
			row, there := d.Found[session]
			if err := s.missingVersion(ctx, session, row, there); err != nil {
				return err
			}
		}
		after = sessions[len(sessions)-1]
	}
}
