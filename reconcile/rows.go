package reconcile

import (
	"context"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/diff"
	"github.com/gfxsync/gfxsync/reconcile/ingest"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// rows is what differs between tables by what one of their rows stands for: a content (rowsByHash), a content of one
// PC (rowsByPC), or a session (rowsBySession).
type rows interface {
	ingest.Rows

	// scopes returns all that Scope returns.
	scopes() []string
	// diff calls each with the differences between table and index, a part at a time. It writes nothing.
	diff(ctx context.Context, noDigest func(error), each func(difference) error) error
	// settle is called when the differences have been applied. It returns how many present files turned out to be
	// missing in the table.
	settle(ctx context.Context, v state.View) (missing int64, err error)

	// wanted is store.Outbox.Wanted.
	wanted(ctx context.Context, items []store.Item) ([]store.Item, error)
	// acknowledge writes down that the table has a record.
	acknowledge(ctx context.Context, v state.View, it *store.Item, now time.Time) error
	// dead is called in the transaction that has made the record a dead letter.
	dead(ctx context.Context, v state.View, it *store.Item, now time.Time) error
	// isRow says whether a record is the row that it made.
	isRow(ctx context.Context, it *store.Item) (bool, error)
	// has says whether the table has a content, or, by now, a better version of its session.
	has(ctx context.Context, root, hash string, session *int64) (bool, error)
}

// difference is a part of what differs between table and index.
type difference interface {
	// apply has the index say what the table has. It returns how many present files are missing in the table.
	apply(ctx context.Context, v state.View) (missing int64, err error)
	// report adds the difference to the report of a survey.
	report(ctx context.Context, s *Survey) error
}

func newRows(cfg *Config, s *state.State) rows {
	switch cfg.Delivery.Conflict {
	case store.BySession:
		return rowsBySession{cfg, s}
	case store.ByPCAndHash:
		return rowsByPC{rowsByHash{cfg, s}}
	default:
		return rowsByHash{cfg, s}
	}
}

// rowsByHash is a table with one row for each content.
type rowsByHash struct {
	cfg   *Config
	state *state.State
}

// Scope implements ingest.Rows.
func (rowsByHash) Scope(string) string { return "" }

// Written implements ingest.Rows.
func (rowsByHash) Written(context.Context, state.View, ...*int64) error { return nil }

func (rowsByHash) scopes() []string { return []string{""} }

func (t rowsByHash) diff(ctx context.Context, noDigest func(error), each func(difference) error) error {
	return t.diffIn(ctx, "", noDigest, each)
}

func (t rowsByHash) diffIn(ctx context.Context, scope string, noDigest func(error),
	each func(difference) error,
) error {
	d := diff.Hashes{Index: t.state.In(scope).Index, Table: t.cfg.table(scope), NoDigest: noDigest}
	return d.Run(ctx, func(part diff.HashDifference) error { return each(hashDifference{scope, part}) })
}

func (rowsByHash) settle(context.Context, state.View) (int64, error) { return 0, nil }

func (rowsByHash) wanted(_ context.Context, items []store.Item) ([]store.Item, error) {
	return items, nil
}

func (t rowsByHash) acknowledge(ctx context.Context, v state.View, it *store.Item, now time.Time) error {
	return acknowledgeHash(ctx, v, it, now)
}

func acknowledgeHash(ctx context.Context, v state.View, it *store.Item, now time.Time) error {
	if err := v.Index.Acknowledge(ctx, it.Source, it.Record.FileHash, now); err != nil {
		return err
	}
	return v.Queue.Done(ctx, it.Record.FileHash)
}

func (rowsByHash) dead(context.Context, state.View, *store.Item, time.Time) error { return nil }

func (t rowsByHash) isRow(ctx context.Context, it *store.Item) (bool, error) {
	return t.state.Index.Acknowledged(ctx, it.Record.FileHash)
}

func (t rowsByHash) has(ctx context.Context, _, hash string, _ *int64) (bool, error) {
	return hasHash(ctx, t.cfg.table(""), hash)
}

func hasHash(ctx context.Context, table store.Table, hash string) (bool, error) {
	have, err := table.Has(ctx, []string{hash})
	return len(have) == 1, err
}

// rowsByPC is a table with one row for each content of each PC. Each root is a PC, and is compared by itself.
type rowsByPC struct{ rowsByHash }

// Scope implements ingest.Rows.
func (rowsByPC) Scope(root string) string { return root }

func (t rowsByPC) scopes() []string { return t.cfg.labels() }

func (t rowsByPC) diff(ctx context.Context, noDigest func(error), each func(difference) error) error {
	for _, scope := range t.scopes() {
		if err := t.diffIn(ctx, scope, noDigest, each); err != nil {
			return err
		}
	}
	return nil
}

func (t rowsByPC) acknowledge(ctx context.Context, v state.View, it *store.Item, now time.Time) error {
	return acknowledgeHash(ctx, v.In(it.Source.Root), it, now)
}

func (t rowsByPC) isRow(ctx context.Context, it *store.Item) (bool, error) {
	return t.state.In(it.Source.Root).Index.Acknowledged(ctx, it.Record.FileHash)
}

func (t rowsByPC) has(ctx context.Context, root, hash string, _ *int64) (bool, error) {
	return hasHash(ctx, t.cfg.table(root), hash)
}

// hashDifference is a difference by hash.
type hashDifference struct {
	scope string
	diff.HashDifference
}

func (d hashDifference) apply(ctx context.Context, v state.View) (missing int64, err error) {
	v = v.In(d.scope)
	for _, h := range d.Lost {
		_, present, err := v.Index.WithHash(ctx, h)
		if err != nil {
			return missing, err
		}
		if present {
			missing++
		}
		if err := v.Index.RemoteLost(ctx, h); err != nil {
			return missing, err
		}
	}
	now := time.Now()
	for _, h := range d.Found {
		if err := v.Index.RemoteFound(ctx, h, now); err != nil {
			return missing, err
		}
		if err := v.Queue.Done(ctx, h); err != nil {
			return missing, err
		}
	}
	return missing, nil
}

// report counts rows that are of nothing the index has ever had. Those that it knows are counted with the index.
func (d hashDifference) report(ctx context.Context, s *Survey) error {
	index := s.State.In(d.scope).Index
	for _, h := range d.Lost {
		if err := s.missingHash(ctx, index, h); err != nil {
			return err
		}
	}
	for _, h := range d.Found {
		known, err := index.Acknowledged(ctx, h)
		if err != nil {
			return err
		}
		if _, present, err := index.WithHash(ctx, h); err != nil {
			return err
		} else if !known && !present {
			s.report.RemoteOnly++
		}
	}
	return nil
}
