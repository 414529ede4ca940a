package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gfxsync/gfxsync/reconcile"
)

// withoutLocks makes of this test binary a program that runs another one on a system whose file systems cannot lock: the variable
// holds the error number that they give.
const withoutLocks = "GFXSYNC_TEST_WITHOUT_LOCKS"

func init() {
	errno, err := strconv.Atoi(os.Getenv(withoutLocks))
	if err != nil {
		return
	}
	runtime.LockOSThread() // the filter is of this thread, and of what it executes
	if err = refuseLocks(uint32(errno)); err == nil {
		err = syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(99)
}

// refuseLocks has every lock refused by the kernel (seccomp(2)).
func refuseLocks(errno uint32) error {
	const number, command = 0, 24 // where struct seccomp_data has the system call, and the second argument of fcntl(2)
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	// equal goes on with the next instruction, or skips some.
	equal := func(value uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jt: yes, Jf: no}
	}
	result := func(value uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value} }
	filter := []unix.SockFilter{
		load(number),
		equal(unix.SYS_FLOCK, 6, 0),
		equal(unix.SYS_FCNTL, 0, 6),
		load(command),
		equal(unix.F_SETLK, 3, 0), equal(unix.F_SETLKW, 2, 0), equal(unix.F_OFD_SETLK, 1, 0), equal(unix.F_OFD_SETLKW, 0, 1),
		result(unix.SECCOMP_RET_ERRNO | errno),
		result(unix.SECCOMP_RET_ALLOW),
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// TestAQueueDatabaseThatCannotBeLocked is refused, and it is said where one can be: without locks, two agents could write to it.
func TestAQueueDatabaseThatCannotBeLocked(t *testing.T) {
	t.Parallel()
	if underWine {
		t.Skip("SKIPPED: Wine makes locks of its own")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, errno := range []syscall.Errno{syscall.ENOLCK, syscall.ENOSYS, syscall.EOPNOTSUPP} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.env = nowhere(t)
			s.without(self, errno, "run")
			s.without(self, errno, "reconcile")
			s.start() // where locks work, the database is made
			s.waitStatus("the database is there", func(st *reconcile.Status) bool { return st.Link == "offline" })
			s.stop()
			s.without(self, errno, "run")
			s.without(self, errno, "reconcile")
			s.without(self, errno, "verify")
			s.without(self, errno, "status")
		})
	}
}

// without runs a command that gets no locks, and is to be refused.
func (s *scene) without(self string, errno syscall.Errno, command string) {
	s.t.Helper()
	cmd := s.command(append([]string{command, "--queue-db", s.queue}, s.pathArgs(command)...)...)
	cmd.Path, cmd.Args = self, append([]string{self}, cmd.Args...)
	cmd.Env = append(cmd.Env, withoutLocks+"="+strconv.Itoa(int(errno)))
	why := "cannot be used where it is"
	if errno == syscall.ENOLCK && (command == "verify" || command == "status") {
		why = "its file system cannot lock files" // SQLite makes "busy" of it
	}
	s.mustRefuse(cmd, s.queue, why, "GFX_SYNC_QUEUE_DB_PATH")
}
