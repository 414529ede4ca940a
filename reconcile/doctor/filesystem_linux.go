package doctor

import "golang.org/x/sys/unix"

// filesystems has the key f_type of statfs(2).
var filesystems = map[uint32]filesystem{
	unix.CIFS_SUPER_MAGIC: {onNetwork, "SMB"},
	unix.SMB2_SUPER_MAGIC: {onNetwork, "SMB"},
	unix.SMB_SUPER_MAGIC:  {onNetwork, "SMB"},
	unix.NFS_SUPER_MAGIC:  {onNetwork, "NFS"},
	unix.AFS_SUPER_MAGIC:  {onNetwork, "AFS"},
	unix.CODA_SUPER_MAGIC: {onNetwork, "Coda"},
	unix.CEPH_SUPER_MAGIC: {onNetwork, "Ceph"},
	unix.V9FS_MAGIC:       {behindProgram, "9p"}, // a drive of Windows in WSL
	unix.FUSE_SUPER_MAGIC: {behindProgram, "FUSE"},
}

func filesystemOf(dir string) filesystem {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return filesystem{}
	}
	if fs, ok := filesystems[uint32(st.Type)]; ok {
		return fs
	}
	return filesystem{place: onThisMachine}
}

// freeSpace returns how many bytes this account can still write.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}
