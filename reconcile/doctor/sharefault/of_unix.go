//go:build unix

package sharefault

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Of returns the fault behind an error of a system call on a network share.
func Of(err error) (Fault, bool) {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return Fault{}, false
	}
	return byErrno(unix.ErrnoName(errno))
}
