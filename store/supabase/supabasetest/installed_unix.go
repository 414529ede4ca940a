//go:build linux || darwin || freebsd

package supabasetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startInstalled runs the machine's own PostgreSQL on a unix socket inside a
// directory that only its user can enter, so trust authentication is safe and
// no port is taken.
func startInstalled(ctx context.Context) (*cluster, error) {
	bin, err := findBinaries(ctx)
	if err != nil {
		return nil, err
	}
	sweep(ctx)
	home, err := newHome()
	if err != nil {
		return nil, err
	}
	process, err := home.launch(ctx, bin)
	if err != nil {
		tail := logTail(home.path("log"))
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, tail), home.remove())
	}
	return &cluster{
		conn: home.conn(),
		shutdown: func() error {
			return errors.Join(process.quit(), home.remove())
		},
	}, nil
}

// findBinaries prefers the newest version, as a CI image often carries several.
func findBinaries(ctx context.Context) (string, error) {
	var dirs []string
	if p, err := exec.LookPath("postgres"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	best, newest := "", -1.0
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		if v := version(ctx, dir); v > newest {
			best, newest = dir, v
		}
	}
	if best == "" {
		return "", errNotInstalled
	}
	return best, nil
}

func version(ctx context.Context, dir string) float64 {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	fields := strings.Fields(string(out)) // postgres (PostgreSQL) 15.18 (Debian …)
	if err != nil || len(fields) < 3 {
		return -1
	}
	v, err := strconv.ParseFloat(fields[2], 64)
	if err != nil {
		return -1
	}
	return v
}

// home is the cluster's directory. Its lock is held for the life of this
// process, which is how another one knows that the directory is not stale.
type home struct {
	dir  string
	lock *os.File
	as   *syscall.Credential
}

func newHome() (*home, error) {
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(tempRoots()[0], homePrefix)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, as: as}
	if h.lock, err = lockDir(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, errors.Join(err, h.remove())
		}
	}
	return h, nil
}

// unprivileged is whom to run as, nil for ourselves: initdb and postgres refuse root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("running as root, and there is neither a user postgres nor nobody to run PostgreSQL as")
}

// tempRoots are the places for homes, the best one first. They avoid two traps:
// a socket's path may have no more than about 100 bytes, and root's own temporary
// directory may be closed to other users.
func tempRoots() []string {
	var roots []string
	if dir := fastRoot(); dir != "" {
		roots = append(roots, dir)
	}
	if dir := os.TempDir(); len(dir) < 70 && os.Geteuid() != 0 {
		roots = append(roots, dir)
	}
	return append(roots, "/tmp")
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

func (h *home) conn() string {
	return "host=" + h.dir + " port=5432 user=postgres sslmode=disable"
}

func (h *home) remove() error {
	return errors.Join(os.RemoveAll(h.dir), h.lock.Close())
}

func (h *home) launch(ctx context.Context, bin string) (*process, error) {
	logFile, err := os.OpenFile(h.path("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	initdb := h.command(exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", h.path("data"),
		"-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"), logFile)
	if err := initdb.Run(); err != nil {
		return nil, fmt.Errorf("initdb: %w", err)
	}
	args := []string{"-D", h.path("data"), "-k", h.dir, "-p", "5432", "-c", "listen_addresses="}
	for k, v := range settings {
		args = append(args, "-c", k+"="+v)
	}
	p, err := start(h.command(exec.Command(filepath.Join(bin, "postgres"), args...), logFile))
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := awaitReady(ctx, h.conn(), p.done); err != nil {
		return nil, errors.Join(err, p.quit())
	}
	return p, nil
}

// awaitReady connects until the server lets it in; died reports that waiting
// longer is pointless.
func awaitReady(ctx context.Context, conn string, died <-chan struct{}) error {
	for {
		c, err := pgx.Connect(ctx, conn+" dbname=postgres")
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-died:
			return errors.New("postgres exited while starting")
		case <-ctx.Done():
			return fmt.Errorf("postgres did not get ready: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (h *home) command(cmd *exec.Cmd, logFile *os.File) *exec.Cmd {
	cmd.Dir = h.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "HOME=" + h.dir}
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = attributes(h.as)
	return cmd
}

// process is a running postmaster.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// start keeps the goroutine on its thread because the kernel's parent-death
// signal is tied to the thread that forked, not to the process.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.own(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) own(started chan<- error) {
	runtime.LockOSThread()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // its exit is wanted, or awaitReady and the tests notice
	}
	close(p.done)
}

// quit asks for PostgreSQL's "immediate shutdown": the data is deleted next.
func (p *process) quit() error {
	if err := p.cmd.Process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}
