//go:build linux || darwin || freebsd

package supabasetest

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const homePrefix = "sbt-pg-"

// lockDir takes the lock that says "in use". The descriptor closes on exec, so
// PostgreSQL does not inherit it and the lock ends with this process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes what killed test processes left behind. It is best effort: a
// directory that resists is another user's, or will be tried again.
func sweep(ctx context.Context) {
	var dirs []string
	for _, root := range tempRoots() {
		found, _ := filepath.Glob(filepath.Join(root, homePrefix+"*"))
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		// A directory this young may be between its creation and its lock.
		if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := lockDir(dir)
		if err != nil {
			continue
		}
		quitOrphan(ctx, dir)
		os.RemoveAll(dir)
		lock.Close()
	}
}

// quitOrphan stops a server that survived its owner, where the system has no
// parent-death signal. Only an answering socket proves that the process ID in
// postmaster.pid still is that server's.
func quitOrphan(ctx context.Context, dir string) {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		return
	}
	conn.Close()
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if pid, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGQUIT)
	}
}
