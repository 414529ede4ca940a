package reconcile

import (
	"context"
	"sync"

	"github.com/gfxsync/gfxsync/hashindex"
)

// rehash reads files again, a few at a time, so that the file server stays usable.
type rehash struct {
	agent    *Agent
	jobs     chan rehashJob
	progress *passProgress
	wg       sync.WaitGroup
}

type rehashJob struct {
	look look
	old  hashindex.Entry
}

func (a *Agent) startRehash(ctx context.Context, p *passProgress) *rehash {
	r := &rehash{agent: a, jobs: make(chan rehashJob), progress: p}
	for range a.cfg.FullReaders {
		r.wg.Go(func() {
			for job := range r.jobs {
				r.read(ctx, job)
			}
		})
	}
	return r
}

func (r *rehash) add(ctx context.Context, l look, old *hashindex.Entry) error {
	select {
	case r.jobs <- rehashJob{l, *old}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *rehash) wait() {
	close(r.jobs)
	r.wg.Wait()
}

func (r *rehash) read(ctx context.Context, job rehashJob) {
	hash, err := hashLarge(r.agent.cfg.abs(job.look.key), r.agent.cfg.Hash, r.agent.intake.pulse(job.look.key.Root))
	r.progress.file(job.old.Size)
	if err == nil && hash == job.old.Hash && job.old.State != hashindex.Invalid {
		r.agent.counts.read(job.old.Size)
		return
	}
	job.look.recheck = true
	// It fails only when the pass is being stopped.
	_ = r.agent.intake.looks.add(ctx, job.look, false)
}
