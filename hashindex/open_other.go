//go:build !windows

package hashindex

import (
	"os"
	"syscall"
)

// openShared opens a file for reading. If a FIFO has taken the file's place, it does not wait for a writer.
func openShared(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// isBusy always returns false here. Only on Windows can a writer keep readers out.
func isBusy(error) bool { return false }
