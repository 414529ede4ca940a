package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/store/sqlite"
)

// trouble knows whether the queue database can be written. While it cannot, nothing is read that could not be written down, and it is
// said once, not for each file.
type trouble struct {
	log *slog.Logger

	mu    sync.Mutex
	until time.Time // when the next try is due; zero: there is no trouble
}

// ofTheDisk says whether an error is of the whole queue database, whatever was being done.
func ofTheDisk(err error) bool {
	return errors.Is(err, sqlite.ErrFull) || errors.Is(err, sqlite.ErrUnusable)
}

// met is told of the end of each use of the queue database.
func (t *trouble) met(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch now := time.Now(); {
	case ofTheDisk(err):
		if t.until.IsZero() {
			t.log.Error("the queue database cannot be used; nothing new is sent until it can, and what waits is looked at again", "error", err)
		}
		t.until = now.Add(diskRetry)
	case err == nil && !t.until.IsZero() && now.After(t.until):
		t.until = time.Time{}
		t.log.Info("the queue database can be used again")
	}
}

// wait returns when the queue database is to be tried, or ctx ends.
func (t *trouble) wait(ctx context.Context) {
	t.mu.Lock()
	pause := time.Until(t.until)
	t.mu.Unlock()
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

// withoutTrouble is a log that leaves out what is wrong with the whole queue database, which is said once: every part of the agent
// runs into it, again and again.
type withoutTrouble struct{ slog.Handler }

func (h withoutTrouble) Handle(ctx context.Context, r slog.Record) error {
	said := false
	r.Attrs(func(a slog.Attr) bool {
		err, ok := a.Value.Any().(error)
		said = ok && (ofTheDisk(err) || lostState(err))
		return !said
	})
	if said {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h withoutTrouble) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutTrouble{h.Handler.WithAttrs(attrs)}
}

func (h withoutTrouble) WithGroup(name string) slog.Handler {
	return withoutTrouble{h.Handler.WithGroup(name)}
}
