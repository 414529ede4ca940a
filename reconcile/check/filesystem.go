package check

import "path/filepath"

// place is where the files of a directory really are.
type place uint8

const (
	unknown place = iota
	onThisMachine
	onNetwork
	behindProgram // served by a program of this machine, which may fetch them from anywhere
)

// filesystem is what holds a directory.
type filesystem struct {
	place place
	name  string // as operators know it; may be empty
}

// of tells what holds a directory, which must exist.
func of(dir string) filesystem {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return filesystemOf(dir)
}
