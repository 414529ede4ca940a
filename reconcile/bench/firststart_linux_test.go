package bench_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/dustin/go-humanize"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// BenchmarkFirstStart is the built program's first start on a folder of files that nobody has sent, to the last row.
// Its floor is a program that reads the files and sends them, five hundred to a request, and remembers nothing.
func BenchmarkFirstStart(b *testing.B) {
	files := scaled(b, 100_000)
	folder, program := tree(b, files, session), buildProgram(b)
	size := humanize.IBytes(uint64(bytesIn(b, folder)))
	var processor, floorProcessor time.Duration
	var memory uint64
	floor := func() time.Duration {
		client, begin, before := newBare(b, newServer(b)), time.Now(), ownProcessorTime(b)
		client.sendAll(folder)
		floorProcessor = ownProcessorTime(b) - before
		return time.Since(begin)
	}
	ours := func() time.Duration {
		begin := time.Now()
		p := startProgram(b, program, time.Minute, folder, files)
		took := time.Since(begin)
		processor, memory = p.processorTime(), p.memoryPeak()
		return took
	}
	what := fmt.Sprintf("first start on %s files (%s), to the last row", count(files), size)
	compare(b, 1, what, "reading and sending them alone", floor, ours)
	report(b, "processor time of that", "that of its floor, with the gateway's", show(floorProcessor), show(processor),
		float64(processor)/float64(floorProcessor))
	report(b, "most memory in it", "-", "-", humanize.IBytes(memory), 0)
}

func bytesIn(b *testing.B, folder string) (n int64) {
	must(b, filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	}))
	return n
}

// sendAll sends all files of a folder.
func (c *bare) sendAll(folder string) {
	c.Helper()
	var records []store.Record
	send := func() {
		if len(records) > 0 {
			c.post(encode(records))
		}
		records = nil
	}
	must(c.B, filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		must(c.B, err)
		record, err := store.MakeRecord(store.Origin{
			Source: fileid.ID{Path: filepath.Base(name)}, FileHash: hashindex.XXH3.Sum(content),
		}, content)
		must(c.B, err)
		if records = append(records, record); len(records) == 500 {
			send()
		}
		return nil
	}))
	send()
}
