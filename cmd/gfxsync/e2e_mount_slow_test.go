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

	"golang.org/x/sys/unix"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// slowRate is how many bytes in a second are read from a slow mount.
const slowRate = 100_000

// isSlow: a slow share takes the time of nobody but its own, nor all the memory that there is for reading; nor does one
// that hangs while files are read from it.
func isSlow(t *testing.T, m *mount) {
	const size = 24 << 20 // of which three fill the memory, and none comes to its end

	t.Cleanup(func() { m.signal(t, syscall.SIGCONT) }) // should the test fail
	s, rows, plain := twoRoots(t, m)
	for i := range 4 { // as many as are read at a time
		name := filepath.Join(m.under, fmt.Sprintf("slow %d.json", i))
		writeFile(t, name, nil)
		if err := os.Truncate(name, size); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	s.start(append(scansOnly, "--no-watch", "--log-level", "debug")...)
	eventually(t, "slow files are being read", func() bool { return openFiles(s.agent.Process.Pid, "slow ") > 0 })
	eventually(t, "and the other folder is scanned", func() bool {
		return strings.Count(s.log.String(), "msg=scanned") > 0
	})
	arrives := func(i int) {
		t.Helper()
		content := sample.New(810 + i).Play(1).JSON()
		writeFile(t, filepath.Join(plain, fmt.Sprintf("fast %d.json", i)), content)
		rows.wait(content)
	}
	arrives(0)
	m.signal(t, syscall.SIGSTOP)
	eventually(t, "bindfs is stopped", func() bool { return allStopped(m.process().pid) })
	arrives(1)
	st, could := s.status(), time.Since(begin).Seconds()*slowRate
	if could < size && (st.Synced != 2 || st.Invalid != 0 || st.Gone != 0) {
		t.Errorf("status says %+v, want only the two other files synced", st)
	}
	m.goOn(t)
	s.stop()
}

// openFiles counts the files that a process has open whose name begins so (proc(5), /proc/PID/fd).
func openFiles(pid int, name string) (n int) {
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range all {
		if file, err := os.Readlink(fd); err == nil && strings.HasPrefix(filepath.Base(file), name) {
			n++
		}
	}
	return n
}

// hasALockedFile: a file that its writer has locked is not yet to be had. On an SMB share that lock keeps readers out;
// elsewhere on Linux it binds nobody. On SMB this takes long: smbnetfs tries a read that fails four times, two seconds
// apart. (Told to try once, smbnetfs 0.6.3 may hang.)
func hasALockedFile(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	locked := sample.New(840).Play(1).JSON()
	name := filepath.Join(m.under, "locked.json")
	writeFile(t, name, locked)
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	s.start(scansOnly...)
	if m.smb {
		s.waitStatus("the locked file is named", func(st *reconcile.Status) bool {
			return st.Invalid == 1 && st.Synced == 0
		})
		s.moreScans(2, func(st *reconcile.Status) {
			if st.Invalid != 1 || st.Synced != 0 || st.Gone != 0 || rows.have(locked) {
				t.Errorf("while the file is locked, status says %+v", st)
			}
		})
	} else {
		rows.wait(locked)
	}
	lock.Type = syscall.F_UNLCK
	if err := syscall.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	rows.wait(locked)
	s.waitStatus("the file is sound", func(st *reconcile.Status) bool { return st.Synced == 1 && st.Invalid == 0 })
	s.stop()
	named := strings.Count(s.log.String(), "a file cannot be synced")
	if m.smb && named != 1 || !m.smb && named != 0 {
		t.Errorf("the log names the locked file %d times", named)
	}
}
