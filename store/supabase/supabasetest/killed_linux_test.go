package supabasetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const childVariable = "SUPABASETEST_CHILD"

// TestChild is not a test: it is the process that TestKilledProcess kills.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("no test of its own: the process that TestKilledProcess kills")
	}
	dir := New(t).QueryStrings(t, "show unix_socket_directories")[0]
	fmt.Println("socket " + dir)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestKilledProcess(t *testing.T) {
	t.Parallel()
	New(t) // skips where there is no PostgreSQL
	if _, err := findBinaries(t.Context()); err != nil {
		t.Skipf("SKIPPED: embedded PostgreSQL outlives a killed test: %v", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	dir := ""
	for dir == "" && lines.Scan() {
		_, dir, _ = strings.Cut(lines.Text(), "socket ")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if dir == "" {
		t.Fatal("the child never started its server")
	}
	eventually(t, "PostgreSQL outlived its test process", func() bool {
		c, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.5432"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	// Its last processes may still touch the directory while they end.
	eventually(t, "what the killed process left is still there", func() bool {
		age(t, dir)
		sweep(t.Context())
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
}

func eventually(t *testing.T, complaint string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(helperTimeout); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal(complaint)
		}
	}
}

func age(t *testing.T, dir string) {
	t.Helper()
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir, long, long); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func TestSweepSparesTheLiving(t *testing.T) {
	t.Parallel()
	home := func() string {
		dir, err := os.MkdirTemp(tempRoots()[0], homePrefix)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	held, young := home(), home()
	lock, err := lockDir(held)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	age(t, held)
	sweep(t.Context())
	for _, dir := range []string{held, young} {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
}
