package store

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// How long it is remembered what was too much. What a server or a line gets done in time changes with what else they do; the size
// of a body that a proxy lets through is a setting.
const (
	slownessRemembered = 10 * time.Minute
	bodyRemembered     = time.Hour
)

// ceiling is what has been learned of how much the remote takes in one request, so that the next large batch is not refused first.
// It holds for all lanes, and until a restart at most.
type ceiling struct {
	mu             sync.Mutex
	records, bytes limit
}

// limit is half of what was too much, for a while.
type limit struct {
	most  int64
	until time.Time
}

func (l *limit) allows(n int64) bool { return n <= l.most || !time.Now().Before(l.until) }

func (l *limit) lower(failed int64, remembered time.Duration) {
	if half := failed / 2; l.allows(half) {
		l.most = half
	}
	if until := time.Now().Add(remembered); until.After(l.until) {
		l.until = until
	}
}

// allows says whether the remote may take the bundles in one request, for all that is known.
func (c *ceiling) allows(bundles []bundle) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.records.allows(int64(len(bundles))) && c.bytes.allows(size(bundles))
}

// learn takes in how a request with these bundles failed. A 413 is about its bytes, other limits are about its records; but if a
// single record takes too long, it was not their number. No answer in time may be an outage, or a line that is too slow for so many
// bytes: only a smaller request can tell.
func (c *ceiling) learn(bundles []bundle, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var re *RemoteError
	switch tooMuch := errors.As(err, &re) && re.Class == TooMuch; {
	case errors.Is(err, context.DeadlineExceeded):
		if len(bundles) > 1 {
			c.bytes.lower(size(bundles), slownessRemembered)
		}
	case tooMuch && re.Status == http.StatusRequestEntityTooLarge:
		c.bytes.lower(size(bundles), bodyRemembered)
	case tooMuch && len(bundles) == 1:
		c.records = limit{}
	case tooMuch:
		c.records.lower(int64(len(bundles)), slownessRemembered)
	}
}

// size returns about how many bytes the request takes.
func size(bundles []bundle) (n int64) {
	for _, b := range bundles {
		n += b.record().Size()
	}
	return n
}
