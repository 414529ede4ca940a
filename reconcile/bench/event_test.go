package bench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/dustin/go-humanize"
	"github.com/fsnotify/fsnotify"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// writer writes new files and waits for the result of each.
type writer struct {
	b       *testing.B
	folder  string
	content func(i int) []byte
	came    chan time.Time
	n       int
}

func newWriter(b *testing.B, content func(i int) []byte) *writer {
	return &writer{b: b, folder: b.TempDir(), content: content, came: make(chan time.Time)}
}

// write writes a file. It returns the time from before the file existed until its result came.
func (w *writer) write() time.Duration {
	w.n++
	content := w.content(w.n)
	begin := time.Now()
	must(w.b, os.WriteFile(filepath.Join(w.folder, fmt.Sprintf("GameID=%d.json", w.n)), content, 0o600))
	return (<-w.came).Sub(begin)
}

// BenchmarkDetection measures the time from before a file is created until its event arrives.
func BenchmarkDetection(b *testing.B) {
	floor, ours := newWriter(b, small), newWriter(b, small)
	watchBare(b, floor)
	ready := make(chan struct{})
	w := watch.New(ours.folder, &detected{writer: ours, ready: sync.OnceFunc(func() { close(ready) })}, watch.Options{})
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	<-ready
	compare(b, 100, "detection: a file is created → its event is there", "bare fsnotify", floor.write, ours.write)
	cancel()
	running.Wait()
}

// detected receives the event of a file twice: when it is created and when it is written.
type detected struct {
	*writer
	ready func()
	last  string
}

func (d *detected) Lost(string) { d.ready() }

func (d *detected) Changed(path string, _ time.Time) {
	if path != d.last {
		d.last = path
		d.came <- time.Now()
	}
}

func watchBare(b *testing.B, to *writer) {
	b.Helper()
	n, err := fsnotify.NewWatcher()
	must(b, err)
	must(b, n.Add(to.folder))
	var running sync.WaitGroup
	running.Go(func() {
		for e := range n.Events {
			if e.Op.Has(fsnotify.Create) {
				to.came <- time.Now()
			}
		}
	})
	b.Cleanup(func() {
		must(b, n.Close())
		running.Wait()
	})
}

// BenchmarkFileToRow measures the time from before a file is created until the server has answered that its row is
// committed.
func BenchmarkFileToRow(b *testing.B) {
	server := newServer(b)
	client := newBare(b, server)
	n := 1 << 20
	floor := func() time.Duration {
		n++
		content := session(n)
		origin := store.Origin{Source: fileid.ID{Path: "x.json"}, FileHash: hashindex.XXH3.Sum(content)}
		r, err := store.MakeRecord(origin, content)
		must(b, err)
		body := encode([]store.Record{r})
		begin := time.Now()
		client.post(body)
		return time.Since(begin)
	}
	ours := newWriter(b, session)
	stop := runAgent(b, config(b, ours.folder, &observed{
		remoteOf(b, server),
		func([]store.Record) { ours.came <- time.Now() },
	}))
	compare(b, 20, "a file of "+humanize.IBytes(uint64(len(session(1))))+" is created → its row is committed",
		"a bare POST of the same body", floor, ours.write)
	stop()
}

// between is the shortest time between two saves of a file by PokerGFX. It is longer than the interval between two
// flushes of modified files.
const between = 7 * time.Second

// BenchmarkRewriteToRow measures the time from before a file is rewritten, as it is after every hand, until its row is
// committed. The settings are the defaults.
func BenchmarkRewriteToRow(b *testing.B) {
	server := newServer(b)
	created := newWriter(b, session)
	came := func([]store.Record) { created.came <- time.Now() }
	stop := runAgent(b, config(b, created.folder, &observed{remoteOf(b, server), came}))
	saves := 1 << 21 // so that each content is new and as large as that of a created file
	rewrite := func() time.Duration {
		time.Sleep(between)
		saves++
		content := session(saves)
		begin := time.Now()
		must(b, os.WriteFile(filepath.Join(created.folder, "GameID=1.json"), content, 0o600))
		return (<-created.came).Sub(begin)
	}
	create := func() time.Duration {
		time.Sleep(between)
		return created.write()
	}
	created.n = 1
	rewrite() // the first call creates the file
	compare(b, scaled(b, 3),
		"a file is rewritten → its row is committed", "a file is created → its row is committed", create, rewrite)
	stop()
}

// runAgent starts an agent and waits for the end of its first pass.
func runAgent(b *testing.B, cfg reconcile.Config) (stop func()) {
	b.Helper()
	a, err := reconcile.Open(b.Context(), cfg)
	must(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	// A requested pass runs after the pass of the start.
	_, err = reconcile.Reconcile(b.Context(), cfg, reconcile.Quick, reconcile.PassOptions{}, nil)
	must(b, err)
	return func() {
		cancel()
		must(b, <-ended)
		must(b, a.Close())
	}
}
