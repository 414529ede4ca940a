package bench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// BenchmarkProcessorTimePerFile is the time that this process spends on a processor for each of 200 files that are created one by one,
// each after the row of the one before. The table costs nothing, so that watching, reading and the queue database are what is measured.
// Its floor is to write the same files and read them again.
func BenchmarkProcessorTimePerFile(b *testing.B) {
	const files = 200
	round := 0
	write := func(folder string, i int) {
		must(b, os.WriteFile(filepath.Join(folder, fmt.Sprintf("GameID=%d.json", i)), session(i), 0o600))
	}
	idle := b.TempDir()
	floor := func() time.Duration {
		before := ownProcessorTime(b)
		for i := range files {
			write(idle, i)
			_, err := os.ReadFile(filepath.Join(idle, fmt.Sprintf("GameID=%d.json", i)))
			must(b, err)
		}
		return (ownProcessorTime(b) - before) / files
	}
	came := make(chan struct{}, 1)
	folder := b.TempDir()
	stop := runAgent(b, config(b, folder, &observed{&nowhere{}, func([]store.Record) { came <- struct{}{} }}))
	ours := func() time.Duration {
		round++
		before := ownProcessorTime(b)
		for i := range files {
			write(folder, round*files+i)
			await(b, came)
		}
		return (ownProcessorTime(b) - before) / files
	}
	compare(b, 1, "processor time for a file that is created", "writing and reading the file", floor, ours)
	stop()
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
