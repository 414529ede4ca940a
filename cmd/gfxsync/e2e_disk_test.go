//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// tmpfs is a disk of a few MiB.
type tmpfs struct {
	t   *testing.T
	dir string
}

func newTmpfs(t *testing.T, size string) *tmpfs {
	t.Helper()
	if underWine {
		t.Skip("SKIPPED: the paths of drive Z: are not of one disk")
	}
	d := &tmpfs{t: t, dir: t.TempDir()}
	if err := syscall.Mount("gfxsync-test", d.dir, "tmpfs", 0, "size="+size); err != nil {
		unavailable(t, "only root may mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", d.dir, err)
		}
	})
	return d
}

// fill leaves no room for a single byte.
func (d *tmpfs) fill() {
	d.t.Helper()
	f, err := os.Create(filepath.Join(d.dir, "filler"))
	if err != nil {
		d.t.Fatal(err)
	}
	for block := make([]byte, 64<<10); ; {
		if _, err = f.Write(block); err == nil {
			continue
		}
		if len(block) == 1 {
			break
		}
		block = block[:len(block)/2]
	}
	f.Close()
}

func (d *tmpfs) free() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "filler")); err != nil {
		d.t.Fatal(err)
	}
}

func (d *tmpfs) readOnly() {
	d.t.Helper()
	if err := syscall.Mount("", d.dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		d.t.Fatal(err)
	}
}

// onLocal is a scene that delivers to a local table.
func onLocal(t *testing.T, table string) (*scene, *localRows) {
	s := newScene(t)
	s.args = []string{"--local", table}
	return s, &localRows{t: t, path: table}
}

// begun waits until the first reconcile is over.
func (s *scene) begun() {
	s.t.Helper()
	s.waitStatus("the agent has begun", func(st *reconcile.Status) bool { return st.LastReconcile != nil })
}

func (s *scene) waitLog(text string) {
	s.t.Helper()
	eventually(s.t, "the log says "+text, func() bool { return strings.Contains(s.log.String(), text) })
}

// errorLines are the lines of the log that tell of an error.
func (s *scene) errorLines() (lines []string) {
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "level=ERROR") {
			lines = append(lines, line)
		}
	}
	return lines
}

// overfill has one file arrive, fills the disk, and writes more of them.
func (s *scene) overfill(disk *tmpfs, rows *localRows) (contents [][]byte) {
	s.t.Helper()
	s.begun()
	first := sample.New(0).Play(1).JSON()
	writeFile(s.t, filepath.Join(s.watch, "first.json"), first)
	rows.wait(first)
	disk.fill()
	for i := range 200 {
		contents = append(contents, sample.New(1+i).Play(2).JSON())
		writeFile(s.t, filepath.Join(s.watch, fmt.Sprintf("%d.json", i)), contents[i])
	}
	return contents
}

// TestTheDiskOfTheQueueDatabaseIsFull: it is said once, nothing is sent of which nothing can be written down, and all arrives when
// there is room again.
func TestTheDiskOfTheQueueDatabaseIsFull(t *testing.T) {
	t.Parallel()
	disk := newTmpfs(t, "6m")
	s, rows := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
	s.queue = filepath.Join(disk.dir, "state", "pending.db")
	s.start("--log-level", "debug", "--scan-schedule", "@every 1s", "--flush-interval", "0.1")
	contents := s.overfill(disk, rows)
	s.waitLog("the disk of the database is full")
	scans := func() int { return strings.Count(s.log.String(), "msg=scanned") }
	before := scans()
	eventually(t, "five scans more", func() bool { return scans() >= before+5 })
	if lines := s.errorLines(); len(lines) != 1 || !strings.Contains(lines[0], "free some space") || !strings.Contains(lines[0], s.queue) {
		t.Errorf("the log has %d errors, want one that says what to do:\n%s", len(lines), strings.Join(lines, ""))
	}
	unsent := 0
	for _, content := range contents {
		if !rows.have(content) {
			unsent++
		}
	}
	if unsent == 0 {
		t.Error("the disk was not full, or records were sent without an intent")
	}
	out, err := s.command("status", "--queue-db", s.queue).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "! ") || !strings.Contains(string(out), "free some space") {
		t.Errorf("status on a full disk (%v) does not begin with what to do:\n%s", err, out)
	}

	disk.free()
	for _, content := range contents {
		rows.wait(content)
	}
	s.waitLog("the queue database can be used again")
	s.waitStatus("all synced", func(st *reconcile.Status) bool { return st.Synced == 201 && st.Pending+st.Queued == 0 })
	s.stop()
}

// TestTheDiskIsFullAtTheStart: there is nothing to begin with, and it is said what to do.
func TestTheDiskIsFullAtTheStart(t *testing.T) {
	t.Parallel()
	disk := newTmpfs(t, "1m")
	disk.fill()
	s, rows := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
	s.queue = filepath.Join(disk.dir, "pending.db")
	content := sample.New(0).Play(1).JSON()
	writeFile(t, filepath.Join(s.watch, "a.json"), content)
	s.refuses("run", shown(s.queue), "the disk of the database is full", "free some space")
	disk.free()
	s.mustPass(0, "reconcile")
	if !rows.have(content) {
		t.Error("reconcile has not sent the file")
	}
}

// refuses runs a command, which must fail with exit code 2 and these words.
func (s *scene) refuses(command string, words ...string) {
	s.t.Helper()
	cmd := s.command(append([]string{command, "--queue-db", s.queue}, s.pathArgs(command)...)...)
	s.mustRefuse(cmd, words...)
}

func (s *scene) pathArgs(command string) []string {
	if command == "status" {
		return nil
	}
	return append([]string{"--watch", s.watch}, s.args...)
}

func (s *scene) mustRefuse(cmd *exec.Cmd, words ...string) {
	s.t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	timer := time.AfterFunc(hangLimit, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	if exitCode(err) != 2 {
		s.t.Errorf("%v: %v, want exit code 2: %s", cmd.Args[1:], err, &out)
	}
	for _, word := range words {
		if !strings.Contains(out.String(), word) {
			s.t.Errorf("%v does not say %q: %s", cmd.Args[1:], word, &out)
		}
	}
	s.t.Logf("%s: %s", cmd.Args[1], &out)
}

// TestTheDiskOfTheLocalTableIsFull is an outage as any other.
func TestTheDiskOfTheLocalTableIsFull(t *testing.T) {
	t.Parallel()
	disk := newTmpfs(t, "6m")
	s, rows := onLocal(t, filepath.Join(disk.dir, "local.db"))
	s.start("--flush-interval", "0.1", "--queue-process-interval", "1")
	contents := s.overfill(disk, rows)
	s.waitStatus("records wait in the queue", func(st *reconcile.Status) bool {
		return st.Link == "offline" && st.Queued > 0 && st.Pending == 0 && strings.Contains(st.LinkError, "free some")
	})
	disk.free()
	s.waitStatus("all synced", func(st *reconcile.Status) bool { return st.Synced == 201 && st.Pending+st.Queued == 0 })
	for _, content := range contents {
		rows.wait(content)
	}
	s.stop()
}

// TestTheDiskOfTheLogIsFull: the agent goes on without a log, and with it when there is room.
func TestTheDiskOfTheLogIsFull(t *testing.T) {
	t.Parallel()
	disk := newTmpfs(t, "1m")
	logFile := filepath.Join(disk.dir, "gfxsync.log")
	s, rows := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
	s.start("--log-file", logFile)
	s.begun()
	send := func(i int) {
		t.Helper()
		content := sample.New(i).Play(1).JSON()
		writeFile(t, filepath.Join(s.watch, fmt.Sprintf("file-%d.json", i)), content)
		rows.wait(content)
	}
	send(0)
	disk.fill()
	for i := 1; i < 60; i++ {
		send(i)
	}
	disk.free()
	send(60)
	eventually(t, "the log goes on", func() bool {
		log, err := os.ReadFile(logFile)
		return err == nil && strings.Contains(string(log), "file-60.json")
	})
	s.stop()
}

// asAnother has the program run under an account that may read what everybody may, and owns nothing.
func (s *scene) asAnother() {
	s.t.Helper()
	if underWine {
		s.t.Skip("SKIPPED: Wine knows one account")
	}
	if os.Getuid() != 0 {
		unavailable(s.t, "only root may be somebody else")
	}
	program := filepath.Join(s.t.TempDir(), "gfxsync")
	letThrough(s.t, filepath.Dir(program))
	content, err := os.ReadFile(builtProgram)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(program, content, 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.as = func(cmd *exec.Cmd) {
		cmd.Path, cmd.SysProcAttr = program, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// nobody is an account that owns nothing.
const nobody = 65534

// letThrough has everybody reach a temporary directory.
func letThrough(t testing.TB, dir string) {
	t.Helper()
	for ; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAQueueDatabaseThatCannotBeWritten: each says what to do, and changes nothing.
func TestAQueueDatabaseThatCannotBeWritten(t *testing.T) {
	const what, instead = "cannot be used where it is", "GFX_SYNC_QUEUE_DB_PATH"
	t.Run("on a read-only disk", func(t *testing.T) {
		disk := newTmpfs(t, "6m")
		s, _ := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
		s.queue = filepath.Join(disk.dir, "state", "pending.db")
		s.mustPass(0, "reconcile")
		disk.readOnly()
		for _, command := range []string{"run", "reconcile", "verify", "status"} {
			s.refuses(command, shown(s.queue), what, instead)
		}
		s.queue = filepath.Join(disk.dir, "elsewhere", "pending.db")
		s.refuses("run", shown(s.queue), what, instead)
	})
	t.Run("below a file", func(t *testing.T) {
		s, _ := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
		writeFile(t, filepath.Dir(s.queue), []byte("a file"))
		s.refuses("run", shown(s.queue), what, instead)
	})
	t.Run("with a folder in its place", func(t *testing.T) {
		s, _ := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
		makeDirs(t, s.queue)
		s.refuses("run", s.queue, "expected the path of a file")
	})
	t.Run("of another account", func(t *testing.T) {
		s, _ := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
		s.mustPass(0, "reconcile")
		s.env = nowhere(t)
		s.asAnother()
		for _, args := range [][]string{{"run", "--watch", s.watch}, {"status"}} {
			s.mustRefuse(s.command(append(args, "--queue-db", s.queue)...), "permission denied", instead)
		}
	})
	t.Run("on a mount that maps no file", func(t *testing.T) {
		program := needProgram(t, "bindfs", "bindfs")
		dir := t.TempDir()
		m := &fuse{t: t, dir: filepath.Join(dir, "mounted"), command: []string{
			program, "-f", "-o", "direct_io", filepath.Join(dir, "underneath"), filepath.Join(dir, "mounted"),
		}}
		makeDirs(t, m.dir, filepath.Join(dir, "underneath"))
		m.mount()
		s, _ := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
		s.queue = filepath.Join(m.dir, "pending.db")
		for _, command := range []string{"run", "reconcile"} {
			s.refuses(command, shown(s.queue), what, instead)
		}
	})
	t.Run("from a newer version", func(t *testing.T) {
		s, _ := onLocal(t, filepath.Join(t.TempDir(), "local.db"))
		s.mustPass(0, "reconcile")
		s.execState(`PRAGMA user_version = 99`)
		for _, command := range []string{"run", "reconcile", "verify", "status"} {
			s.refuses(command, shown(s.queue), "newer gfxsync", "number 99", "knows up to 3", "start the newest gfxsync", instead)
		}
	})
}
