//go:build !linux && !windows

package doctor

import (
	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// mount finds nothing: these systems do not tell for how long they remember sizes and times.
func mount(string, Setup) []store.Finding { return nil }

// isOnShare says whether a directory is on a network share, or may be. It may hang as long as the file system does.
func isOnShare(dir string) bool {
	place := hashindex.FileSystemOf(dir).Place
	return place == hashindex.Network || place == hashindex.Program
}

// nameSaysShare is isOnShare by the name alone, which tells nothing here.
func nameSaysShare(string) bool { return false }
