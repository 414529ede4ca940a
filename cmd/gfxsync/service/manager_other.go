//go:build !linux && !windows

package service

import (
	"fmt"
	"runtime"
)

// System fails with ErrNoManager.
func System(bool) (Manager, error) {
	return nil, fmt.Errorf("%w: on %s, have launchd, or whatever starts programs there, start gfxsync run, and start "+
		"it again when it ends", ErrNoManager, runtime.GOOS)
}
