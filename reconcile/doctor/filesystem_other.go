//go:build !linux && !darwin && !windows

package doctor

import "errors"

func filesystemOf(string) filesystem { return filesystem{} }

func freeSpace(string) (uint64, error) { return 0, errors.ErrUnsupported }
