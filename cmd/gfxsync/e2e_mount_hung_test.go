//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// A share may neither work nor fail: every system call on it waits. Here that is a bindfs whose process is stopped.

// hang makes every system call on a bindfs wait, from a moment on at which the process did none there: no signal can
// end what bindfs has begun to answer (Linux, fs/fuse/dev.c, request_wait_answer), and that would be the kernel's
// doing.
func (m *mount) hang(t *testing.T, pid int) {
	t.Helper()
	// or a test that fails would wait for ever
	limit := time.AfterFunc(2*hangLimit, func() { m.signal(t, syscall.SIGCONT) })
	t.Cleanup(func() {
		limit.Stop()
		m.signal(t, syscall.SIGCONT) // before what waits for the mount ends
	})
	eventually(t, "the mount hangs while nobody uses it", func() bool {
		m.signal(t, syscall.SIGSTOP)
		eventually(t, "bindfs is stopped", func() bool { return allStopped(m.process().pid) })
		if pid == 0 || !waitsForFUSE(pid) {
			return true
		}
		m.signal(t, syscall.SIGCONT)
		return false
	})
}

// allStopped says whether all threads of the process are stopped (proc(5), /proc/PID/stat).
func allStopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil || !strings.Contains(string(stat), ") T ") {
			return false
		}
	}
	return len(threads) > 0
}

func (m *mount) goOn(t *testing.T) {
	t.Helper()
	m.signal(t, syscall.SIGCONT)
}

func (m *mount) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-m.process().pid, sig); err != nil && err != syscall.ESRCH {
		t.Errorf("%v to the mount's program: %v", sig, err)
	}
}

// waitsForFUSE says whether a thread of the process waits for a FUSE file system (proc(5), /proc/PID/wchan).
func waitsForFUSE(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
	for _, thread := range threads {
		if at, err := os.ReadFile(thread); err == nil && strings.Contains(string(at), "request_wait_answer") {
			return true
		}
	}
	return false
}

// hangsAndHoldsUpNothingElse: what hangs is named, nothing is concluded of it, and the other folder goes on.
func hangsAndHoldsUpNothingElse(t *testing.T, m *mount) {
	s, rows, plain := twoRoots(t, m)
	// Without events, so that it is the scans of the other root that go on.
	files := s.syncSample(m, append([]string{"--no-watch"}, scansOnly...)...)

	m.hang(t, s.agent.Process.Pid)
	for i := range 3 {
		content := sample.New(500 + i).Play(2).JSON()
		writeFile(t, filepath.Join(plain, fmt.Sprintf("fast %d.json", i)), content)
		rows.wait(content)
	}
	late := sample.New(510).Play(2).JSON()
	writeFile(t, filepath.Join(m.under, "late.json"), late)
	s.waitStatus("status names the folder that does not answer", func(st *reconcile.Status) bool {
		if st.Gone != 0 || st.Synced != files+3 {
			t.Fatalf("the share that hangs has changed what is known of the files: %+v", st)
		}
		return st.LastScan != nil && len(st.LastScan.Roots) == 2 && st.LastScan.Roots[1].Error == "" &&
			strings.Contains(st.LastScan.Roots[0].Error, "has not answered")
	})
	if st := s.status(); st.LastScan.Skipped == 0 {
		t.Error("no scan of the folder that hangs was counted as skipped")
	}
	r := s.mustPass(1, "reconcile")
	if r.Outcome != reconcile.Incomplete || r.Gone != 0 || r.Roots[0].Error == "" || r.Roots[1].Files != 3 {
		t.Errorf("with one folder that hangs, reconcile says %+v", r)
	}
	m.goOn(t)
	rows.wait(late)
	s.waitStatus("the trouble is over", func(st *reconcile.Status) bool {
		return st.LastScan.Outcome == reconcile.Complete && st.Synced == files+4 && st.Gone == 0
	})
	s.stop()
}

// hangsAndTheAgentStops: it does not keep the agent from stopping.
func hangsAndTheAgentStops(t *testing.T, m *mount) { stopsWhileItHangs(t, m, scansOnly...) }

func hangsAndAnAgentWithoutEventsStops(t *testing.T, m *mount) {
	stopsWhileItHangs(t, m, append([]string{"--no-watch"}, scansOnly...)...)
}

func stopsWhileItHangs(t *testing.T, m *mount, flags ...string) {
	t.Helper()
	s, rows := onMount(t, m)
	s.syncSample(m, flags...)
	m.hang(t, s.agent.Process.Pid)
	eventually(t, "the agent hangs in the mount", func() bool { return waitsForFUSE(s.agent.Process.Pid) })
	s.stop()
	late := sample.New(520).Play(2).JSON()
	writeFile(t, filepath.Join(m.under, "late.json"), late)
	m.goOn(t)
	s.start(flags...)
	rows.wait(late)
	s.stop()
}

// hangsAndCommandsStop: nobody can be kept from ending a command that compares once, nor an agent that is just
// starting.
func hangsAndCommandsStop(t *testing.T, m *mount) {
	s, _ := onMount(t, m)
	sampleTree().writeTo(t, m.under)
	s.mustPass(0, "reconcile")
	m.hang(t, 0)
	// A comparison that was cut short has found nothing out; an agent was to be stopped some time.
	for command, code := range map[string]int{"reconcile": exitFailed, "verify": exitFailed, "run": exitOK} {
		cmd := s.command(append([]string{command, "--watch", s.watch, "--queue-db", s.queue}, s.args...)...)
		var said syncBuffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		eventually(t, command+" hangs in the mount", func() bool { return waitsForFUSE(cmd.Process.Pid) })
		cmd.Process.Signal(syscall.SIGINT)
		eventually(t, command+" ends after an interrupt", func() bool { return len(ended) > 0 })
		if err := <-ended; cmd.ProcessState.ExitCode() != code {
			t.Errorf("%s was interrupted: %v, want exit code %d; it said %s", command, err, code, &said)
		}
	}
	m.goOn(t)
	s.mustPass(0, "verify")
}
