//go:build !windows

package hashindex

import (
	"os"
	"syscall"
)

// openShared opens a file for reading. It does not wait for the other end of a pipe that has taken the file's place.
func openShared(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// isBusy is for Windows, the only system on which a writer keeps readers out.
func isBusy(error) bool { return false }
