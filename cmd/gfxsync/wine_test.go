//go:build wine && linux

package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// With the tag wine, the end-to-end tests run the Windows program. A path of this system is one of drive Z: there, which is the
// current one, and SIGINT is Ctrl-C. What follows are the tests of what only Windows has.

var windowsProgram, windowsHelper string

func init() {
	underWine = true
	buildProgram = func(dir string) (program string, err error) {
		windowsProgram, err = goBuild(filepath.Join(dir, "gfxsync.exe"), ".", "GOOS=windows", "GOARCH=amd64")
		if err != nil {
			return "", err
		}
		windowsHelper, err = goBuild(filepath.Join(dir, "helper.exe"), "./windows/wine/helper", "GOOS=windows", "GOARCH=amd64")
		if err != nil {
			return "", err
		}
		program = filepath.Join(dir, "gfxsync")
		// The scripts use the Wine of the other tests.
		scriptVariables = append(scriptVariables, "TMPDIR="+os.TempDir())
		for _, v := range os.Environ() {
			if strings.HasPrefix(v, "WINE") || strings.HasPrefix(v, "HOME=") {
				scriptVariables = append(scriptVariables, v)
			}
		}
		return program, os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\nexec wine '%s' \"$@\"\n", windowsProgram), 0o755)
	}
}

// driveC is where drive C: lies here.
func driveC() string { return filepath.Join(os.Getenv("WINEPREFIX"), "drive_c") }

// onDriveC is a scene in a folder on drive C:, and the path of that folder on the drive.
func onDriveC(t *testing.T) (s *scene, folder string) {
	t.Helper()
	dir, err := os.MkdirTemp(driveC(), "e2e-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s = newScene(t)
	s.watch, s.queue = filepath.Join(dir, "방송 output"), filepath.Join(dir, "sync queue", "pending.db")
	if err := os.Mkdir(s.watch, 0o755); err != nil {
		t.Fatal(err)
	}
	return s, filepath.Base(dir)
}

func TestPathsOfWindows(t *testing.T) {
	for name, form := range map[string]func(string) string{
		"backslashes":             func(p string) string { return `C:\` + strings.ReplaceAll(p, "/", `\`) },
		"slashes":                 func(p string) string { return "C:/" + p },
		"a small letter and both": func(p string) string { return `c:\` + strings.ReplaceAll(p, "output", "OUTPUT") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, folder := onDriveC(t)
			s.args = []string{"--local", form(folder + "/local.db")}
			// No scan: these files are known by their events alone.
			s.start("--watch", form(folder+"/방송 output"), "--queue-db", form(folder+"/sync queue/pending.db"), "--scan-schedule", "")
			s.waitStatus("the first pass is over", func(st *reconcile.Status) bool { return st.LastReconcile != nil })

			files, long := tree{}, strings.Repeat(strings.Repeat("long", 12)+"/", 7)
			paths := []string{"a.json", "B.JSON", "하위/새 폴더/c.Json", norm.NFD.String("한국어.json"), long + "d.json"}
			for i, path := range paths {
				content := sample.New(i).Play(2).JSON()
				files[fmt.Sprintf("%d.json", i)] = content
				writeFile(t, filepath.Join(s.watch, path), content)
				paths[i] = norm.NFC.String(path)
			}
			renamed := sample.New(50).Play(2).JSON()
			files["renamed.json"] = renamed
			writeFile(t, filepath.Join(s.watch, "renamed.json.tmp"), renamed)
			if err := os.Rename(filepath.Join(s.watch, "renamed.json.tmp"), filepath.Join(s.watch, "renamed.json")); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, "renamed.json")
			writeFile(t, filepath.Join(s.watch, "not.jsonx"), []byte("{}"))

			s.waitStatus("all files synced", func(st *reconcile.Status) bool { return st.Synced == len(files) })
			s.mustPass(exitOK, "verify", "--watch", form(folder+"/방송 output"))
			s.stop()
			db := filepath.Join(driveC(), folder, "local.db")
			checkLocal(t, db, files)
			if got := pathsIn(t, db); !slices.Equal(got, slices.Sorted(slices.Values(paths))) {
				t.Errorf("nas_path: %q, want %q", got, paths)
			}
		})
	}
}

// pathsIn returns the column nas_path of a local table, sorted.
func pathsIn(t *testing.T, path string) (paths []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT nas_path FROM gfx_sessions`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p string
		if err := rows.Scan(&p); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// The paths of the specification, of which the agent makes only that of its own database.
func TestDefaultPathsOfWindows(t *testing.T) {
	gfx := filepath.Join(driveC(), "GFX")
	t.Cleanup(func() { os.RemoveAll(gfx) })
	s := newScene(t)
	s.agent = s.command("run", "--local", "C:/GFX/local.db")
	s.agent.Stderr = s.log
	if err := s.agent.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the queue database", func() bool {
		_, err := os.Stat(filepath.Join(gfx, "sync_queue", "pending.db"))
		return err == nil
	})
	if _, err := os.Stat(filepath.Join(gfx, "output")); !os.IsNotExist(err) {
		t.Errorf("the agent made its watch path: %v", err)
	}
	files := tree{"a.json": sample.New(1).Play(2).JSON()}
	files.writeTo(t, filepath.Join(gfx, "output"))
	eventually(t, "synced, says status without a flag", func() bool {
		out, err := s.command("status", "--json").Output()
		var st reconcile.Status
		return err == nil && json.Unmarshal(out, &st) == nil && st.Synced == 1 && st.AgentRunning
	})
	s.stop()
	checkLocal(t, filepath.Join(gfx, "local.db"), files)
}

// typed runs a command line of gfxsync as it would be typed: which arguments it has is for Windows to say.
func (s *scene) typed(line string) (code int, out string) {
	s.t.Helper()
	batch := filepath.Join(s.t.TempDir(), "typed.bat")
	writeFile(s.t, batch, fmt.Appendf(nil, "@\"%s\" %s\r\n", shown(windowsProgram), line))
	cmd := exec.Command("wine", "cmd", "/c", shown(batch))
	cmd.Env = append(cleanEnv(), s.env...)
	text, err := cmd.CombinedOutput()
	return exitCode(err), string(text)
}

func TestQuotationMarksOnACommandLine(t *testing.T) {
	t.Parallel()
	s, folder := onDriveC(t)
	for _, line := range []string{
		`run --watch "C:\GFX\output\"`,
		`run --watch "C:\GFX\output\" --local C:\GFX\local.db`,
		`run --watch "C:\GFX\output\" --local "C:\GFX 2\local.db"`, // "2\local.db" is an argument here
		`run --local C:\GFX\local.db --watch PC01="C:\GFX\output\";PC02=D:\GFX`,
	} {
		code, out := s.typed(line)
		if code != exitFailed || strings.Count(out, "\n") != 1 || !strings.Contains(out, "--watch is `") || !strings.Contains(out, `write "C:\GFX"`) {
			t.Errorf("%s: exit code %d: %s", line, code, out)
		}
	}
	place := `C:\` + folder
	if err := os.Mkdir(filepath.Join(driveC(), folder, "out put"), 0o755); err != nil {
		t.Fatal(err)
	}
	code, out := s.typed(`check --watch "` + place + `\out put\\" --local "` + place + `\a b.db" --queue-db "` + place + `/c d.db"`)
	for _, path := range []string{place + `\out put: 0 files`, place + `\a b.db is not there yet`} {
		if code != exitOK || !strings.Contains(out, path) {
			t.Errorf("exit code %d, and it is not said that %s: %s", code, path, out)
		}
	}
}

// windowsCommand starts a command of the helper, which goes on when the input that is returned is closed.
func windowsCommand(t testing.TB, args ...string) (*exec.Cmd, io.Closer, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("wine", append([]string{windowsHelper}, args...)...)
	cmd.Env = cleanEnv()
	goOn, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, goOn, bufio.NewReader(out)
}

// hold keeps everybody else from opening a file of the scene until release is called, which writes the content.
func (s *scene) hold(name string, content []byte) (release func()) {
	s.t.Helper()
	from := filepath.Join(s.t.TempDir(), "content")
	writeFile(s.t, from, content)
	cmd, goOn, out := windowsCommand(s.t, "hold", filepath.Join(s.watch, name), from)
	if line, err := out.ReadString('\n'); err != nil || !strings.HasPrefix(line, "held") {
		s.t.Fatalf("the helper holds nothing: %q, %v", line, err)
	}
	return func() {
		s.t.Helper()
		if err := goOn.Close(); err != nil {
			s.t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			s.t.Fatalf("the helper: %v", err)
		}
	}
}

func TestAFileThatItsWriterHoldsIsNotYetThere(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	db := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", db}
	s.start("--scan-schedule", "", "--reconcile-schedule", "")
	s.waitStatus("the first pass is over", func(st *reconcile.Status) bool { return st.LastReconcile != nil })
	files := tree{"held.json": sample.New(1).Play(2).JSON(), "later.json": sample.New(2).Play(2).JSON()}
	release := s.hold("held.json", files["held.json"])
	writeFile(t, filepath.Join(s.watch, "later.json"), files["later.json"])
	// Files are looked at in the order of their events, so the held one has been tried by then.
	s.waitStatus("a later file is synced", func(st *reconcile.Status) bool { return st.Synced == 1 && st.Invalid == 0 })
	release()
	s.waitStatus("both are synced", func(st *reconcile.Status) bool { return st.Synced == 2 && st.Invalid == 0 })
	s.stop()
	checkLocal(t, db, files)
}

func TestAFileThatItsWriterHoldsForLongIsReportedAndArrives(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	db := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", db}
	s.start("--scan-schedule", "@every 1s")
	files := tree{"held.json": sample.New(1).Play(2).JSON()}
	release := s.hold("held.json", files["held.json"])
	s.waitStatus("the file is reported", func(st *reconcile.Status) bool { return st.Invalid == 1 })
	if out, err := s.command("invalid", "list", "--queue-db", s.queue).CombinedOutput(); err != nil || !strings.Contains(string(out), "being written") {
		t.Errorf("invalid list does not say why: %v\n%s", err, out)
	}
	release()
	s.waitStatus("the file is synced", func(st *reconcile.Status) bool { return st.Synced == 1 && st.Invalid == 0 })
	s.stop()
	checkLocal(t, db, files)
}

func TestAClosedConsoleLosesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	db := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", db}
	log := filepath.Join(t.TempDir(), "gfxsync.log")
	cmd, closeConsole, _ := windowsCommand(t, "close", windowsProgram, "run", "--watch", s.watch, "--queue-db", s.queue, "--local", db, "--log-file", log)
	s.waitStatus("the first pass is over", func(st *reconcile.Status) bool { return st.LastReconcile != nil })
	files := tree{}
	for i := range 100 {
		files[fmt.Sprintf("%d.json", i)] = sample.New(i).Play(2).JSON()
	}
	files.writeTo(t, s.watch)
	s.waitStatus("some are synced", func(st *reconcile.Status) bool { return st.Synced > 0 })
	if err := closeConsole.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent did not stop well: %v", err)
	}
	if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), "msg=stopped") {
		t.Errorf("the agent did not come to its end: %v\n%s", err, text)
	}
	s.start()
	s.waitStatus("all are synced", func(st *reconcile.Status) bool {
		return st.Synced == len(files) && st.Pending == 0
	})
	s.stop()
	checkLocal(t, db, files)
}
