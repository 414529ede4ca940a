package store

import (
	"math/rand/v2"
	"sync"
	"time"
)

// CircuitState is the state of the circuit breaker between the agent and the remote.
type CircuitState uint8

const (
	// CircuitClosed means that requests are sent. It is the first state.
	CircuitClosed CircuitState = iota
	// CircuitOpen means that there is an outage. Records go straight to the queue until a probe succeeds.
	CircuitOpen
	// CircuitHalfOpen means that the circuit was open and a probe is on its way.
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

// Circuit is a snapshot of the circuit breaker.
type Circuit struct {
	State CircuitState
	Class Class     // why it is not closed: Outage, Credentials or Setup; 0 if it is closed
	Err   error     // the last failure; nil if it is closed
	Since time.Time // when it was closed or opened; a failure while it is open does not change it
}

// Closed reports whether requests are sent.
func (c Circuit) Closed() bool { return c.State == CircuitClosed }

// same reports whether both snapshots have the same state since the same time.
func (c Circuit) same(other Circuit) bool {
	return c.State == other.State && c.Since.Equal(other.Since)
}

// breaker is the circuit breaker. An outage opens it. While it is open, the only requests are probes, at growing
// intervals. The first answer that is not an outage closes it.
type breaker struct {
	first, last time.Duration // smallest and largest delay between probes
	onChange    func(Circuit)
	changed     chan struct{} // receives after every change; has room for one

	mu         sync.Mutex
	circuit    Circuit
	delay      time.Duration // before the next probe, without jitter
	retryAfter time.Duration // what the remote asked for
	known      bool          // there was a success or a failure since the start
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

// needsProbe reports whether it is unknown if the remote serves requests, or known that it does not.
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
	b.delay, b.retryAfter, b.known = 0, 0, true
	if !news {
		b.mu.Unlock()
		return
	}
	b.set(Circuit{Since: time.Now()})
}

// failed opens the circuit and doubles the delay before the next probe.
func (b *breaker) failed(err *RemoteError) {
	b.mu.Lock()
	b.delay = min(max(2*b.delay, b.first), b.last)
	b.retryAfter, b.known = err.RetryAfter, true
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

// set changes the circuit. The caller holds b.mu, and set unlocks it before it calls onChange.
func (b *breaker) set(c Circuit) {
	b.circuit = c
	b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
	b.onChange(c)
}

// probeDelay returns the time to wait before the next probe. It is shorter than the delay by a random part of up to a
// quarter, so that not all agents probe at the same moment. It is never shorter than what the remote asked for.
func (b *breaker) probeDelay() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.delay-rand.N(b.delay/4+1), b.retryAfter)
}
