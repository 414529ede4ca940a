//go:build unix

package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// notified is a socket at which systemd would be told of the service.
type notified struct {
	t      *testing.T
	socket *net.UnixConn
}

// notifySocket makes the scene's agent one that systemd has started, with a watchdog that waits for a second.
func (s *scene) notifySocket(t *testing.T) *notified {
	dir, err := os.MkdirTemp("", "gfxsync-notify") // t.TempDir may be too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := filepath.Join(dir, "socket")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	if err := socket.SetReadDeadline(time.Now().Add(hangLimit)); err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env, "NOTIFY_SOCKET="+address, "WATCHDOG_USEC=1000000")
	return &notified{t, socket}
}

// next returns what is told next.
func (n *notified) next() string {
	n.t.Helper()
	message := make([]byte, 4096)
	size, err := n.socket.Read(message)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(message[:size])
}

// await reads until a message begins so, and returns it.
func (n *notified) await(begin string) string {
	n.t.Helper()
	for {
		if message := n.next(); strings.HasPrefix(message, begin) {
			return message
		}
	}
}

func TestSystemdIsToldOfTheAgent(t *testing.T) {
	if underWine {
		t.Skip("SKIPPED: Windows has no systemd")
	}
	t.Parallel()
	s := newScene(t)
	systemd := s.notifySocket(t)
	s.args = []string{"--local", filepath.Join(t.TempDir(), "local.db")}
	s.start()
	// More than one sign of life may come before it is ready: each lets the start take a minute longer.
	if got, want := systemd.await("READY=1"), "READY=1\nSTATUS=all is well\nWATCHDOG_USEC=60000000"; got != want {
		t.Errorf("it is ready with %q, want %q", got, want)
	}
	for range 3 {
		systemd.await("WATCHDOG=1")
	}
	if err := os.Rename(s.watch, s.watch+".away"); err != nil {
		t.Fatal(err)
	}
	if got := systemd.await("STATUS="); !strings.Contains(got, "root unavailable") {
		t.Errorf("the folder is away: %q", got)
	}
	if err := os.Rename(s.watch+".away", s.watch); err != nil {
		t.Fatal(err)
	}
	if got := systemd.await("STATUS="); got != "STATUS=all is well" {
		t.Errorf("the folder is back: %q", got)
	}
	if err := s.agent.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	systemd.await("STOPPING=1")
	if got := systemd.await("STATUS="); got != "STATUS=stopped" {
		t.Errorf("at its end: %q", got)
	}
	if err := s.agent.Wait(); err != nil {
		t.Error(err)
	}
	s.agent = nil
}

// TestSystemdIsToldWhyTheAgentCannotStart: it shows that in the status of the service.
func TestSystemdIsToldWhyTheAgentCannotStart(t *testing.T) {
	if underWine {
		t.Skip("SKIPPED: Windows has no systemd")
	}
	t.Parallel()
	s := newScene(t)
	systemd := s.notifySocket(t)
	s.start()
	want := "STATUS=wrong setting: GFX_SYNC_SUPABASE_URL is not set"
	if got := systemd.next(); !strings.HasPrefix(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestACrashIsNoWrongSetting: systemd sends SIGABRT to a service that hangs, and starts it again unless it ends with
// the exit code of a wrong setting, with which programs written in Go end after a crash.
func TestACrashIsNoWrongSetting(t *testing.T) {
	if underWine {
		t.Skip("SKIPPED: Windows has no signals")
	}
	t.Parallel()
	s := newScene(t)
	systemd := s.notifySocket(t)
	s.agent = s.command("service", "run", "--watch", s.watch, "--queue-db", s.queue,
		"--local", filepath.Join(t.TempDir(), "local.db"))
	s.agent.Stderr = s.log
	if err := s.agent.Start(); err != nil {
		t.Fatal(err)
	}
	systemd.await("READY=1")
	if err := s.agent.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	err := s.agent.Wait()
	s.agent = nil
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatalf("it ended with %v", err)
	}
	if status := exit.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGABRT {
		t.Errorf("it ended with %v, want by the signal", exit)
	}
	if !strings.Contains(s.log.String(), "goroutine ") {
		t.Error("its log does not say where it hung")
	}
}
