package reconcile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

// unreachable is a remote that nobody reaches until it is back.
type unreachable struct {
	mu       sync.Mutex
	back     bool
	requests int
	rows     map[string]bool
}

func (u *unreachable) Upsert(_ context.Context, records []store.Record) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests++
	if !u.back {
		return outage("nobody answers")
	}
	for i := range records {
		u.rows[records[i].FileHash] = true
	}
	return nil
}

func (u *unreachable) Ping(ctx context.Context) error { return u.Upsert(ctx, nil) }

func (u *unreachable) Close() error { return nil }

func (u *unreachable) setBack(back bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.back = back
}

// counted returns how many requests there were since it was last asked, and how many rows there are.
func (u *unreachable) counted() (requests, rows int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	requests, u.requests = u.requests, 0
	return requests, len(u.rows)
}

// A day without network, a file every ten seconds: time is simulated, queue and index are real.
func TestOutageOfADayLosesNothingAndTakesNoMemory(t *testing.T) {
	const every, perHour = 10 * time.Second, 360
	hours := 24
	if raced {
		hours = 1 // the race detector makes SQLite many times slower; the whole day is run without it
	}
	files := hours * perHour
	file := filepath.Join(unsyncedDir(t), "queue.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := state.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		cfg := Config{MaxRetries: 5}
		cfg.setDefaults()
		remote := &unreachable{rows: map[string]bool{}}
		d := store.NewDelivery(remote, newOutbox(&cfg, s, nil), cfg.Delivery)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })

		session := sample.New(1).Play(1).JSON()
		var early uint64
		for i := range files {
			if i%perHour == 0 {
				addIntents(t, s, i, perHour)
			}
			d.Add(itemOf(t, i, session))
			time.Sleep(every)
			if i == 2*perHour {
				early = heap()
			}
		}
		synctest.Wait()
		grown := int64(heap()) - int64(early)
		probes, _ := remote.counted()
		t.Logf("%d probes; the heap grew by %d KiB between the second hour and the last", probes, grown>>10)
		if grown > 16<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		// At most 14 s apart, but for up to a quarter of jitter; the first few are closer.
		if least, most := hours*3600/15, hours*3600*100/1050+10; probes < least || probes > most {
			t.Errorf("%d probes in a day, want %d to %d", probes, least, most)
		}
		if got := dump(t, file, `SELECT count(*), sum(retry_count), sum(dead) FROM pending_sync`); got[0] != fmt.Sprintf("%d|0|0", files) {
			t.Errorf("records in the queue, retries spent, dead: %s, want %d|0|0", got, files)
		}

		remote.setBack(true)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		requests, rows := remote.counted()
		t.Logf("%d requests to drain the queue", requests)
		if rows != files || requests > files/cfg.Delivery.BatchSize+10 {
			t.Errorf("fifteen seconds after the outage: %d rows by %d requests, want %d by %d or so",
				rows, requests, files, files/cfg.Delivery.BatchSize)
		}
		if got := dump(t, file, `SELECT state, count(*) FROM files GROUP BY state`); len(got) != 1 || got[0] != fmt.Sprintf("synced|%d", files) {
			t.Errorf("files by state: %v, want all synced", got)
		}
		stop()
		running.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func keyOf(n int) (fileid.ID, string) {
	return fileid.ID{Path: fmt.Sprintf("s%05d.json", n)}, fmt.Sprintf("%030x", n) // as long as no hash: its content is not compared
}

// addIntents has the index know so many files more, as the intake does.
func addIntents(t *testing.T, s *state.State, from, n int) {
	t.Helper()
	err := s.Update(t.Context(), func(v state.View) error {
		for i := from; i < from+n; i++ {
			e := hashindex.Entry{State: hashindex.Pending, SeenAt: time.Now()}
			e.ID, e.Hash = keyOf(i)
			if err := v.Index.Put(t.Context(), &e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func itemOf(t *testing.T, n int, content []byte) store.Item {
	t.Helper()
	key, hash := keyOf(n)
	r, err := store.MakeRecord(store.Origin{Source: key, FileHash: hash}, content)
	if err != nil {
		t.Fatal(err)
	}
	return store.Item{Source: key, Record: r, Lane: store.LaneCreated, At: time.Now()}
}

// unsyncedDir is in memory where that can be had: what twenty thousand commits take on a disk is not what the test is about.
func unsyncedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "gfxsync")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// heap returns how many bytes are in use after everything that can be freed was.
func heap() uint64 {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
