package state

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// retryAfter is when a queue database that could not be used is tried again.
const retryAfter = 2 * time.Second

// degraded knows whether the queue database can be written. That is logged once, not by everybody who tries.
type degraded struct {
	log *slog.Logger

	mu    sync.Mutex
	until time.Time // when the next try is due; zero: the database can be written
}

// AwaitWritable returns when the queue database is to be tried, or ctx ends: nothing is to be read that could not be
// written down.
func (s *State) AwaitWritable(ctx context.Context) {
	d := &s.degraded
	d.mu.Lock()
	pause := time.Until(d.until)
	d.mu.Unlock()
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ended is called at the end of each use of the database, with its error.
func (d *degraded) ended(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch now := time.Now(); {
	case errors.Is(err, sqlite.ErrFull), errors.Is(err, sqlite.ErrUnusable):
		if d.until.IsZero() {
			d.log.Error("the queue database cannot be used; nothing new is sent until it can, "+
				"and what waits is looked at again", "error", err)
		}
		d.until = now.Add(retryAfter)
	case err == nil && !d.until.IsZero() && now.After(d.until):
		d.until = time.Time{}
		d.log.Info("the queue database can be used again")
	}
}
