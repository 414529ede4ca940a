package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// passProgress tells now and then how far a pass has come.
type passProgress struct {
	tell func(Progress) // may be nil

	mu   sync.Mutex
	now  Progress
	told time.Time
}

const tellEvery = 100 * time.Millisecond

func newProgress(ctx context.Context, index hashindex.Index, tell func(Progress)) *passProgress {
	p := &passProgress{tell: tell}
	if tell == nil {
		return p // a scan tells nobody, and the count reads the whole index
	}
	if counts, err := index.Counts(ctx); err == nil {
		for state, n := range counts {
			if state != hashindex.Gone {
				p.now.Total += int64(n)
			}
		}
	}
	return p
}

func (p *passProgress) file(bytes int64) {
	if p.tell == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Files++
	p.now.Bytes += bytes
	p.now.Total = max(p.now.Total, p.now.Files)
	if time.Since(p.told) >= tellEvery {
		p.told = time.Now()
		p.tell(p.now)
	}
}

func (p *passProgress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tell != nil {
		p.now.Total = p.now.Files
		p.tell(p.now)
	}
	p.tell = nil // a walk that has been abandoned may go on
}
