package sharefault

import (
	"errors"
	"syscall"
)

// Of returns the fault behind an error of a system call on a network share.
func Of(err error) (Fault, bool) {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return Fault{}, false
	}
	return byWindows(uint32(errno))
}
