//go:build unix

package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// SECURITY.md names these tests.

// keyScene is an agent on a gateway with its log in a file, which has delivered a session.
func keyScene(t *testing.T) (s *scene, key, logFile string) {
	t.Helper()
	g := supabasetest.New(t)
	s = newScene(t).onSupabase(g, g.SecretKey)
	logFile = filepath.Join(filepath.Dir(s.queue), "log", "gfxsync.log")
	s.start("--log-file", logFile, "--log-level", "debug")
	sampleTree().writeTo(t, s.watch)
	_, count := sampleTree().jsonFiles()
	s.waitStatus("all files synced", func(st *reconcile.Status) bool { return st.Synced == count })
	return s, g.SecretKey, logFile
}

func TestTheKeyIsWrittenNowhere(t *testing.T) {
	t.Parallel()
	s, key, _ := keyScene(t)
	for _, args := range [][]string{{"status"}, {"status", "--json"}, {"queue", "list"}, {"invalid", "list"}, {"schema"}, {"run", "--help"}} {
		if args[0] == "status" || args[0] == "queue" || args[0] == "invalid" {
			args = append(args, "--queue-db", s.queue)
		}
		out, err := s.command(args...).CombinedOutput()
		if err != nil || bytes.Contains(out, []byte(key)) {
			t.Errorf("%v: %v, and shows the key: %v", args, err, bytes.Contains(out, []byte(key)))
		}
	}
	out, err := s.command("verify", "--watch", s.watch, "--queue-db", s.queue, "--log-level", "debug").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte(key)) {
		t.Errorf("verify: %v: %s", err, bytes.ReplaceAll(out, []byte(key), []byte("THE KEY")))
	}
	if runtime.GOOS == "linux" {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.agent.Process.Pid), "cmdline"))
		if err != nil || !bytes.Contains(line, []byte("run")) || bytes.Contains(line, []byte(key)) {
			t.Errorf("the command line in the process list: %q (%v)", line, err)
		}
	}
	files := 0
	eachFile(t, filepath.Dir(s.queue), func(name string, _ fs.FileInfo) {
		files++
		content, err := os.ReadFile(name)
		if err != nil || bytes.Contains(content, []byte(key)) {
			t.Errorf("%s: %v, or the key is in it", name, err)
		}
	})
	if files < 4 {
		t.Errorf("%d files beside the queue database: where are the log and SQLite's?", files)
	}
	s.stop()
}

// Go's crash output quotes the stacks of all goroutines, arguments included, as numbers; never what they point to.
func TestACrashDoesNotShowTheKey(t *testing.T) {
	t.Parallel()
	g := supabasetest.New(t)
	s := newScene(t).onSupabase(g, g.SecretKey)
	s.env = append(s.env, "GOTRACEBACK=all")
	s.start("--log-level", "debug")
	s.waitStatus("the remote answers", func(st *reconcile.Status) bool { return st.Link == "online" })
	if err := s.agent.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	err := s.agent.Wait()
	s.agent = nil
	dump := s.log.String()
	if err == nil || !strings.Contains(dump, "SIGABRT") || !strings.Contains(dump, "reconcile.(*Agent)") {
		t.Fatalf("the agent did not crash as it was to: %v", err)
	}
	if strings.Contains(dump, g.SecretKey) || strings.Contains(dump, g.SecretKey[len("sb_secret_"):]) {
		t.Error("the key is in the crash output")
	}
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	s, _, logFile := keyScene(t)
	seen := map[string]bool{}
	eachFile(t, filepath.Dir(s.queue), func(name string, info fs.FileInfo) {
		seen[name] = true
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", name, info.Mode().Perm())
		}
	})
	for _, name := range []string{s.queue, s.queue + "-wal", s.queue + "-shm", s.queue + ".lock", logFile} {
		if !seen[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for _, dir := range []string{filepath.Dir(s.queue), filepath.Dir(logFile)} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, want 700 (%v)", dir, info.Mode(), err)
		}
	}
	s.stop()
}

func eachFile(t *testing.T, dir string, visit func(name string, info fs.FileInfo)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			visit(name, info)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestACertificateThatNobodyVouchesForIsRefused(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would say that the client hung up
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	s := newScene(t)
	s.env = []string{"GFX_SYNC_SUPABASE_URL=" + server.URL, "GFX_SYNC_SUPABASE_SERVICE_KEY=" + testKey}
	writeFile(t, filepath.Join(s.watch, "a.json"), []byte(`{"ID":1}`))
	out, err := s.command("reconcile", "--watch", s.watch, "--queue-db", s.queue).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), "certificate") {
		t.Errorf("reconcile: %v: %s", err, out)
	}
	if asked.Load() != 0 {
		t.Error("a request, with the key in it, went to a server that could be anybody's")
	}
}

// What is no regular file of the root is nobody's session: it is neither opened nor waited for.
func TestLinksAndPipesAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	outside := t.TempDir()
	writeFile(t, filepath.Join(outside, "secret.json"), []byte(`{"ID":2}`))
	writeFile(t, filepath.Join(s.watch, "a.json"), []byte(`{"ID":1}`))
	if err := errors.Join(
		os.Symlink(filepath.Join(outside, "secret.json"), filepath.Join(s.watch, "link.json")),
		os.Symlink(outside, filepath.Join(s.watch, "folder")),
		os.Symlink("/dev/zero", filepath.Join(s.watch, "zero.json")),
		syscall.Mkfifo(filepath.Join(s.watch, "pipe.json"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	s.args = []string{"--local", filepath.Join(t.TempDir(), "local.db")}
	s.start("--scan-schedule", "@every 1s")
	first := 0
	s.waitStatus("two passes over the folder", func(st *reconcile.Status) bool {
		if st.Synced == 1 && st.LastScan != nil && first == 0 {
			first = int(st.LastScan.At.Unix())
		}
		return first != 0 && int(st.LastScan.At.Unix()) > first
	})
	if st := s.status(); st.Files != 1 || st.Invalid != 0 {
		t.Errorf("%d files, %d of them invalid, want one that is fine", st.Files, st.Invalid)
	}
	s.stop()
}
