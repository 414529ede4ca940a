package watch

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkDetect measures from the start of os.WriteFile to the event in the consumer's hand, for this package and for fsnotify alone.
func BenchmarkDetect(b *testing.B) {
	ours, bare := b.TempDir(), b.TempDir()
	ctx, cancel := context.WithCancel(b.Context())
	w := New(ours, Options{})
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	defer running.Wait()
	defer cancel()
	<-w.Events()
	n, err := fsnotify.NewWatcher()
	must(b, err)
	defer n.Close()
	must(b, n.Add(bare))

	var took, tookBare []time.Duration
	for i := 0; b.Loop(); i++ {
		path := fmt.Sprintf("%s/%d.json", ours, i)
		begin := time.Now()
		must(b, os.WriteFile(path, []byte(`{"ID":1}`), 0o600))
		for ev := <-w.Events(); ev.Path != path[len(ours)+1:]; ev = <-w.Events() {
		}
		took = append(took, time.Since(begin))

		path = fmt.Sprintf("%s/%d.json", bare, i)
		begin = time.Now()
		must(b, os.WriteFile(path, []byte(`{"ID":1}`), 0o600))
		for ev := <-n.Events; ev.Name != path; ev = <-n.Events {
		}
		tookBare = append(tookBare, time.Since(begin))
	}
	b.ReportMetric(float64(median(took).Nanoseconds())/1000, "median-µs")
	b.ReportMetric(float64(median(tookBare).Nanoseconds())/1000, "bare-median-µs")
	b.ReportMetric(float64(median(took))/float64(median(tookBare)), "ratio")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, "p99-µs")
	b.ReportMetric(float64(tookBare[len(tookBare)*99/100].Nanoseconds())/1000, "bare-p99-µs")
}

// TestLargeTree: a file beside and a file deep in a tree of thousands of directories arrive. That the one does not
// wait for the other is asserted by TestEventsAreHandedOnWhileATreeIsAdded.
func TestLargeTree(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 2,000 directories")
	}
	root, outside := t.TempDir(), t.TempDir()
	r := start(t, root, Options{})
	for i := range 20 {
		for j := range 100 {
			must(t, os.MkdirAll(fmt.Sprintf("%s/big/%d/%d", outside, i, j), 0o700))
		}
	}
	must(t, os.WriteFile(outside+"/big/19/99/1.json", nil, 0o600))
	begin := time.Now()
	must(t, os.Rename(outside+"/big", root+"/big"))
	r.write("a.json")
	r.await("a.json", told("a.json"))
	during, watched := time.Since(begin), r.w.Status().Watched
	r.awaitStatus("the whole tree", func(s Status) bool { return s.Watched == 1+1+20+2000 })
	r.await("the file deep in it", told("big/19/99/1.json"))
	t.Logf("an event after %s with %d directories watched, all of them after %s", during, watched, time.Since(begin))
}
