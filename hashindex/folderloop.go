package hashindex

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// ErrFolderLoop says that a folder shows one of the folders that contain it. This happens where a file server or a file
// system follows a symbolic link by itself. Walking such a folder would never end. Everything in it also has a shorter
// path.
var ErrFolderLoop = errors.New("the folder leads back to one that contains it, because the file server follows a " +
	"symbolic link; its files are read under their shorter path; remove the link, or let the server follow no links " +
	"(Samba: follow symlinks = no)")

const (
	// loopRepeats is how often the path from a folder to itself is repeated to prove a loop by modification times.
	// Some mounts have meaningless file numbers, and folders of the same name may have been made at the same moment.
	// Nobody nests such folders 16 deep. Each repeat goes through one or two links, and Linux follows forty
	// (path_resolution(7)).
	loopRepeats = 16
	// loopRepeatsSameFile is enough where the file numbers also say that both are the same folder.
	loopRepeatsSameFile = 3
	// maxLoopPath bounds the length in bytes of the path that is tried. Some SMB clients fail on longer paths.
	maxLoopPath = 2000
)

// IsFolderLoop reports whether the folder at this path shows one of the folders that contain it. The path "." is the
// root. It makes one system call for each part of the path, and more only where names repeat.
func (r Root) IsFolderLoop(path string) bool {
	return r.leadsBack(path, func(name string) bool {
		info, err := r.lstat(r.Abs(path + "/" + name))
		return err == nil && info.IsDir()
	})
}

// leadsBack is IsFolderLoop for a caller that knows which folders this folder contains.
func (r Root) leadsBack(path string, contains func(name string) bool) bool {
	if path == "." {
		return false
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		// If the folder shows the ancestor that contains this part, it contains the part too.
		if contains(part) && r.repeats(path, strings.Join(parts[i:], "/")) {
			return true
		}
	}
	return false
}

// repeats reports whether the cycle, a path relative to the folder, leads to the same folder again and again.
func (r Root) repeats(path, cycle string) bool {
	cycle = "/" + cycle
	folder, err := r.Lstat(path)
	if err != nil {
		return false
	}
	n := min(loopRepeats, (maxLoopPath-len(path))/len(cycle))
	if n < loopRepeatsSameFile {
		return false
	}
	isFolder := func(info fs.FileInfo, err error) bool {
		if err != nil || !info.IsDir() {
			return false
		}
		return os.SameFile(folder, info) || n == loopRepeats && info.ModTime().Equal(folder.ModTime())
	}
	// Only the first and the last repeat are looked at, because each part of a path is a request on a share. Lstat on
	// the first repeat fails if this machine sees a link in the cycle. Such a link is not the server's.
	return isFolder(r.Lstat(path+cycle)) && isFolder(r.lstat(r.Abs(path+strings.Repeat(cycle, n))))
}

// containsFolder returns a function that reports whether a listing, in the order of os.ReadDir, has a folder of a name.
func containsFolder(listing []fs.DirEntry) func(name string) bool {
	byName := func(d fs.DirEntry, name string) int { return strings.Compare(d.Name(), name) }
	return func(name string) bool {
		i, ok := slices.BinarySearchFunc(listing, name, byName)
		return ok && listing[i].IsDir()
	}
}
