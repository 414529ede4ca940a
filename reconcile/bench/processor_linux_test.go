package bench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// rusageThread is RUSAGE_THREAD of getrusage(2), for which syscall has no name.
const rusageThread = 1

// BenchmarkProcessorTimePerFile is the time that this process spends on a processor for each of 200 files that are
// created one by one, each after the row of the one before. The table costs nothing and the writer is left out, so that
// watching, reading and the queue database are what is measured. Its floor is to write, read and hash such files.
func BenchmarkProcessorTimePerFile(b *testing.B) {
	const files = 200
	runtime.LockOSThread() // the writer's thread
	defer runtime.UnlockOSThread()
	folder, came := b.TempDir(), make(chan struct{}, 1)
	name := func(i int) string { return filepath.Join(folder, fmt.Sprintf("GameID=%d.json", i)) }
	stop := runAgent(b, config(b, folder, &observed{&nowhere{}, func([]store.Record) { came <- struct{}{} }}))
	n := 0
	ours := func() time.Duration {
		before := ownProcessorTime(b) - threadTime(b)
		for range files {
			must(b, os.WriteFile(name(n), session(n), 0o600))
			await(b, came)
			n++
		}
		return (ownProcessorTime(b) - threadTime(b) - before) / files
	}
	ours() // what is done once is no part of it
	idle, buffer := b.TempDir(), make([]byte, len(session(0))+1<<10)
	floor := func() time.Duration {
		before := threadTime(b)
		for i := range files { // reading alone takes less than the clock can tell
			content, name := session(i), filepath.Join(idle, fmt.Sprintf("GameID=%d.json", i))
			must(b, os.WriteFile(name, content, 0o600))
			hashFile(b, name, buffer[:len(content)])
			must(b, os.Remove(name))
		}
		return (threadTime(b) - before) / files
	}
	compare(b, 3, "processor time for a file that is created", "writing, reading and hashing one", floor, ours)
	stop()
}

func threadTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(rusageThread, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func await(b *testing.B, came <-chan struct{}) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	select {
	case <-came:
	case <-ctx.Done():
		b.Fatal("a file does not come")
	}
}
