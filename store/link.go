package store

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Link is what is known of the way to the remote: taken to be online until a request fails for a reason that is not the
// records', offline until one succeeds. While it is offline nobody but the prober asks the remote, at growing intervals.
type Link struct {
	first, last time.Duration // bounds of the probe delay
	onChange    func(LinkStatus)

	mu      sync.Mutex
	status  LinkStatus
	delay   time.Duration // of the next probe, before jitter
	asked   time.Duration // what the remote asked for by Retry-After
	proven  bool          // the remote has answered, one way or the other
	changed chan struct{}
}

// LinkStatus is a Link at one moment.
type LinkStatus struct {
	Online bool
	Class  Class // why it is offline: Outage, Credentials or Setup
	Err    error
	Since  time.Time
}

func newLink(first, last time.Duration, onChange func(LinkStatus)) *Link {
	return &Link{
		first: first, last: last, onChange: onChange,
		status:  LinkStatus{Online: true, Since: time.Now()},
		changed: make(chan struct{}, 1),
	}
}

// Status returns the link as it is now.
func (l *Link) Status() LinkStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// needsProbe says whether nothing is known of the link, or nothing good.
func (l *Link) needsProbe() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.proven || !l.status.Online
}

// up is called after a success.
func (l *Link) up() {
	l.mu.Lock()
	known := l.proven && l.status.Online
	l.delay, l.asked, l.proven = 0, 0, true
	if known {
		l.mu.Unlock()
		return
	}
	l.set(LinkStatus{Online: true, Since: time.Now()})
}

// down is called after a failure that is not a record's, and makes the next probe wait longer than the last.
func (l *Link) down(err *RemoteError) {
	l.mu.Lock()
	l.delay = min(max(2*l.delay, l.first), l.last)
	l.asked, l.proven = err.RetryAfter, true
	if !l.status.Online && l.status.Class == err.Class {
		l.status.Err = err
		l.mu.Unlock()
		return
	}
	since := time.Now()
	if !l.status.Online {
		since = l.status.Since
	}
	l.set(LinkStatus{Class: err.Class, Err: err, Since: since})
}

// set takes the locked l over and unlocks it before it tells anyone.
func (l *Link) set(s LinkStatus) {
	l.status = s
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
	l.onChange(s)
}

// probeDelay returns how long to wait before the next probe: the delay with up to a quarter of jitter taken off, so that many
// agents do not come back in step; never less than what the remote asked for.
func (l *Link) probeDelay() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.delay-rand.N(l.delay/4+1), l.asked)
}
