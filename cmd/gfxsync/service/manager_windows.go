package service

import "github.com/gfxsync/gfxsync/reconcile/doctor"

// System returns the service manager of this machine. Windows has no services of users.
func System(bool) (Manager, error) {
	return &Windows{Control: windowsControl{}, NetworkDrive: func(path string) (instead string, found bool) {
		drive, found := doctor.NetworkDrive(path)
		return drive.Instead(path), found
	}}, nil
}
