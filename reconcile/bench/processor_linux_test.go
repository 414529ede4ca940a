package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// rusageThread is RUSAGE_THREAD of getrusage(2), which package syscall lacks.
const rusageThread = 1

// BenchmarkProcessorTimePerFile measures the processor time of the built program for one file, requests included. It
// creates 200 files, each after the row of the last one. The floor is to write, read and hash such files.
func BenchmarkProcessorTimePerFile(b *testing.B) {
	const files = 200
	folder, n := b.TempDir(), 0
	write := func() {
		n++
		must(b, os.WriteFile(filepath.Join(folder, fmt.Sprintf("GameID=%d.json", n)), session(n), 0o600))
	}
	write()
	p := startProgram(b, buildProgram(b), time.Minute, folder, n)
	ours := func() time.Duration {
		before := p.processorTime()
		for range files {
			write()
			p.waitRows(n)
		}
		return (p.processorTime() - before) / files
	}
	ours() // warm up: work that is done once does not count
	compare(b, 3, "processor time for a file that is created, its request included", "writing, reading and hashing one",
		func() time.Duration { return readingTime(b, files) }, ours)
}

// readingTime returns the processor time of writing, reading and hashing a file. Reading alone takes less than the
// clock can measure.
func readingTime(b *testing.B, files int) time.Duration {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir, buffer := b.TempDir(), make([]byte, len(session(0))+1<<10)
	before := threadTime(b)
	for i := range files {
		content, name := session(i), filepath.Join(dir, fmt.Sprintf("GameID=%d.json", i))
		must(b, os.WriteFile(name, content, 0o600))
		hashFile(b, name, buffer[:len(content)])
	}
	return (threadTime(b) - before) / time.Duration(files)
}

func threadTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(rusageThread, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// waitRows waits until the table has this number of rows.
func (r *running) waitRows(n int) {
	r.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var rows int
		must(r.B, r.server.DB().QueryRow(r.Context(), `SELECT count(*) FROM gfx_sessions`).Scan(&rows))
		if rows == n {
			return
		}
	}
	r.Fatalf("the table does not come to %d rows", n)
}
