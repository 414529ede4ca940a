package store

import (
	"math/rand/v2"
	"sync"
	"time"
)

// CircuitState is the state of the circuit breaker between the agent and the remote.
type CircuitState uint8

const (
	// CircuitClosed means that requests go out. It is the state at the start.
	CircuitClosed CircuitState = iota
	// CircuitOpen means that an outage was found: records go straight to the queue until a probe succeeds.
	CircuitOpen
	// CircuitHalfOpen means that the circuit is open and a probe is on its way.
	CircuitHalfOpen
)

func (s CircuitState) String() string {
	switch s {
	case CircuitClosed:
		return "closed"
	case CircuitOpen:
		return "open"
	case CircuitHalfOpen:
		return "half-open"
	default:
		return "unknown"
	}
}

// Circuit is a circuit breaker at one moment.
type Circuit struct {
	State CircuitState
	Class Class     // why it is not closed: Outage, Credentials or Setup; 0 if it is closed
	Err   error     // the failure behind Class; nil if it is closed
	Since time.Time // when it was closed, or opened; a further failure of another class keeps the time
}

// Closed says whether requests go out.
func (c Circuit) Closed() bool { return c.State == CircuitClosed }

// same says whether nothing has changed since the other was asked for, the failure aside.
func (c Circuit) same(other Circuit) bool {
	return c.State == other.State && c.Since.Equal(other.Since)
}

// breaker is the circuit breaker. An outage opens it; while it is open only the prober asks the remote, at growing
// intervals; the first answer that is no outage closes it.
type breaker struct {
	first, last time.Duration // bounds of the delay between probes
	onChange    func(Circuit)
	changed     chan struct{} // receives after every change; holds one

	mu      sync.Mutex
	circuit Circuit
	delay   time.Duration // before the next probe, without jitter
	asked   time.Duration // what the remote asked for by Retry-After
	known   bool          // the remote has answered, or failed, since the start
}

func newBreaker(first, last time.Duration, onChange func(Circuit)) *breaker {
	return &breaker{
		first: first, last: last, onChange: onChange, changed: make(chan struct{}, 1),
		circuit: Circuit{Since: time.Now()},
	}
}

func (b *breaker) status() Circuit {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.circuit
}

func (b *breaker) closed() bool { return b.status().Closed() }

// needsProbe says whether the remote has not shown so far that it serves requests.
func (b *breaker) needsProbe() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.known || !b.circuit.Closed()
}

// probing turns an open circuit half-open.
func (b *breaker) probing() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.circuit.State == CircuitOpen {
		b.circuit.State = CircuitHalfOpen
	}
}

// succeeded closes the circuit.
func (b *breaker) succeeded() {
	b.mu.Lock()
	news := !b.known || !b.circuit.Closed()
	b.delay, b.asked, b.known = 0, 0, true
	if !news {
		b.mu.Unlock()
		return
	}
	b.set(Circuit{Since: time.Now()})
}

// failed opens the circuit, and makes the next probe wait twice as long as the last.
func (b *breaker) failed(err *RemoteError) {
	b.mu.Lock()
	b.delay = min(max(2*b.delay, b.first), b.last)
	b.asked, b.known = err.RetryAfter, true
	was := b.circuit
	now := Circuit{State: CircuitOpen, Class: err.Class, Err: err, Since: time.Now()}
	if !was.Closed() {
		now.Since = was.Since
	}
	if was.Class == err.Class {
		b.circuit = now
		b.mu.Unlock()
		return
	}
	b.set(now)
}

// set takes the locked b over, and unlocks it before it tells anybody.
func (b *breaker) set(c Circuit) {
	b.circuit = c
	b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
	b.onChange(c)
}

// probeDelay returns how long to wait before the next probe. Up to a quarter of the delay is taken off at random, so
// that many agents do not return in step. It is never less than what the remote asked for.
func (b *breaker) probeDelay() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.delay-rand.N(b.delay/4+1), b.asked)
}
