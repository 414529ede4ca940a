package service

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

type environment map[string]string

func (e environment) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

// TestMessagesGoToTheSocket: it is a path, or a name of the abstract namespace of Linux.
func TestMessagesGoToTheSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "notify") // shorter than t.TempDir: the path of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, address := range []string{filepath.Join(dir, "socket"), fmt.Sprintf("@gfxsync-test-%d", os.Getpid())} {
		if address[0] == '@' && runtime.GOOS != "linux" {
			continue
		}
		systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
		if err != nil {
			t.Skipf("SKIPPED: notification sockets: %s has none (%v)", runtime.GOOS, err)
		}
		defer systemd.Close()
		n, err := NewNotifier(environment{"NOTIFY_SOCKET": address}.lookup)
		if err != nil {
			t.Fatal(err)
		}
		n.Ready("running\nwell")
		stopped, stop := context.WithCancel(t.Context())
		done := n.StopsWith(stopped)
		stop()
		done()
		for _, want := range []string{"READY=1\nSTATUS=running well", "STOPPING=1"} {
			message := make([]byte, 4096)
			size, err := systemd.Read(message)
			if err != nil || string(message[:size]) != want {
				t.Errorf("%s: %q (%v), want %q", address, message[:size], err, want)
			}
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestWhereNobodyListensNothingIsTold: the agent does its work all the same.
func TestWhereNobodyListensNothingIsTold(t *testing.T) {
	for address, fails := range map[string]bool{"": false, filepath.Join(t.TempDir(), "none"): true} {
		n, err := NewNotifier(environment{"NOTIFY_SOCKET": address}.lookup)
		if (err != nil) != fails {
			t.Errorf("%q: %v", address, err)
		}
		n.Alive()
		n.Ready("running")
		n.Alive()
		n.Status("running")
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// told is a socket that keeps what is written to it.
type told struct {
	net.Conn
	messages []string
}

func (w *told) SetWriteDeadline(time.Time) error { return nil }

func (w *told) Write(message []byte) (int, error) {
	w.messages = append(w.messages, string(message))
	return len(message), nil
}

// since returns what was told since it was last asked.
func (w *told) since() (messages []string) {
	messages, w.messages = w.messages, nil
	return messages
}

func TestSignsOfLife(t *testing.T) {
	watchdog := func(limit time.Duration, pid int) environment {
		return environment{
			"WATCHDOG_USEC": strconv.FormatInt(limit.Microseconds(), 10), "WATCHDOG_PID": strconv.Itoa(pid),
		}
	}
	const ready = "READY=1\nSTATUS=running"
	for name, c := range map[string]struct {
		env               environment
		silence           time.Duration
		ready             string
		extensions, signs int // in ten minutes
	}{
		"no watchdog":  {environment{}, time.Minute, ready, 40, 0},
		"five minutes": {watchdog(5*time.Minute, os.Getpid()), time.Minute, ready, 40, 40},
		"two minutes":  {watchdog(2*time.Minute, os.Getpid()), 0, ready, 40, 40},
		"less than it may take": {
			watchdog(20*time.Second, os.Getpid()), 0, ready + "\nWATCHDOG_USEC=60000000", 120, 120,
		},
		"less than a request may take": {
			watchdog(5*time.Minute, os.Getpid()), time.Hour, ready + "\nWATCHDOG_USEC=3600000000", 40, 40,
		},
		"that of another process":  {watchdog(time.Second, os.Getpid()+1), time.Minute, ready, 40, 0},
		"a limit that is no limit": {environment{"WATCHDOG_USEC": "soon"}, time.Minute, ready, 40, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said := &told{}
				n := newNotifier(said, c.env.lookup)
				n.Allow(c.silence)
				tenMinutes := func(when string, count int, sign string) {
					t.Helper()
					for range 10 * 60 * 10 {
						n.Alive()
						time.Sleep(100 * time.Millisecond)
					}
					messages := said.since()
					// Signs are sent when the agent is alive, which is every 100 ms here.
					if len(messages) > count || len(messages) < count*4/5 {
						t.Errorf("%s: %d signs of life, want %d", when, len(messages), count)
					}
					if slices.ContainsFunc(messages, func(m string) bool { return m != sign }) {
						t.Errorf("%s: %q, want %q alone", when, messages, sign)
					}
				}
				tenMinutes("before it is ready", c.extensions, "EXTEND_TIMEOUT_USEC=60000000")
				n.Ready("running")
				if got := said.since(); !slices.Equal(got, []string{c.ready}) {
					t.Errorf("ready: %q, want %q", got, c.ready)
				}
				tenMinutes("when it runs", c.signs, "WATCHDOG=1")
			})
		})
	}
}

// TestWhoIsNotAliveSendsNoSign: there is nothing that sends one by itself.
func TestWhoIsNotAliveSendsNoSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := &told{}
		n := newNotifier(said, environment{"WATCHDOG_USEC": "1000000"}.lookup)
		n.Ready("running")
		n.Alive()
		said.since()
		time.Sleep(time.Hour)
		if got := said.since(); len(got) > 0 {
			t.Errorf("told %q", got)
		}
	})
}
