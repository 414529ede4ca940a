package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: what is written to us is typed, and what is read from us is shown.
type terminal struct {
	us, program *os.File
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	us, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		unavailable(t, "there are no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { us.Close() })
	if err := unix.IoctlSetPointerInt(int(us.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(us.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return &terminal{us, program}
}

func (term *terminal) echoes(t *testing.T) bool {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(term.program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO != 0
}

// asksForKey starts gfxsync key set at a terminal, waits until it hides what is typed, and types a text.
func asksForKey(t *testing.T, file, typed string) (term *terminal, outcome func() (code int, printed string)) {
	t.Helper()
	if underWine {
		t.Skip("SKIPPED: a terminal of Linux is none in Wine")
	}
	term = newTerminal(t)
	cmd := exec.Command(builtProgram, "key", "set", "--env-file", file)
	printed := &syncBuffer{}
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = cleanEnv(), term.program, printed, printed
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, "it hides what is typed", func() bool { return !term.echoes(t) })
	if _, err := term.us.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	return term, func() (int, string) {
		_ = cmd.Wait() // the exit code says it
		return cmd.ProcessState.ExitCode(), printed.String()
	}
}

func TestAKeyThatIsTypedDoesNotShow(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gfxsync.env")
	term, outcome := asksForKey(t, file, testKey+"\n")
	if code, printed := outcome(); code != 0 || !strings.HasPrefix(printed, "Secret key of the Supabase project") ||
		strings.Contains(printed, testKey) {
		t.Errorf("exit code %d: %q", code, printed)
	}
	if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), "="+testKey+"\n") {
		t.Errorf("the file is %q (%v)", content, err)
	}
	if !term.echoes(t) {
		t.Fatal("the terminal goes on hiding what is typed")
	}
	// What is typed now is the first that shows.
	if _, err := term.us.WriteString("now\n"); err != nil {
		t.Fatal(err)
	}
	shown := make([]byte, len("now\r\n"))
	if _, err := io.ReadFull(term.us, shown); err != nil || string(shown) != "now\r\n" {
		t.Errorf("it shows %q (%v)", shown, err)
	}
}

func TestCtrlCInsteadOfAKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gfxsync.env")
	term, outcome := asksForKey(t, file, "\x03")
	if code, printed := outcome(); code != exitFailed || !strings.HasSuffix(printed, "\ngfxsync: stopped\n") {
		t.Errorf("exit code %d: %q", code, printed)
	}
	if !term.echoes(t) {
		t.Error("the terminal goes on hiding what is typed")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file")
	}
}
