package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"golang.org/x/sync/errgroup"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/ingest"
)

// rehashPage is how many entries of the index are held at a time.
const rehashPage = 1000

// rehashRoots hashes the files that the walks of a full pass have found to be as the index has them. It begins when
// the other files have been examined. No walk is under way meanwhile, so that scans are made as always. A root whose
// file system hangs is reported.
func (p *pass) rehashRoots(ctx context.Context) {
	p.awaitExamined(ctx)
	for root, rehashed := range inTurns(ctx, p.roots, p.hashing, func(root hashindex.Root) (struct{}, error) {
		return struct{}{}, p.rehash(ctx, root)
	}) {
		if !p.report.isAway(root.Label) {
			p.report.cut(root, rehashed.err)
		}
	}
}

// rehash hashes the files of a root that were not read since the pass began, a few at a time, so that the file server
// stays usable. Files whose hash is not the index's are examined.
func (p *pass) rehash(ctx context.Context, root hashindex.Root) error {
	root.Live = root.Live.WithObserver(func() { p.step(p.hashing[root.Label]) })
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(p.cfg.FullReaders)
	begin := p.report.At.Truncate(time.Millisecond) // as exact as the index is
	for after := (fileid.ID{Root: root.Label}); ; {
		page, err := p.state.Index.Present(ctx, after, rehashPage)
		if err != nil || len(page) == 0 {
			return errors.Join(err, readers.Wait())
		}
		for _, e := range page {
			// The clock may have been set back since the file was read: then that lies ahead.
			if after = e.ID; e.SeenAt.Before(begin) || e.SeenAt.After(time.Now()) {
				readers.Go(func() error { return p.rehashFile(ctx, root, e) })
			}
		}
	}
}

func (p *pass) rehashFile(ctx context.Context, root hashindex.Root, e hashindex.ScanEntry) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.progress.file(e.Size)
	if !e.Racy && e.State != hashindex.Invalid {
		if hash, err := root.Hash(e.Path, p.cfg.Hash); err == nil && hash == e.Hash {
			p.ingest.Hashed(e.Size)
			return nil
		}
	}
	return p.examine(ctx, ingest.Task{Key: e.ID, Rehash: true})
}
