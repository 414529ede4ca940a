package doctor

import (
	"cmp"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"github.com/gfxsync/gfxsync/store"
)

// mount says whether the watch path begins with the letter of a network drive, which a service does not have.
func mount(dir string, _ Setup) []store.Finding {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	letter := driveLetter(dir)
	if letter == "" || driveType(letter) != windows.DRIVE_REMOTE {
		return nil
	}
	return []store.Finding{networkDrive(dir, Drive{letter, shareOf(letter)})}
}

// NetworkDrive returns the drive that a path begins with, if that is a network drive or may be one: a drive that is not
// there may be a network drive of the same person without the rights of an administrator.
func NetworkDrive(path string) (drive Drive, found bool) {
	letter := driveLetter(path)
	if letter == "" {
		return Drive{}, false
	}
	switch driveType(letter) {
	case windows.DRIVE_REMOTE, windows.DRIVE_NO_ROOT_DIR:
		return Drive{letter, cmp.Or(shareOf(letter), rememberedShare(letter))}, true
	}
	return Drive{}, false
}

// isOnShare says whether a directory is on a network share, or may be.
func isOnShare(dir string) bool { return nameSaysShare(dir) }

// nameSaysShare is isOnShare. A drive that is not there may be a network drive of another user.
func nameSaysShare(dir string) bool {
	if letter := driveLetter(dir); letter != "" {
		kind := driveType(letter)
		return kind == windows.DRIVE_REMOTE || kind == windows.DRIVE_NO_ROOT_DIR
	}
	return strings.HasPrefix(filepath.VolumeName(dir), `\\`)
}

// driveLetter returns the drive that a directory is on, such as "Z:"; empty: it is named by a UNC path.
func driveLetter(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if name := filepath.VolumeName(dir); len(name) == 2 && name[1] == ':' {
		return strings.ToUpper(name)
	}
	return ""
}

func driveType(letter string) uint32 {
	root, err := windows.UTF16PtrFromString(letter + `\`)
	if err != nil {
		return windows.DRIVE_UNKNOWN
	}
	return windows.GetDriveType(root)
}

var wNetGetConnection = windows.NewLazySystemDLL("mpr.dll").NewProc("WNetGetConnectionW")

// shareOf returns the share that a drive is connected with, such as \\NAS\gfx; empty: Windows does not tell.
func shareOf(letter string) string {
	drive, err := windows.UTF16PtrFromString(letter)
	if err != nil || wNetGetConnection.Find() != nil {
		return ""
	}
	share := make([]uint16, windows.MAX_LONG_PATH)
	length := uint32(len(share))
	code, _, _ := wNetGetConnection.Call(uintptr(unsafe.Pointer(drive)), uintptr(unsafe.Pointer(&share[0])),
		uintptr(unsafe.Pointer(&length)))
	if code != 0 {
		return ""
	}
	return windows.UTF16ToString(share)
}

// rememberedShare returns the share that the user has a drive connected with at each log-on; empty: there is none.
func rememberedShare(letter string) string {
	path := `Network\` + strings.TrimSuffix(letter, ":")
	key, err := registry.OpenKey(registry.CURRENT_USER, path, registry.QUERY_VALUE)
	if err != nil {
		return ""
	}
	defer key.Close()
	share, _, err := key.GetStringValue("RemotePath")
	if err != nil {
		return ""
	}
	return share
}
