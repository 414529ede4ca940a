package hot

import (
	"sync"
	"time"
)

// Mode says when the hot folders of a root are listed.
type Mode string

const (
	Auto Mode = "auto" // while events do not tell of all changes
	On   Mode = "on"
	Off  Mode = "off"
)

const (
	// lateBy is how late an event may come and still have told of a change that a scan found first.
	lateBy = 5 * time.Second
	// trustAfter is how long events must have told of all changes to be trusted again.
	trustAfter = time.Hour
	// maxUnconfirmed bounds the changes whose event may still come.
	maxUnconfirmed = 1000
)

// Evidence judges whether events tell of the changes in a root, by what was seen:
//
//	state        a change without an event    changes for an hour, each with its event
//	----------   --------------------------   ----------------------------------------
//	trusted      not trusted                  -
//	not trusted  -                            trusted
//
// Events from a network file system are not trusted at first (Distrust): on Linux and macOS, none tells of what another
// machine writes.
type Evidence struct {
	mu          sync.Mutex
	trusted     bool
	since       time.Time            // when the last change was found that no event told of, or Distrust was called
	announced   time.Time            // when the last event came
	lost        time.Time            // when it was last said that events may have been lost
	unconfirmed map[string]time.Time // changes that a scan found: when, by path
	missed      int
}

// NewEvidence returns the Evidence of a root whose events are trusted.
func NewEvidence() *Evidence {
	return &Evidence{trusted: true, unconfirmed: map[string]time.Time{}}
}

// Distrust says that events are not to be trusted before they have told of all changes for an hour.
func (e *Evidence) Distrust(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trusted, e.since = false, now
}

// Announced says that an event named a path.
func (e *Evidence) Announced(path string, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.announced = at
	delete(e.unconfirmed, path)
}

// Lost says that events may have been lost, and that this is known: a scan is made for it.
func (e *Evidence) Lost(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost = at
}

// Found says that a scan found a change that no event had named. Modified is when the file was written. A change from
// before the last Lost is no evidence.
func (e *Evidence) Found(path string, at, modified time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if modified.After(e.lost) && len(e.unconfirmed) < maxUnconfirmed {
		e.unconfirmed[path] = at
	}
}

// Trusted says whether events tell of all changes, as far as is known.
func (e *Evidence) Trusted(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for path, at := range e.unconfirmed {
		if now.Sub(at) < lateBy {
			continue
		}
		delete(e.unconfirmed, path)
		e.missed++
		e.trusted = false
		if at.After(e.since) {
			e.since = at
		}
	}
	if !e.trusted && now.Sub(e.since) >= trustAfter && e.announced.After(e.since) && len(e.unconfirmed) == 0 {
		e.trusted = true
	}
	return e.trusted
}

// Missed returns of how many changes no event told, as far as Trusted has found out.
func (e *Evidence) Missed() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.missed
}
