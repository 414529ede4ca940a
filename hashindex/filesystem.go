package hashindex

import "path/filepath"

// Place says where the files of a directory are stored.
type Place uint8

const (
	Unknown Place = iota
	Local         // on a disk of this machine
	Network       // on another machine
	Program       // wherever a program of this machine gets them from, perhaps from another machine
)

// FileSystem is the file system of a directory.
type FileSystem struct {
	Place Place
	Name  string // the name that operators know; may be empty
}

// FileSystemOf returns the file system of a directory. It is the zero FileSystem if the directory does not exist.
func FileSystemOf(dir string) FileSystem {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return fileSystemOf(dir)
}

// IsRemote reports whether other machines may write to the root without an event on this one.
func (r Root) IsRemote() bool {
	var place Place
	r.Live.Do(func() { place = FileSystemOf(r.Dir).Place })
	return place == Network || place == Program
}
