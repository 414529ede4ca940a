package hashindex

import "golang.org/x/sys/unix"

// fileSystems has the file systems by their f_type of statfs(2). All others are on this machine.
var fileSystems = map[uint32]FileSystem{
	unix.CIFS_SUPER_MAGIC: {Network, "SMB"},
	unix.SMB2_SUPER_MAGIC: {Network, "SMB"},
	unix.SMB_SUPER_MAGIC:  {Network, "SMB"},
	unix.NFS_SUPER_MAGIC:  {Network, "NFS"},
	unix.AFS_SUPER_MAGIC:  {Network, "AFS"},
	unix.CODA_SUPER_MAGIC: {Network, "Coda"},
	unix.CEPH_SUPER_MAGIC: {Network, "Ceph"},
	unix.V9FS_MAGIC:       {Program, "9p"}, // a drive of Windows in WSL
	unix.FUSE_SUPER_MAGIC: {Program, "FUSE"},
}

func fileSystemOf(dir string) FileSystem {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return FileSystem{}
	}
	if fs, ok := fileSystems[uint32(st.Type)]; ok {
		return fs
	}
	return FileSystem{Place: Local}
}
