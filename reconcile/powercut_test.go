package reconcile

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// Sizes of the write-ahead log's parts (SQLite documentation, "Database File Format", 4.1).
const (
	walHeader   = 32
	frameHeader = 24
)

// recording is a run of an agent, of whose queue database every commit stays in the write-ahead log, from the first on.
type recording struct {
	*place
	agent  *worker
	table  *cutTable
	synced atomic.Int64 // how long the log was when it was last synced to the disk
	owed   []owed
}

// owed is a record whose file is gone: what stands in the queue is all that is left of it.
type owed struct {
	hash string
	// since is how long the log was, as far as it was synced to the disk, when the file went. What is behind it, a
	// power cut may undo.
	since   int64
	dropped bool // by the operator: it is not to be sent
}

// TestAPowerCutLosesNothing: whatever a power cut leaves of the queue database's log, one start makes the table
// complete. What it leaves is any number of the log's frames, but those that had been synced.
func TestAPowerCutLosesNothing(t *testing.T) {
	t.Parallel()
	r := record(t)
	db, log := read(t, r.cfg.QueueDB), read(t, r.cfg.QueueDB+"-wal")
	var present []string
	for _, path := range list(t, r.dir) {
		present = append(present, r.cfg.Hash.Sum(read(t, path)))
	}
	ends, commits := frames(t, log)
	cuts, each := commits, 1
	switch {
	case os.Getenv("GFXSYNC_LONG") != "":
		cuts = ends
	case raced:
		each = 5 // all of them are run without the race detector
	}
	t.Logf("%d frames, %d commits, %d records of files that are gone; %d power cuts",
		len(ends)-1, len(commits)-1, len(r.owed), len(cuts)/each)
	for n, end := range cuts {
		if n%each != 0 {
			continue
		}
		left := log[:end]
		if n/each%2 == 1 { // half a frame more
			left = log[:min(end+2000, int64(len(log)))]
		}
		r.start(t, end, db, left, present)
	}
}

// record makes a run: files come and change; during an outage more of them, which then go; the operator drops one of
// those.
func record(t *testing.T) *recording {
	t.Helper()
	r := &recording{place: tempPlace(t)}
	r.cfg.NoWatch = false
	r.table = newCutTable(r.logLength)
	r.cfg.Remote = r.table
	r.keepLog(t)
	r.cfg.committed = func(synced bool) {
		if synced {
			r.synced.Store(r.logLength())
		}
	}
	r.agent = r.running(t)
	r.await(t, "the first pass is over", func() bool { return lastReportOf(t, r.agent.Agent) != nil })
	r.quietTimes(t, "before")
	r.outage(t)
	r.quietTimes(t, "after")
	return r
}

// quietTimes are files that come and change while the table answers.
func (r *recording) quietTimes(t *testing.T, when string) {
	for i := range 4 {
		path := fmt.Sprintf("%s%d.json", when, i)
		for hands := range 1 + i%2 {
			hash := r.session(t, path, len(when)*100+i, 1+hands)
			r.await(t, path+" arrives", func() bool { return r.table.has(hash) && r.agent.Idle() })
		}
	}
}

func (r *recording) outage(t *testing.T) {
	r.table.setDown(true)
	waiting := 0
	queued := func(path string, seed, hands int) string {
		hash := r.session(t, path, seed, hands)
		waiting++
		r.await(t, path+" is queued", func() bool {
			n, _, err := r.agent.state.Queue.Counts(t.Context())
			return err == nil && n == waiting && r.agent.Idle()
		})
		return hash
	}
	queued("before1.json", 601, 5) // a file that stays
	queued("during.json", 7, 1)
	for i := range 4 {
		path := fmt.Sprintf("gone%d.json", i)
		hashes := []string{queued(path, 700+i, 1)}
		if i%2 == 1 { // straight to the queue, behind the one before
			hashes = append(hashes, queued(path, 700+i, 2))
		}
		r.goes(t, path, hashes)
	}
	hash := queued("dropped.json", 800, 1)
	r.drop(t, hash)
	waiting--
	r.goes(t, "dropped.json", nil)
	r.owed = append(r.owed, owed{hash: hash, since: r.synced.Load(), dropped: true})
	r.table.setDown(false)
	r.await(t, "the queue is empty", func() bool {
		n, _, err := r.agent.state.Queue.Counts(t.Context())
		return err == nil && n == 0 && r.agent.Idle()
	})
}

// goes removes a file. From then on, its records may not be lost any more.
func (r *recording) goes(t *testing.T, path string, hashes []string) {
	for _, hash := range hashes {
		r.owed = append(r.owed, owed{hash: hash, since: r.synced.Load()})
	}
	r.remove(t, path)
	r.await(t, path+" is seen to be gone", func() bool {
		e, _, err := r.agent.state.Index.Get(t.Context(), fileid.ID{Path: path})
		return err == nil && e.State == "gone" && r.agent.Idle()
	})
}

func (r *recording) drop(t *testing.T, hash string) {
	list, err := r.agent.state.Queue.List(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(e store.Queued) bool { return e.FileHash == hash })
	err = r.agent.state.Update(t.Context(), func(v state.View) error {
		_, err := v.DropQueued(t.Context(), list[i].ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start starts an agent on what a power cut has left, and on the folder as it is at the end.
func (r *recording) start(t *testing.T, end int64, db, log []byte, present []string) {
	t.Helper()
	cfg, table := r.cfg, r.table.at(end)
	cfg.QueueDB, cfg.Remote, cfg.NoWatch = filepath.Join(t.TempDir(), "queue.db"), table, true
	for name, content := range map[string][]byte{cfg.QueueDB: db, cfg.QueueDB + "-wal": log} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, not := slices.Clone(present), []string{}
	for _, o := range r.owed {
		switch {
		case end < o.since: // its file was there when the power was cut
		case o.dropped:
			not = append(not, o.hash)
		default:
			want = append(want, o.hash)
		}
	}
	begin := time.Now()
	a, stop := runAgent(t, cfg)
	isOver := func() bool {
		last := lastReportOf(t, a)
		return last != nil && !last.At.Before(begin) && a.Idle()
	}
	if !soon(isOver) || !table.has(want...) {
		t.Errorf("after %d bytes of the log: these have not come: %q", end, table.lacks(want))
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for _, hash := range not {
		if table.has(hash) {
			t.Errorf("after %d bytes of the log: %s was sent, which the operator has dropped", end, hash)
		}
	}
}

// keepLog has a reader at the beginning of the log until the test ends, so that nothing of it is copied into the
// database or overwritten.
func (r *recording) keepLog(t *testing.T) {
	t.Helper()
	s, err := state.Open(t.Context(), r.cfg.QueueDB)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(r.cfg.QueueDB))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err == nil {
		var n int
		err = tx.QueryRow(`SELECT count(*) FROM files`).Scan(&n)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// logLength is 0 as long as there is no log.
func (r *recording) logLength() int64 {
	info, err := os.Stat(r.cfg.QueueDB + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

func (r *recording) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if !soon(condition) {
		t.Fatalf("never: %s", what)
	}
}

// soon waits until a condition holds, and says whether it ever did: only what hangs takes that long.
func soon(condition func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

func lastReportOf(t *testing.T, a *Agent) *Report {
	t.Helper()
	r, err := lastReport(t.Context(), a.state, commandRun, commandRun)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// frames returns where each frame of a log ends, and which of them end a transaction. Both begin with the log without
// any.
func frames(t *testing.T, log []byte) (ends, commits []int64) {
	t.Helper()
	ends, commits = []int64{walHeader}, []int64{walHeader}
	size := int64(frameHeader) + int64(binary.BigEndian.Uint32(log[8:]))
	for at := int64(walHeader); at+size <= int64(len(log)); at += size {
		ends = append(ends, at+size)
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			commits = append(commits, at+size)
		}
	}
	if last := ends[len(ends)-1]; last != int64(len(log)) || last != commits[len(commits)-1] {
		t.Fatalf("the log has %d bytes, its frames end at %d, its transactions at %d",
			len(log), last, commits[len(commits)-1])
	}
	return ends, commits
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func list(t *testing.T, dir string) (paths []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}
