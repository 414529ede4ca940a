//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// load is an agent with much to do, and all that was ever written for it.
type load struct {
	*scene
	g        *supabasetest.Server
	contents map[string][]byte // by hash
	wanted   map[string]bool   // of them, what must be there
}

func newLoad(t *testing.T) *load {
	s, g := onGateway(t)
	return &load{scene: s, g: g, contents: map[string][]byte{}, wanted: map[string]bool{}}
}

// memoryBound is what the agent may take of memory, however many files there are (design, invariant 6): the 64 MiB of records that are
// held at one time, the requests that are made of them, and as much again before Go's collector is at work.
const memoryBound = 256 << 20

// save writes a content that must arrive.
func (l *load) save(dir, name string, content []byte) {
	hash := hashindex.XXH3.Sum(content)
	l.contents[hash], l.wanted[hash] = content, true
	writeFile(l.t, filepath.Join(dir, name), content)
}

// sessions writes n sessions into n/100 folders.
func (l *load) sessions(dir string, n int) {
	for i := range n {
		s := sample.New(i).Play(1)
		l.save(dir, fmt.Sprintf("event-%d/%s", i/100, s.FileName()), s.JSON())
	}
}

// conclude waits until n files are synced and nothing is on its way, checks table and memory, and stops the agent.
func (l *load) conclude(n int, within time.Duration) {
	l.t.Helper()
	l.waitSynced(n, within)
	peak := l.peakMemory()
	l.stop()
	if r := l.mustPass(exitOK, "verify"); r.Files != n {
		l.t.Errorf("verify counts %d files, want %d", r.Files, n)
	}
	j := judge(l.t, l.g, l.contents, l.wanted)
	if !j.clean() {
		l.t.Errorf("the table: %v", j)
	}
	l.t.Logf("%d files, %d contents written, %d rows, lost = %d; %d requests; at most %d MiB of memory",
		n, len(l.contents), l.g.Count(l.t, "gfx_sessions"), len(j.lost), len(l.g.Requests()), peak>>20)
	if peak > memoryBound {
		l.t.Errorf("the agent took %d MiB of memory, want at most %d", peak>>20, memoryBound>>20)
	}
}

func (l *load) waitSynced(n int, within time.Duration) {
	l.t.Helper()
	eventuallyAt(l.t, 300*time.Millisecond, within, fmt.Sprintf("%d files synced", n), func() bool {
		st := l.status()
		return st != nil && st.Files == n && st.Synced == n && st.Queued == 0
	})
}

// peakMemory is the largest resident size the agent has had, in bytes (proc(5), VmHWM); 0 where the system does not tell.
func (l *load) peakMemory() int {
	l.t.Helper()
	if runtime.GOOS != "linux" {
		l.t.Logf("SKIPPED, not tested: the agent's memory: it is read from /proc")
		return 0
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.agent.Process.Pid))
	if err != nil {
		l.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		l.t.Fatal(err)
	}
	return kib << 10
}

// eventsAlone has every schedule switched off: what arrives does so by an event, or by the watcher's own "look again".
var eventsAlone = []string{"--scan-schedule", "", "--reconcile-schedule", "", "--full-schedule", ""}

func (l *load) startOnEvents() {
	l.t.Helper()
	l.start(eventsAlone...)
	l.waitStatus("the agent is ready", func(st *reconcile.Status) bool {
		return st.LastReconcile != nil && st.Link == "online"
	})
}

func TestLoadABurst(t *testing.T) {
	t.Parallel()
	files := map[bool]int{false: 2_000, true: 10_000}[long()]
	l := newLoad(t)
	l.startOnEvents()
	l.sessions(l.watch, files)
	l.conclude(files, 5*time.Minute)
}

func TestLoadAFirstStart(t *testing.T) {
	t.Parallel()
	files := map[bool]int{false: 5_000, true: 100_000}[long()]
	l := newLoad(t)
	l.sessions(l.watch, files)
	l.start()
	l.conclude(files, 15*time.Minute)
}

// Of files that are rewritten all the time any version may arrive, and the last one must.
func TestLoadFilesThatNeverRest(t *testing.T) {
	t.Parallel()
	const files, mostHands = 50, 5 // the test keeps every version
	duration := map[bool]time.Duration{false: 10 * time.Second, true: 10 * time.Minute}[long()]
	l := newLoad(t)
	l.start("--flush-interval", "1s", "--scan-schedule", "@every 1s", "--reconcile-schedule", "@every 3s")
	sessions := make([]*sample.Session, files)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	saves := 0
	for begun := time.Now(); time.Since(begun) < duration; saves++ {
		i := saves % files
		if sessions[i] == nil || sessions[i].Hands() == mostHands {
			sessions[i] = sample.New(saves)
		}
		content := sessions[i].Play(1).JSON()
		l.contents[hashindex.XXH3.Sum(content)] = content
		writeFile(t, filepath.Join(l.watch, fmt.Sprintf("table %d.json", i)), content)
		<-tick.C
	}
	for i := range sessions {
		l.wanted[hashindex.XXH3.Sum(sessions[i].JSON())] = true
	}
	t.Logf("%d saves of %d files", saves, files)
	l.conclude(files, hangLimit)
	// A version that travelled with the next one of its file is history; that none but the last arrive would be a lane that starves.
	if rows := l.g.Count(t, "gfx_sessions"); rows <= files {
		t.Errorf("%d rows of %d saves: nothing arrived while the files were being written", rows, saves)
	}
}

func TestLoadATreeMovedIn(t *testing.T) {
	t.Parallel()
	files := map[bool]int{false: 1_000, true: 10_000}[long()]
	l := newLoad(t)
	aside := l.watch + ".aside" // on the same file system
	l.sessions(filepath.Join(aside, "archive/2025/가을"), files)
	l.startOnEvents()
	moves := [][2]string{
		{aside, filepath.Join(l.watch, "in")},
		{filepath.Join(l.watch, "in/archive"), filepath.Join(l.watch, "archive")},
		{filepath.Join(l.watch, "archive"), filepath.Join(l.watch, "moved again")},
	}
	for _, move := range moves {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	// What was read under a name of before is for a scan to find gone, of which there is none otherwise.
	l.mustPass(0, "reconcile")
	l.waitSynced(files, 5*time.Minute)
	// The folders are watched under their last names.
	for _, dir := range []string{"in", "moved again", "moved again/2025/가을/event-3"} {
		files++
		l.save(l.watch, dir+"/late.json", sample.New(1_000_000+files).Play(1).JSON())
	}
	l.conclude(files, hangLimit)
}

// A file that is larger than all that is held at one time is held alone.
func TestLoadAFileLargerThanTheRest(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	db := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", db, "--max-file-size", "256MiB"}
	files := sampleTree()
	files["1017/large.json"] = fmt.Appendf(nil, `{"ID":1,"note":"%s"}`, strings.Repeat("x", 65<<20))
	files.writeTo(t, s.watch)
	s.start()
	_, count := files.jsonFiles()
	s.waitStatus("all files synced", func(st *reconcile.Status) bool { return st.Synced == count })
	checkLocal(t, db, files)
	s.stop()
}
