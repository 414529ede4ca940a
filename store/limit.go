package store

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// How long a limit is remembered. How much a server or a line gets done in time changes with its load. The size of a
// body that a proxy lets through is a setting.
const (
	slownessRemembered = 10 * time.Minute
	bodyRemembered     = time.Hour
)

// adaptiveLimit is what was learned of how much the remote takes in one request, so that the next large batch does
// not fail first. All lanes share it. It lasts until a restart at most.
type adaptiveLimit struct {
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

// allows says whether one request may hold the groups, for all that is known.
func (a *adaptiveLimit) allows(groups []group) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.records.allows(int64(len(groups))) && a.bytes.allows(size(groups))
}

// learn takes in how a request with these groups failed. A 413 is about bytes, the other limits are about records. If
// a single record takes too long, the number of records was not the cause. A missing answer may be an outage, or a
// line that is too slow for so many bytes: only a smaller request can tell.
func (a *adaptiveLimit) learn(groups []group, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var re *RemoteError
	switch tooMuch := errors.As(err, &re) && re.Class == TooMuch; {
	case errors.Is(err, context.DeadlineExceeded):
		if len(groups) > 1 {
			a.bytes.lower(size(groups), slownessRemembered)
		}
	case tooMuch && re.Status == http.StatusRequestEntityTooLarge:
		a.bytes.lower(size(groups), bodyRemembered)
	case tooMuch && len(groups) == 1:
		a.records = limit{}
	case tooMuch:
		a.records.lower(int64(len(groups)), slownessRemembered)
	}
}

// size returns about how many bytes the request takes.
func size(groups []group) (n int64) {
	for _, g := range groups {
		n += g.record().Size()
	}
	return n
}
