package service

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Notifier tells systemd how a service of Type=notify is doing (sd_notify(3)). Nobody listens to the zero Notifier.
type Notifier struct {
	socket   net.Conn      // nil: nobody listens
	signs    time.Duration // lies between two signs of life
	watchdog time.Duration // how long systemd waits for one; 0: it does not
	silence  time.Duration // how long it has to wait at least

	started atomic.Bool
	last    atomic.Int64 // when the last sign of life was sent, in nanoseconds since made
	made    time.Time
}

const (
	// sendLimit is how long a message may wait for systemd to read the ones before it.
	sendLimit = time.Second
	// extendBy is how much longer a start may take from each sign of life on.
	extendBy = time.Minute
)

// NewNotifier returns the Notifier of this process, of which the variables NOTIFY_SOCKET, WATCHDOG_USEC and
// WATCHDOG_PID tell. If it fails, nobody listens to the Notifier that it returns.
func NewNotifier(lookupEnv func(string) (string, bool)) (*Notifier, error) {
	address, _ := lookupEnv("NOTIFY_SOCKET")
	if address == "" {
		return &Notifier{}, nil
	}
	// A name that begins with @ is one of the abstract namespace; package net knows that too.
	socket, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return &Notifier{}, fmt.Errorf("tell systemd of the service (NOTIFY_SOCKET): %w", err)
	}
	return newNotifier(socket, lookupEnv), nil
}

func newNotifier(socket net.Conn, lookupEnv func(string) (string, bool)) *Notifier {
	n := &Notifier{
		socket: socket, signs: extendBy / 4, watchdog: watchdogOf(lookupEnv), silence: time.Minute, made: time.Now(),
	}
	if n.watchdog > 0 {
		n.signs = min(n.signs, n.watchdog/4)
	}
	n.last.Store(-int64(n.signs))
	return n
}

// watchdogOf returns how long systemd waits for a sign of life of this process; 0: it does not.
func watchdogOf(lookupEnv func(string) (string, bool)) time.Duration {
	if pid, ok := lookupEnv("WATCHDOG_PID"); ok && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	text, _ := lookupEnv("WATCHDOG_USEC")
	microseconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || microseconds <= 0 || microseconds > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(microseconds) * time.Microsecond
}

// Allow lets the service be silent for so long, and at least for a minute, without being restarted. It comes before
// Ready.
func (n *Notifier) Allow(silence time.Duration) { n.silence = max(n.silence, silence) }

// Ready says that the service has begun its work.
func (n *Notifier) Ready(status string) {
	lines := []string{"READY=1", "STATUS=" + oneLine(status)}
	if 0 < n.watchdog && n.watchdog < n.silence {
		lines = append(lines, "WATCHDOG_USEC="+strconv.FormatInt(n.silence.Microseconds(), 10))
	}
	n.send(lines...)
	n.started.Store(true)
}

// Alive is a sign of life, of which systemd is told now and then. Before Ready, it lets the start take longer.
func (n *Notifier) Alive() {
	if n.socket == nil {
		return
	}
	now := int64(time.Since(n.made))
	last := n.last.Load()
	if now-last < int64(n.signs) || !n.last.CompareAndSwap(last, now) {
		return
	}
	switch {
	case !n.started.Load():
		n.send("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(extendBy.Microseconds(), 10))
	case n.watchdog > 0:
		n.send("WATCHDOG=1")
	}
}

// Status says in one line how the service is doing.
func (n *Notifier) Status(text string) { n.send("STATUS=" + oneLine(text)) }

// Tell tells of a change of state.
func (n *Notifier) Tell(c Change) {
	if c.Kind == Started {
		n.Ready(c.Now)
		return
	}
	n.Status(c.Now)
}

// StopsWith has it said that the service stops when ctx ends. The caller calls done when the service has ended.
func (n *Notifier) StopsWith(ctx context.Context) (done func()) {
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		n.send("STOPPING=1")
	})
	return func() {
		if !stop() {
			<-said
		}
	}
}

// Close ends what can be told.
func (n *Notifier) Close() error {
	if n.socket == nil {
		return nil
	}
	return n.socket.Close()
}

// send sends a message. That may fail: the service does its work whether or not anybody listens.
func (n *Notifier) send(lines ...string) {
	if n.socket == nil {
		return
	}
	_ = n.socket.SetWriteDeadline(time.Now().Add(sendLimit))
	_, _ = n.socket.Write([]byte(strings.Join(lines, "\n")))
}
