//go:build darwin || freebsd

package supabasetest

import "syscall"

// attributes has no parent-death signal to rely on here; the next start sweeps.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as}
}

func fastRoot() string { return "" }
