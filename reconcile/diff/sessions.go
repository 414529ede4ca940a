package diff

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// VersionIndex is which version of each session the index takes a table to have. hashindex.Index is one.
type VersionIndex interface {
	RemoteMark(ctx context.Context) (int64, error)
	RemoteVersions(ctx context.Context, after, upto, mark int64, limit int) ([]hashindex.Version, error)
}

// Contents knows what a content tells of the version that it is. state.View is one.
type Contents interface {
	VersionOf(ctx context.Context, hash string) (hands int, modTime int64, known bool, err error)
}

// SessionTable is a table with one row for each session. store.SessionTable is one.
type SessionTable interface {
	Sessions(ctx context.Context, after int64, limit int) ([]store.SessionRow, error)
	CountHands(ctx context.Context, rows []store.SessionRow) ([]int, error)
}

// Sessions compares the rows of a table that has one for each session with those that the index takes it to have.
type Sessions struct {
	Index    VersionIndex
	Contents Contents
	Table    SessionTable
	// IsOurs says whether a row of this gfx_pc_id may be of a file of this agent.
	IsOurs func(pcID string) bool
}

// SessionDifference is what table and index say of the sessions above After and not above Last.
type SessionDifference struct {
	After, Last int64
	// Mark is the moment at which the index was read: what was acknowledged since is newer than Found.
	Mark         int64
	Found, Known map[int64]hashindex.Version // by session: what the table has, and what the index takes it to have
}

// Run calls each for a range of sessions at a time, in order. It fails with ErrNoAdvance, the errors of the table, or
// that of each.
func (d *Sessions) Run(ctx context.Context, each func(SessionDifference) error) error {
	mark, err := d.Index.RemoteMark(ctx)
	if err != nil {
		return err
	}
	for after, first := int64(math.MinInt64), true; ; first = false {
		rows, err := d.Table.Sessions(ctx, after, Page)
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
		part := SessionDifference{After: after, Last: last, Mark: mark}
		if err := d.compare(ctx, rows, part, each); err != nil || len(rows) == 0 {
			return err
		}
		after = last
	}
}

// compare goes through what the index knows in the range of a page of rows. That may be much more than a page.
func (d *Sessions) compare(ctx context.Context, rows []store.SessionRow, page SessionDifference,
	each func(SessionDifference) error,
) error {
	for part, more := page, true; more; part.After = part.Last {
		known, err := d.Index.RemoteVersions(ctx, part.After, page.Last, page.Mark, Page)
		if err != nil {
			return err
		}
		part.Last, part.Known = page.Last, map[int64]hashindex.Version{}
		if more = len(known) == Page; more {
			part.Last = known[len(known)-1].Session
		}
		for _, v := range known {
			part.Known[v.Session] = v
		}
		within, _ := slices.BinarySearchFunc(rows, part.Last, func(row store.SessionRow, last int64) int {
			return cmp.Or(cmp.Compare(row.Session, last), -1) // the last is within
		})
		if part.Found, err = d.Versions(ctx, rows[:within]); err != nil {
			return err
		}
		for session, v := range part.Found {
			if known, ok := part.Known[session]; ok && known.Hash == v.Hash {
				part.Found[session] = known
			}
		}
		rows = rows[within:]
		if err := each(part); err != nil {
			return err
		}
	}
	return nil
}

// Versions says how good the versions of rows are, by session. A content that index or queue know tells that itself.
// The table counts the hands of any other.
func (d *Sessions) Versions(ctx context.Context, rows []store.SessionRow) (map[int64]hashindex.Version, error) {
	found := map[int64]hashindex.Version{}
	var strange []store.SessionRow
	for _, row := range rows {
		version, known, err := d.known(ctx, row)
		if err != nil {
			return nil, err
		}
		if found[row.Session] = version; !known {
			strange = append(strange, row)
		}
	}
	if len(strange) == 0 {
		return found, nil
	}
	hands, err := d.Table.CountHands(ctx, strange)
	if err != nil {
		return nil, err
	}
	for i, row := range strange {
		found[row.Session] = d.rank(row, hands[i])
	}
	return found, nil
}

// known returns the version of a row if its content is known.
func (d *Sessions) known(ctx context.Context, row store.SessionRow) (hashindex.Version, bool, error) {
	version := hashindex.Version{Session: row.Session, Hash: row.FileHash}
	before, err := d.Index.RemoteVersions(ctx, row.Session-1, row.Session, math.MaxInt64, 1)
	if err != nil {
		return version, false, err
	}
	if len(before) == 1 && before[0].Hash == row.FileHash {
		return before[0], true, nil
	}
	hands, modTime, known, err := d.Contents.VersionOf(ctx, row.FileHash)
	version.Hands, version.ModTime = hands, max(modTime, row.ModTime)
	return version, known, err
}

// rank says how good the version of a row is whose content is not known. A table may not tell when the file of a row
// was written. Then ours is better than a row with as many hands, but not if that is another PC's: two agents would
// replace each other's row for ever.
func (d *Sessions) rank(row store.SessionRow, hands int) hashindex.Version {
	v := hashindex.Version{Session: row.Session, Hash: row.FileHash, Hands: hands, ModTime: row.ModTime}
	if row.ModTime == 0 && !d.IsOurs(row.PCID) {
		v.ModTime = math.MaxInt64
	}
	return v
}
