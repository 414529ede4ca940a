package store

import (
	"net/http"
	"sync"
	"time"
)

// How long it is remembered what was too much. How many rows a statement's time is enough for changes with the server's load; a
// proxy's limit of a body is a setting.
const (
	recordsRemembered = 10 * time.Minute
	bytesRemembered   = time.Hour
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
	l.until = time.Now().Add(remembered)
}

// allows says whether the remote may take the bundles in one request, for all that is known.
func (c *ceiling) allows(bundles []bundle) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.records.allows(int64(len(bundles))) && c.bytes.allows(size(bundles))
}

// tooMuch learns from a request with these bundles that was too much. A 413 is about its bytes, anything else about its records; but
// if a single record takes too long, it was not their number.
func (c *ceiling) tooMuch(bundles []bundle, err *RemoteError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err.Status == http.StatusRequestEntityTooLarge:
		c.bytes.lower(size(bundles), bytesRemembered)
	case len(bundles) == 1:
		c.records = limit{}
	default:
		c.records.lower(int64(len(bundles)), recordsRemembered)
	}
}

// size returns about how many bytes the request takes.
func size(bundles []bundle) (n int64) {
	for _, b := range bundles {
		n += b.record().Size()
	}
	return n
}
