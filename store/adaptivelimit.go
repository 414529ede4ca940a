package store

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// These say how long a limit is kept.
const (
	keepSpeedLimit = 10 * time.Minute // the speed of a server or a line changes with its load
	keepBodyLimit  = time.Hour        // the largest body that a proxy accepts is a setting
)

// adaptiveLimit holds what was learned about the largest request that the remote takes. So a large batch does not fail
// each time before it is bisected. All lanes share it. It is lost at a restart.
type adaptiveLimit struct {
	mu             sync.Mutex
	records, bytes limit
}

// limit is half of what was too much. It ends at a time.
type limit struct {
	most  int64
	until time.Time
}

func (l *limit) allows(n int64) bool { return n <= l.most || !time.Now().Before(l.until) }

func (l *limit) lower(failed int64, keep time.Duration) {
	if half := failed / 2; l.allows(half) {
		l.most = half
	}
	if until := time.Now().Add(keep); until.After(l.until) {
		l.until = until
	}
}

// allows reports whether one request may hold the groups.
func (a *adaptiveLimit) allows(groups []group) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.records.allows(int64(len(groups))) && a.bytes.allows(size(groups))
}

// learn adapts the limits to the failure of a request with these groups. A 413 lowers the limit of bytes; any other
// TooMuch lowers the limit of records. If even a single record takes too long, the number of records is not the cause,
// and its limit is removed. No answer in time may be an outage, or a line that is too slow for so many bytes. Only a
// smaller request can tell, so it lowers the limit of bytes.
func (a *adaptiveLimit) learn(groups []group, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var re *RemoteError
	switch tooMuch := errors.As(err, &re) && re.Class == TooMuch; {
	case errors.Is(err, context.DeadlineExceeded):
		if len(groups) > 1 {
			a.bytes.lower(size(groups), keepSpeedLimit)
		}
	case tooMuch && re.Status == http.StatusRequestEntityTooLarge:
		a.bytes.lower(size(groups), keepBodyLimit)
	case tooMuch && len(groups) == 1:
		a.records = limit{}
	case tooMuch:
		a.records.lower(int64(len(groups)), keepSpeedLimit)
	}
}

// size returns the approximate number of bytes of a request with these groups.
func size(groups []group) (n int64) {
	for _, g := range groups {
		n += g.record().Size()
	}
	return n
}
