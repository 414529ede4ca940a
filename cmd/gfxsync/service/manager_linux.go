package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// System returns the service manager of this machine, for services of the user or of the system. To change something
// is for root alone in the latter.
func System(user bool) (Manager, error) {
	if !user {
		return &Systemd{
			Dir: "/etc/systemd/system", Run: runSystemctl, Machine: readyForSystem, Check: checkAccess,
		}, nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, err
	}
	return &Systemd{
		User: true, Dir: filepath.Join(config, "systemd", "user"), Run: runSystemctl, Machine: runsSystemd,
	}, nil
}

// runsSystemd fails if systemd does not run this machine (sd_booted(3)).
func runsSystemd() error {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return fmt.Errorf("%w: this Linux is not run by systemd; have what runs its services start gfxsync run",
			ErrNoManager)
	}
	return nil
}

// readyForSystem fails where services of the system cannot be installed, or not by this person.
func readyForSystem() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: a service of the system is for root to install: use sudo, or --user for a service of "+
			"yours that runs while you are logged in", fs.ErrPermission)
	}
	return runsSystemd()
}

// checkAccess refuses a service of the system whose own account could not read what it needs.
func checkAccess(s Spec) error {
	if err := checkVisible(s.Program); err != nil || s.Account != "" {
		return err
	}
	for _, folder := range s.Folders {
		if err := openToAll(folder, 0o5); err != nil {
			return err
		}
	}
	return openToAll(s.Program, 0o5)
}

// openToAll fails if an account that has no part in a file or folder may not read and enter it. What is not there may
// come later.
func openToAll(name string, want fs.FileMode) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrPermission) { // a share may keep out even root
		return err
	}
	if err != nil || info.Mode().Perm()&want != want {
		return fmt.Errorf("%w: %s may be read by some accounts only, and the service has one of its own: name an "+
			"account that may read it with --account, or open it to all (chmod o+rX)", ErrRefused, name)
	}
	if parent := filepath.Dir(name); parent != name {
		return openToAll(parent, 0o1)
	}
	return nil
}
