package doctor

import "path/filepath"

// place says where the files of a directory are stored.
type place uint8

const (
	unknown place = iota
	onThisMachine
	onNetwork
	behindProgram // a program of this machine serves them, and may get them from anywhere
)

// filesystem is the file system of a directory.
type filesystem struct {
	place place
	name  string // the name that operators know; may be empty
}

// of returns the file system of a directory. The directory must exist.
func of(dir string) filesystem {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return filesystemOf(dir)
}
