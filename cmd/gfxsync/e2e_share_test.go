//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// unavailable skips a test of something that cannot be had on this machine; on CI it can.
func unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	if os.Getenv("CI") != "" {
		t.Fatalf("needed on CI: %s", reason)
	}
	t.Skip("SKIPPED: " + reason)
}

func needProgram(t testing.TB, name, debianPackage string) string {
	t.Helper()
	// Not everybody has /usr/sbin in PATH.
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	unavailable(t, "there is no %s here (apt-get install %s)", name, debianPackage)
	return ""
}

// helper is a program in the foreground, with its children in a process group of its own.
type helper struct {
	name   string
	output *syncBuffer
	pid    int
	ended  chan struct{}
}

func startHelper(t testing.TB, env []string, name string, args ...string) *helper {
	t.Helper()
	h := &helper{name: filepath.Base(name), output: &syncBuffer{}, ended: make(chan struct{})}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = h.output, h.output, 5*time.Second
	// Should the tests be killed, the signal ends and unmounts it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.pid = cmd.Process.Pid
	go func() {
		defer close(h.ended)
		cmd.Wait() // how it ended is of no interest: most are killed
	}()
	t.Cleanup(func() {
		h.kill(t)
		if t.Failed() {
			t.Logf("%s said:\n%s", h.name, h.output)
		}
	})
	return h
}

// hasEnded says whether the program has ended, or does so within a time.
func (h *helper) hasEnded(within time.Duration) bool {
	if within > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		select {
		case <-h.ended:
		case <-ctx.Done():
		}
	}
	select {
	case <-h.ended:
		return true
	default:
		return false
	}
}

// kill ends the program and its children, at once.
func (h *helper) kill(t testing.TB) {
	t.Helper()
	// Children may outlive it. While any lives, the group's number is given to nobody else.
	if err := syscall.Kill(-h.pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		t.Errorf("kill %s: %v", h.name, err)
	}
	if !h.hasEnded(hangLimit) {
		t.Errorf("%s does not end", h.name)
	}
}

// fuse is a FUSE file system whose program runs in the foreground.
type fuse struct {
	t       testing.TB
	dir     string
	env     []string
	command []string
	process *helper
}

// mounted asks the kernel alone: statfs(2) would wait for ever for a file system that hangs.
func (f *fuse) mounted() bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && bytes.Contains(mounts, []byte(" "+f.dir+" "))
}

func (f *fuse) mount() {
	f.t.Helper()
	f.process = startHelper(f.t, f.env, f.command[0], f.command[1:]...)
	f.t.Cleanup(f.unmount)
	eventually(f.t, f.process.name+" has mounted", func() bool { return f.mounted() || f.process.hasEnded(0) })
	if f.process.hasEnded(0) {
		unavailable(f.t, "%s cannot mount: %s", f.process.name, f.process.output)
	}
}

// unmount waits for nobody who still uses the mount. It may be called again.
func (f *fuse) unmount() {
	f.t.Helper()
	if f.process == nil {
		return
	}
	if err := syscall.Unmount(f.dir, syscall.MNT_DETACH); err == syscall.EPERM {
		if out, err := exec.Command("fusermount", "-u", "-z", f.dir).CombinedOutput(); err != nil {
			f.t.Errorf("fusermount: %v: %s", err, out)
		}
	} else if err != nil {
		f.t.Errorf("unmount %s: %v", f.dir, err)
	}
	if !f.process.hasEnded(10 * time.Second) {
		f.process.kill(f.t)
	}
	f.process = nil
}

// fuseOptions keep the kernel from remembering names and sizes, so that what is measured is the agent.
const fuseOptions = "attr_timeout=0,entry_timeout=0,negative_timeout=0"

func bindfsMount(t testing.TB, options ...string) *mount {
	program := needProgram(t, "bindfs", "bindfs")
	dir := t.TempDir()
	m := &mount{dir: filepath.Join(dir, "mounted"), under: filepath.Join(dir, "underneath")}
	makeDirs(t, m.dir, m.under)
	f := &fuse{t: t, dir: m.dir, command: slices.Concat([]string{program, "-f", "-o", fuseOptions}, options, []string{m.under, m.dir})}
	f.mount()
	m.lose, m.restore = f.unmount, f.mount
	m.process = func() *helper { return f.process }
	return m
}

func makeDirs(t testing.TB, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// smbServer is an smbd that shares one directory with guests on 127.0.0.1, and keeps all it writes in a directory of its own.
type smbServer struct {
	t       testing.TB
	program string
	config  string
	address string
	process *helper
}

const smbConf = `[global]
	workgroup = GFXSYNC
	server role = standalone server
	map to guest = Bad User
	guest account = %[3]s
	server min protocol = SMB2
	client min protocol = SMB2
	interfaces = 127.0.0.1
	bind interfaces only = yes
	smb ports = %[4]d
	disable netbios = yes
	disable spoolss = yes
	load printers = no
	printcap name = /dev/null
	# Or samba-dcerpcd is started, to list shares to those who browse, and stays.
	rpc start on demand helpers = no
	private dir = %[1]s/private
	lock directory = %[1]s/lock
	state directory = %[1]s/state
	cache directory = %[1]s/cache
	pid directory = %[1]s/pid
	ncalrpc dir = %[1]s/ncalrpc
	log file = %[1]s/log
[gfx]
	path = %[2]s
	guest ok = yes
	read only = no
	# A lock on a file binds its readers, as on Windows.
	strict locking = yes
`

const smbnetfsConf = `# No looking around for other computers, nor for passwords.
smb_query_browsers "false"
use_libsecret "false"
# Milliseconds. Otherwise what has failed fails for three more seconds, whatever its server does. (With neg_cache "false", smbnetfs
# 0.6.3 hangs at its start.) Files and listings are not remembered.
neg_cache_timeout 1
`

// smbdDir makes a directory for all that an smbd keeps. The path of a socket may have 107 bytes, and those of t.TempDir
// are long.
func smbdDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gfxsync-smb-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, of := range []string{"private", "lock", "state", "cache", "pid", "ncalrpc"} {
		makeDirs(t, filepath.Join(dir, of))
	}
	return dir
}

func smbMount(t testing.TB) *mount {
	return smbMountBehind(t, func(address string) string { return address })
}

// smbMountBehind mounts a share by the address of what stands in front of its server.
func smbMountBehind(t testing.TB, front func(address string) string) *mount {
	smbd, smbnetfs := needProgram(t, "smbd", "samba"), needProgram(t, "smbnetfs", "smbnetfs")
	account, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := smbdDir(t)
	port := freePort(t)
	share, point, home := filepath.Join(dir, "share"), filepath.Join(dir, "mounted"), filepath.Join(dir, "home")
	makeDirs(t, share, point, home)
	// The client library reads the same file, under the user's home.
	config, clientConfig := filepath.Join(home, ".smb", "smb.conf"), filepath.Join(home, ".smb", "smbnetfs.conf")
	writeFile(t, config, fmt.Appendf(nil, smbConf, dir, share, account.Username, port))
	writeFile(t, clientConfig, []byte(smbnetfsConf))

	server := &smbServer{t: t, program: smbd, config: config, address: fmt.Sprintf("127.0.0.1:%d", port)}
	server.up()
	f := &fuse{
		t: t, dir: point, env: []string{"HOME=" + home},
		command: []string{smbnetfs, point, "-f", "-o", "config=" + clientConfig + "," + fuseOptions},
	}
	m := &mount{dir: filepath.Join(point, front(server.address), "gfx"), under: share, smb: true, lose: server.down}
	m.process = func() *helper { return server.process }
	watch := &hangWatch{mount: f, dir: m.dir, server: server.isUp}
	watch.whileWaiting()
	m.restore = func() {
		server.up()
		watch.untilListed()
	}
	f.mount()
	watch.untilListed()
	return m
}

func (s *smbServer) up() {
	s.t.Helper()
	s.process = startHelper(s.t, nil, s.program, "--foreground", "--no-process-group", "--debug-stdout", "--configfile="+s.config)
	eventually(s.t, "smbd answers", func() bool {
		if s.process.hasEnded(0) {
			return true
		}
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	if s.process.hasEnded(0) {
		s.t.Fatalf("smbd does not start: %s", s.process.output)
	}
}

func (s *smbServer) down() {
	s.t.Helper()
	s.process.kill(s.t)
}

func (s *smbServer) isUp() bool { return !s.process.hasEnded(0) }

// freePort finds a port that no connection will be given by chance, as it has to stay free while the server is down.
func freePort(t testing.TB) int {
	t.Helper()
	var failed error
	for range 20 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
		failed = err
	}
	t.Fatal(failed)
	return 0
}
