package bench_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store/sqlite"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// BenchmarkIdle measures the built program on a folder in which nothing happens. It scans every BENCH_IDLE (30s, the
// program's default). Its processor time between two scans is compared with that of one bare walk. Its memory is
// compared with that of a program on an empty folder.
func BenchmarkIdle(b *testing.B) {
	interval := 30 * time.Second
	if text := os.Getenv("BENCH_IDLE"); text != "" {
		var err error
		interval, err = time.ParseDuration(text)
		must(b, err)
	}
	files := scaled(b, 100_000)
	folder, program := tree(b, files, small), buildProgram(b)
	full, empty := startProgram(b, program, interval, folder, files), startProgram(b, program, interval, b.TempDir(), 0)
	floor := func() time.Duration {
		before := ownProcessorTime(b)
		walk(b, folder)
		return ownProcessorTime(b) - before
	}
	ours := func() time.Duration {
		before := full.processorTime()
		time.Sleep(interval) // the benchmark measures idling
		return full.processorTime() - before
	}
	compare(b, 1, fmt.Sprintf("processor time in %v idle with %s files", interval, count(files)), "a walk as above",
		floor, ours)
	mine, least := full.memory(), empty.memory()
	report(b, "memory idle with "+count(files)+" files", "the same on an empty folder", humanize.IBytes(least),
		humanize.IBytes(mine), float64(mine)/float64(least))
}

// buildProgram builds the program and returns its path.
func buildProgram(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "gfxsync")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program,
		"github.com/gfxsync/gfxsync/cmd/gfxsync")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// running is a running agent and the project that it writes to.
type running struct {
	*testing.B
	server *supabasetest.Server
	pid    int
}

// startProgram starts the program on a folder with this number of files. It returns when all of them have arrived.
func startProgram(b *testing.B, program string, interval time.Duration, folder string, files int) *running {
	b.Helper()
	server := newServer(b)
	queue := filepath.Join(b.TempDir(), "pending.db")
	cmd := exec.Command(program, "run", "--watch", folder, "--queue-db", queue, "--scan-schedule",
		"@every "+interval.String(), "--log-level", "warn")
	cmd.Env = []string{"GFX_SYNC_SUPABASE_URL=" + server.URL, "GFX_SYNC_SUPABASE_SERVICE_KEY=" + server.SecretKey}
	var log bytes.Buffer
	cmd.Stderr = &log
	must(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // Wait returns the result
		if err := cmd.Wait(); err != nil {
			b.Errorf("%v\n%s", err, &log)
		}
	})
	s := openState(b, queue)
	defer func() { must(b, s.Close()) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		st, err := reconcile.ReadStatus(b.Context(), s)
		must(b, err)
		if st.LastReconcile != nil && st.Synced == files {
			return &running{B: b, server: server, pid: cmd.Process.Pid}
		}
	}
}

// openState waits for the program to make its queue database, and opens it.
func openState(b *testing.B, queue string) *state.State {
	b.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := state.OpenExisting(b.Context(), queue)
		if err == nil {
			return s
		}
		if !errors.Is(err, sqlite.ErrMissing) {
			b.Fatal(err)
		}
		<-tick.C
	}
}

// processorTime returns the user and system time of a process from /proc/PID/stat (proc_pid_stat(5), fields 14 and 15,
// in hundredths of a second).
func (r *running) processorTime() time.Duration {
	r.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.pid))
	must(r.B, err)
	_, rest, _ := strings.Cut(string(text), ") ") // the name of the program before it may have any characters
	fields := strings.Fields(rest)
	var ticks int
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		must(r.B, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// memory returns the bytes that the process has in memory.
func (r *running) memory() uint64 { return r.status("VmRSS:") }

// memoryPeak returns the most bytes that the process has had in memory.
func (r *running) memoryPeak() uint64 { return r.status("VmHWM:") }

// status returns a number of kilobytes from proc_pid_status(5), in bytes.
func (r *running) status(name string) uint64 {
	r.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	must(r.B, err)
	_, rest, _ := strings.Cut(string(text), name)
	n, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
	must(r.B, err)
	return n << 10
}

// ownProcessorTime returns the processor time of this process.
func ownProcessorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
