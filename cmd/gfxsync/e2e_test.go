//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// The end-to-end tests run the built program as its users do: a process, a folder, and a table.

// hangLimit is how long a test waits for something that must happen. It says nothing about speed: on a busy machine
// everything takes longer, so only what hangs may reach it.
const hangLimit = 10 * time.Minute

var builtProgram string

// underWine: the program is the one for Windows (wine_test.go).
var underWine bool

// buildProgram builds the program into a folder and returns its path.
var buildProgram = func(dir string) (string, error) { return goBuild(filepath.Join(dir, "gfxsync"), ".") }

// shown is a path of this system as the program shows it, and here the other way round.
func shown(path string) string {
	if underWine {
		return "Z:" + strings.ReplaceAll(path, "/", `\`)
	}
	return path
}

func here(path string) string {
	if underWine {
		return strings.ReplaceAll(strings.TrimPrefix(path, "Z:"), `\`, "/")
	}
	return path
}

// systemSays is the text of an error of the system: Windows has words of its own, and Wine others again.
func systemSays(unix, wine string) string {
	if underWine {
		return wine
	}
	return unix
}

func goBuild(program, pkg string, env ...string) (string, error) {
	build := exec.Command("go", "build", "-o", program, pkg)
	build.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

func init() {
	aroundTests = func(m *testing.M) goleak.TestingM { return programTests{m} }
}

// programTests has the program built before the tests, and everything gone before goroutines are looked for.
type programTests struct{ *testing.M }

func (m programTests) Run() int {
	dir, err := os.MkdirTemp("", "gfxsync-e2e-*")
	if err != nil {
		panic(err)
	}
	code := 1
	// The scripts find it before the gfxsync that the test binary is itself, which starts slowly with the race detector.
	scriptVariables = []string{"PATH=" + dir + string(filepath.ListSeparator) + os.Getenv("PATH")}
	if builtProgram, err = buildProgram(dir); err == nil {
		code = m.M.Run()
	}
	if err := errors.Join(err, supabasetest.StopCluster(), os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// scene is a watch path, a queue database and an agent that can be started and stopped, in a folder of its own.
type scene struct {
	t     testing.TB
	watch string
	queue string
	args  []string // where the records go
	env   []string
	as    func(*exec.Cmd) // another account than that of the tests, if it is set

	agent *exec.Cmd
	log   *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// lastLines returns the last 50 lines of a log.
func lastLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-50):], "")
}

func newScene(t testing.TB) *scene {
	dir := t.TempDir()
	s := &scene{t: t, watch: filepath.Join(dir, "watch"), queue: filepath.Join(dir, "state", "pending.db"), log: &syncBuffer{}}
	if err := os.Mkdir(s.watch, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the end of the agent's log:\n%s", lastLines(s.log.String()))
		}
	})
	return s
}

// onSupabase makes the scene's agent deliver to a gateway.
func (s *scene) onSupabase(g *supabasetest.Server, key string) *scene {
	s.env = []string{"GFX_SYNC_SUPABASE_URL=" + g.URL, "GFX_SYNC_SUPABASE_SERVICE_KEY=" + key}
	return s
}

func (s *scene) command(args ...string) *exec.Cmd {
	cmd := exec.Command(builtProgram, args...)
	cmd.Env = append(cleanEnv(), s.env...)
	if s.as != nil {
		s.as(cmd)
	}
	return cmd
}

func cleanEnv() (env []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GFX_SYNC_") {
			env = append(env, v)
		}
	}
	// Settings of whoever runs the tests are not those of the tests.
	nowhere := filepath.Join(os.TempDir(), "gfxsync-no-settings")
	return append(env, "XDG_CONFIG_HOME="+nowhere, "APPDATA="+nowhere, "ProgramData="+nowhere)
}

func (s *scene) start(flags ...string) {
	s.t.Helper()
	s.agent = s.command(append(append([]string{"run", "--watch", s.watch, "--queue-db", s.queue}, s.args...), flags...)...)
	s.agent.Stderr = s.log
	if err := s.agent.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// kill ends the agent as a power cut would.
func (s *scene) kill() {
	if s.agent != nil {
		s.agent.Process.Kill()
		s.agent.Wait()
		s.agent = nil
	}
}

// stop ends the agent as an operator would. Exit code 0 says that it came to its own end within stopLimit: after
// that, main exits with another one.
func (s *scene) stop() {
	s.t.Helper()
	agent := s.agent
	if err := agent.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	hung := time.AfterFunc(hangLimit, func() { _ = agent.Process.Kill() })
	defer hung.Stop()
	if err := agent.Wait(); err != nil {
		s.t.Errorf("the agent did not stop well: %v", err)
	}
	s.agent = nil
}

// status is what gfxsync status --json says; nil while there is no queue database.
func (s *scene) status() *reconcile.Status {
	s.t.Helper()
	out, err := s.command("status", "--json", "--queue-db", s.queue).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if strings.Contains(string(exit.Stderr), "no agent has run") {
			return nil
		}
		s.t.Fatalf("status: %v: %q, %s", err, out, exit.Stderr)
	}
	if err != nil {
		s.t.Fatalf("status: %v", err)
	}
	st := &reconcile.Status{}
	if err := json.Unmarshal(out, st); err != nil {
		s.t.Fatalf("status --json printed %q: %v", out, err)
	}
	return st
}

func (s *scene) waitStatus(what string, ok func(*reconcile.Status) bool) {
	s.t.Helper()
	eventuallyAt(s.t, 100*time.Millisecond, hangLimit, what, func() bool { // each look is a process
		st := s.status()
		return st != nil && ok(st)
	})
}

// busyWait names a SQLite file that the agent may be writing to.
func busyWait(path string) string { return "file:" + path + "?_pragma=busy_timeout(10000)" }

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	eventuallyAt(t, 20*time.Millisecond, hangLimit, what, ok)
}

// eventuallyAt asks at a pace, for what takes long and asking is work.
func eventuallyAt(t testing.TB, pace, within time.Duration, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
			if do, any := whileWaiting.Load(t); any {
				do.(func())()
			}
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// whileWaiting holds what a test does between two looks at what it waits for: a func() by testing.TB.
var whileWaiting sync.Map

func onWaiting(t testing.TB, do func()) {
	whileWaiting.Store(t, do)
	t.Cleanup(func() { whileWaiting.Delete(t) })
}

// tree is files by their path below the watch path.
type tree map[string][]byte

// sampleTree has the shape of the exports of an event: 11 sessions' files, one session three times as it grew, one content under
// two paths, and an export of another kind beside them.
func sampleTree() tree {
	files := tree{"1015/PGFX_live_data_export.txt": []byte("not to be synced")}
	for i, dir := range []string{"1015", "1015", "1016", "1016/New", "1017", "1018"} {
		s := sample.New(i).Play(1 + i*5)
		files[dir+"/"+s.FileName()] = s.JSON()
	}
	grown := sample.New(100)
	files["1018/"+grown.FileName()] = grown.Play(1).JSON()
	files["1019/"+grown.FileName()] = grown.Play(1).JSON()
	files["1019/new/"+grown.FileName()] = grown.Play(80).JSON()
	twin := sample.New(101).Play(49)
	files["1019/"+twin.FileName()], files["1019/new/"+twin.FileName()] = twin.JSON(), twin.JSON()
	return files
}

// realTree reads the real exports that GFXSYNC_EXPORTS names.
func realTree(t *testing.T) tree {
	dir := os.Getenv("GFXSYNC_EXPORTS")
	if dir == "" {
		t.Skip("SKIPPED: GFXSYNC_EXPORTS names no folder of real PokerGFX exports")
	}
	files := tree{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (tr tree) writeTo(t testing.TB, dir string) {
	t.Helper()
	for path, content := range tr {
		writeFile(t, filepath.Join(dir, path), content)
	}
}

func writeFile(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// jsonFiles returns the contents of the files that are to be synced, by hash, and how many files there are.
func (tr tree) jsonFiles() (byHash map[string][]byte, files int) {
	byHash = map[string][]byte{}
	for path, content := range tr {
		if strings.HasSuffix(path, ".json") {
			byHash[hashindex.XXH3.Sum(content)] = content
			files++
		}
	}
	return byHash, files
}
