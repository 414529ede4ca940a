package bench_test

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/zeebo/xxh3"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// BenchmarkScan measures a scan that finds every file unchanged.
func BenchmarkScan(b *testing.B) {
	files := scaled(b, 100_000)
	folder := tree(b, files, small)
	cfg := config(b, folder, &nowhere{})
	synced(b, cfg, reconcile.Quick)
	s, err := state.Open(b.Context(), cfg.QueueDB)
	must(b, err)
	defer func() { must(b, s.Close()) }()
	scanner := hashindex.Scanner{Index: s.Index, Root: cfg.Roots[0], Match: cfg.Pattern.Match}
	ours := func() time.Duration {
		begin, same := time.Now(), 0
		_, err := scanner.Run(b.Context(), func(_ string, stamp *hashindex.Stamp, e *hashindex.ScanEntry) error {
			if stamp != nil && e != nil && *stamp == e.Stamp && !e.Racy {
				same++
			}
			return nil
		})
		must(b, err)
		if same != files {
			b.Fatalf("%d files are as they were, want %d", same, files)
		}
		return time.Since(begin)
	}
	compare(b, 1, "scan of "+count(files)+" unchanged files", "filepath.WalkDir with Info",
		func() time.Duration { return walk(b, folder) }, ours)
}

// walk does the least work that reads the stamps of all files.
func walk(b *testing.B, folder string) time.Duration {
	begin := time.Now()
	must(b, filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = d.Info()
		return err
	}))
	return time.Since(begin)
}

const megabyte = 1 << 20

// BenchmarkFull measures a full pass that finds every file unchanged.
func BenchmarkFull(b *testing.B) {
	files := scaled(b, 1024)
	folder := tree(b, files, large)
	cfg := config(b, folder, &nowhere{})
	synced(b, cfg, reconcile.Quick)
	ours := func() time.Duration {
		r, took := pass(b, cfg, reconcile.Full)
		if !r.InSync || int(r.Hashed) != files {
			b.Fatalf("not a full pass over unchanged files: %+v", r)
		}
		return took
	}
	compare(b, 1, "full hash of "+humanize.IBytes(uint64(files*megabyte))+" in "+count(files)+" files",
		"reading and XXH3 alone, two files at a time too",
		func() time.Duration { return hashAll(b, folder) }, ours)
}

// large returns a content of one megabyte.
func large(i int) []byte {
	content := fmt.Appendf(make([]byte, 0, megabyte), `{"ID":%d,"EventTitle":"`, i)
	rng := rand.New(rand.NewPCG(1, uint64(i)))
	for len(content) < megabyte-2 {
		content = append(content, 'a'+byte(rng.IntN(26)))
	}
	return append(content, `"}`...)
}

// hashAll reads and hashes all files with as many goroutines as a full pass.
func hashAll(b *testing.B, folder string) time.Duration {
	begin := time.Now()
	names := make(chan string)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			buffer := make([]byte, megabyte)
			for name := range names {
				hashFile(b, name, buffer)
			}
		})
	}
	must(b, filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names <- name
		}
		return err
	}))
	close(names)
	readers.Wait()
	return time.Since(begin)
}

func hashFile(b *testing.B, name string, buffer []byte) {
	f, err := os.Open(name)
	if err == nil {
		_, err = io.ReadFull(f, buffer)
	}
	if err != nil {
		b.Error(err)
	}
	xxh3.Hash128(buffer)
	if err := f.Close(); err != nil {
		b.Error(err)
	}
}
