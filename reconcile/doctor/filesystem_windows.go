package doctor

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

func filesystemOf(dir string) filesystem {
	if name := filepath.VolumeName(dir); strings.HasPrefix(name, `\\`) && !strings.HasPrefix(name, `\\.\`) &&
		(!strings.HasPrefix(name, `\\?\`) || strings.HasPrefix(strings.ToUpper(name), `\\?\UNC\`)) {
		return filesystem{onNetwork, "UNC path"}
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return filesystem{}
	}
	// The volume is not always that of the drive letter: a drive can be mounted in a folder of another drive.
	volume := make([]uint16, windows.MAX_PATH+1)
	if windows.GetVolumePathName(path, &volume[0], uint32(len(volume))) != nil {
		return filesystem{}
	}
	switch windows.GetDriveType(&volume[0]) {
	case windows.DRIVE_REMOTE:
		return filesystem{onNetwork, "drive " + windows.UTF16ToString(volume)}
	case windows.DRIVE_FIXED, windows.DRIVE_REMOVABLE, windows.DRIVE_RAMDISK, windows.DRIVE_CDROM:
		return filesystem{place: onThisMachine}
	default:
		return filesystem{}
	}
}

// freeSpace returns how many bytes this account can still write.
func freeSpace(dir string) (free uint64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(path, &free, nil, nil)
	}
	return free, err
}
