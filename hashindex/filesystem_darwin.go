package hashindex

import (
	"strings"

	"golang.org/x/sys/unix"
)

func fileSystemOf(dir string) FileSystem {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return FileSystem{}
	}
	name := unix.ByteSliceToString(st.Fstypename[:])
	switch {
	case strings.Contains(name, "fuse"): // FUSE says that it is local
		return FileSystem{Program, name}
	case st.Flags&unix.MNT_LOCAL == 0: // smbfs, nfs, webdav, afpfs
		return FileSystem{Network, name}
	default:
		return FileSystem{Local, name}
	}
}
