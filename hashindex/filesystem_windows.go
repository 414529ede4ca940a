package hashindex

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

func fileSystemOf(dir string) FileSystem {
	if name := filepath.VolumeName(dir); strings.HasPrefix(name, `\\`) && !strings.HasPrefix(name, `\\.\`) &&
		(!strings.HasPrefix(name, `\\?\`) || strings.HasPrefix(strings.ToUpper(name), `\\?\UNC\`)) {
		return FileSystem{Network, "UNC path"}
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return FileSystem{}
	}
	// The volume is not always that of the drive letter: a drive can be mounted in a folder of another drive.
	volume := make([]uint16, windows.MAX_PATH+1)
	if windows.GetVolumePathName(path, &volume[0], uint32(len(volume))) != nil {
		return FileSystem{}
	}
	switch windows.GetDriveType(&volume[0]) {
	case windows.DRIVE_REMOTE:
		return FileSystem{Network, "drive " + windows.UTF16ToString(volume)}
	case windows.DRIVE_FIXED, windows.DRIVE_REMOVABLE, windows.DRIVE_RAMDISK, windows.DRIVE_CDROM:
		return FileSystem{Place: Local}
	default:
		return FileSystem{}
	}
}
