package reconcile

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gfxsync/gfxsync/hashindex"
)

// rehashPage is how many entries of the index are held at a time.
const rehashPage = 1000

// rehashRoots hashes the files that the walks of a full pass have found to be as the index has them. It begins when the
// files that they have found to differ were read. A scan does not wait for it, since no walk is under way. A root whose
// file system hangs is reported.
func (a *Agent) rehashRoots(ctx context.Context, r *Report, roots []hashindex.Root, p *passProgress) {
	a.waitIdle(ctx, a.intakeIdle)
	for root, rehashed := range inTurns(ctx, roots, a.hashing, func(root hashindex.Root) (struct{}, error) {
		return struct{}{}, a.rehash(ctx, root, r.At, p)
	}) {
		r.cut(root, rehashed.err)
	}
}

// rehash hashes the files of a root that were not read since a moment, a few at a time, so that the file server stays
// usable. Those whose hash is not the index's are looked at.
func (a *Agent) rehash(ctx context.Context, root hashindex.Root, since time.Time, p *passProgress) error {
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(a.cfg.FullReaders)
	for after := (hashindex.Key{Root: root.Label}); ; {
		page, err := a.state.Index.Present(ctx, after, rehashPage)
		if err != nil || len(page) == 0 {
			return errors.Join(err, readers.Wait())
		}
		for _, e := range page {
			// The clock may have been set back since the file was read: then that lies ahead.
			if after = e.Key; e.SeenAt.Before(since) || e.SeenAt.After(time.Now()) {
				readers.Go(func() error { return a.rehashFile(ctx, root, e, p) })
			}
		}
	}
}

func (a *Agent) rehashFile(ctx context.Context, root hashindex.Root, e hashindex.Known, p *passProgress) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.file(e.Size)
	if !e.Racy && e.State != hashindex.Invalid {
		if hash, err := root.Hash(e.Path, a.cfg.Hash); err == nil && hash == e.Hash {
			a.counts.read(e.Size)
			return nil
		}
	}
	return a.intake.looks.add(ctx, look{key: e.Key, at: time.Now(), recheck: true})
}
