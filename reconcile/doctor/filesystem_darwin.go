package doctor

import (
	"strings"

	"golang.org/x/sys/unix"
)

func filesystemOf(dir string) filesystem {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return filesystem{}
	}
	name := unix.ByteSliceToString(st.Fstypename[:])
	switch {
	case strings.Contains(name, "fuse"): // FUSE says that it is local
		return filesystem{behindProgram, name}
	case st.Flags&unix.MNT_LOCAL == 0: // smbfs, nfs, webdav, afpfs
		return filesystem{onNetwork, name}
	default:
		return filesystem{onThisMachine, name}
	}
}

// freeSpace returns how many bytes this account can still write.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}
