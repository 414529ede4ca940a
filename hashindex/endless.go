package hashindex

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// ErrLeadsBack says that a folder is one of those that it lies in, as it is where a file server, or a file system, follows a symbolic
// link by itself: what it shows has no end. All that is in it has a shorter path.
var ErrLeadsBack = errors.New("the folder leads back to one that it lies in, as a link that the file server follows does; what is in it is " +
	"not looked at under this name: remove the link, or have the server follow none (Samba: follow symlinks = no)")

const (
	// turns is how often the way from a folder to itself must lead on to what looks like that folder. On mounts whose file numbers mean
	// nothing, nothing else tells a folder that is its own subfolder from one that was made in the same moment as the folders of the
	// same name above it. Each turn goes through a link or two, and Linux follows forty (path_resolution(7)).
	turns = 16
	// fewTurns will do where the file numbers say that it is the same folder, should there be no room for more.
	fewTurns = 3
	// longestWay is how many bytes long a path is made up to find out. Of longer ones, clients of SMB may make an error of their own.
	longestWay = 2000
)

// LeadsBack says whether the folder at this path ("." is the root) is one of those that it lies in. Where names do not repeat, that
// takes as many system calls as the path has parts.
func (r Root) LeadsBack(path string) bool {
	return r.leadsBack(path, func(name string) bool {
		info, err := r.lstat(r.Abs(path + "/" + name))
		return err == nil && info.IsDir()
	})
}

// leadsBack is told by has which folders the folder has.
func (r Root) leadsBack(path string, has func(name string) bool) bool {
	if path == "." {
		return false
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		// A folder that is the one above this part has this part in it.
		if has(part) && r.hasNoEnd(path, strings.Join(parts[i:], "/")) {
			return true
		}
	}
	return false
}

// hasNoEnd says whether the way leads from the folder to what looks like it, again and again.
func (r Root) hasNoEnd(path, way string) bool {
	way = "/" + way
	folder, err := r.Lstat(path)
	if err != nil {
		return false
	}
	n := min(turns, (longestWay-len(path))/len(way))
	if n < fewTurns {
		return false
	}
	looksLikeIt := func(info fs.FileInfo, err error) bool {
		return err == nil && info.IsDir() && (os.SameFile(folder, info) || n == turns && info.ModTime().Equal(folder.ModTime()))
	}
	// Of the many turns, only the last is looked at: on a share, every part of such a path is a request. The first shows that there is
	// no link in the way that is one to this machine too.
	return looksLikeIt(r.Lstat(path+way)) && looksLikeIt(r.lstat(r.Abs(path+strings.Repeat(way, n))))
}

// among says whether a listing, in the order of os.ReadDir, has a folder of this name.
func among(listing []fs.DirEntry) func(name string) bool {
	return func(name string) bool {
		i, ok := slices.BinarySearchFunc(listing, name, func(d fs.DirEntry, name string) int { return strings.Compare(d.Name(), name) })
		return ok && listing[i].IsDir()
	}
}
