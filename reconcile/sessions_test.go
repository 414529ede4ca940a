package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"pgregory.net/rapid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

// sessionWorld is two folders with files of a few sessions, and a table with one row for each session.
type sessionWorld struct {
	dir   string
	cfg   Config
	table *sessionTable
	files map[fileid.ID]hashindex.Version // on disk
	known map[string]int64                // when each content was last written to a file
	agent *Agent
	end   func() error
	next  int
	log   *syncBuffer
}

var sessionIDs = []int64{sample.New(1).ID, sample.New(2).ID, sample.New(3).ID}

func newSessionWorld(t *testing.T, rt *rapid.T) *sessionWorld {
	dir, err := os.MkdirTemp(t.TempDir(), "sessions")
	if err != nil {
		rt.Fatal(err)
	}
	w := &sessionWorld{
		dir: dir, table: newSessionTable(), files: map[fileid.ID]hashindex.Version{}, known: map[string]int64{}, log: &syncBuffer{},
	}
	w.cfg = settings("", filepath.Join(dir, "queue.db"), w.table)
	w.cfg.Roots = nil
	w.cfg.NoWatch = rapid.Bool().Draw(rt, "without watcher")
	w.cfg.Delivery.Conflict = store.BySession
	w.cfg.MaxRetries = 1
	w.cfg.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	for _, label := range []string{"PC01", "PC02"} {
		w.cfg.Roots = append(w.cfg.Roots, hashindex.Root{Label: label, Dir: filepath.Join(dir, label)})
		if err := os.Mkdir(filepath.Join(dir, label), 0o700); err != nil {
			rt.Fatal(err)
		}
	}
	w.agent, w.end = runAgent(rt, w.cfg)
	return w
}

// write writes a version of a session that has never been before.
func (w *sessionWorld) write(rt *rapid.T) {
	seed := rapid.IntRange(1, len(sessionIDs)).Draw(rt, "session")
	hands := rapid.IntRange(1, 4).Draw(rt, "hands")
	w.next++
	content := append(sample.New(seed).Play(hands).JSON(), bytes.Repeat([]byte(" "), w.next)...)
	w.save(rt, w.draw(rt), hashindex.Version{Session: sessionIDs[seed-1], Hands: hands}, content)
}

func (w *sessionWorld) draw(rt *rapid.T) fileid.ID {
	return fileid.ID{
		Root: rapid.SampledFrom([]string{"PC01", "PC02"}).Draw(rt, "root"), Path: fmt.Sprintf("f%d.json", rapid.IntRange(0, 3).Draw(rt, "file")),
	}
}

func (w *sessionWorld) save(rt *rapid.T, k fileid.ID, v hashindex.Version, content []byte) {
	if err := os.WriteFile(w.cfg.root(k.Root).Abs(k.Path), content, 0o600); err != nil {
		rt.Fatal(err)
	}
	info, err := os.Stat(w.cfg.root(k.Root).Abs(k.Path))
	if err != nil {
		rt.Fatal(err)
	}
	v.Hash, v.ModTime = hashindex.XXH3.Sum(content), info.ModTime().UnixNano()
	w.files[k], w.known[v.Hash] = v, v.ModTime
}

func (w *sessionWorld) pick(rt *rapid.T) fileid.ID {
	if len(w.files) == 0 {
		rt.Skip("there is no file")
	}
	keys := slices.SortedFunc(maps.Keys(w.files), func(a, b fileid.ID) int { return bytes.Compare([]byte(a.Root+a.Path), []byte(b.Root+b.Path)) })
	return rapid.SampledFrom(keys).Draw(rt, "file")
}

func (w *sessionWorld) copyFile(rt *rapid.T) {
	from := w.pick(rt)
	content, err := os.ReadFile(w.cfg.root(from.Root).Abs(from.Path))
	if err != nil {
		rt.Fatal(err)
	}
	w.save(rt, w.draw(rt), w.files[from], content)
}

func (w *sessionWorld) remove(rt *rapid.T) {
	k := w.pick(rt)
	delete(w.files, k)
	if err := os.Remove(w.cfg.root(k.Root).Abs(k.Path)); err != nil {
		rt.Fatal(err)
	}
}

// someoneElse changes a row: an operator removes it, or the agent of another PC replaces it.
func (w *sessionWorld) someoneElse(rt *rapid.T) {
	id := rapid.SampledFrom(sessionIDs).Draw(rt, "session")
	if rapid.Bool().Draw(rt, "removed") {
		w.table.put(id, nil)
		return
	}
	w.next++
	r := store.Record{
		FileHash: fmt.Sprintf("%032x", w.next), SessionID: &id, GFXPCID: "PC99", HandCount: rapid.IntRange(1, 4).Draw(rt, "hands"),
	}
	if rapid.Bool().Draw(rt, "the table tells the time") {
		r.ModTime = time.Now().Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "hours")) * time.Hour).UnixNano()
	}
	w.known[r.FileHash] = r.ModTime
	w.table.put(id, &r)
}

func (w *sessionWorld) reject(rt *rapid.T) {
	v := w.files[w.pick(rt)]
	w.table.change(func() { w.table.rejects[v.Hash] = true })
}

func (w *sessionWorld) restart(rt *rapid.T) {
	if err := w.end(); err != nil {
		rt.Fatal(err)
	}
	w.agent, w.end = runAgent(rt, w.cfg)
}

func (w *sessionWorld) pass(rt *rapid.T, mode Mode) *Report { return awaitedPass(rt, w.agent, mode) }

// settle lets everything become quiet and looks at the rows.
func (w *sessionWorld) settle(rt *rapid.T) {
	w.table.change(func() { w.table.down, w.table.afterDone = false, 0 })
	w.pass(rt, Full)
	// Where a version was refused, the next best is found by the scan that follows.
	r := w.pass(rt, Quick)
	survey := Survey{Config: w.cfg, State: w.agent.state}
	v, err := survey.Run(context.Background(), Full, PassOptions{})
	if err != nil {
		rt.Fatal(err)
	}
	if r.Outcome != Complete || v.Outcome != Complete || r.InSync != v.InSync || r.Pending+r.Queued > 0 || !r.InSync && r.Dead == 0 {
		rt.Fatalf("the pass says %+v\nthe survey says %+v\n%s", r, v, strings.Join(slices.Concat(
			dump(rt, w.cfg.QueueDB, `SELECT root, path, session_id, hands, mtime_ns, file_hash, state FROM files`), []string{"queue:"},
			dump(rt, w.cfg.QueueDB, `SELECT root, file_path, session_id, hands, mtime_ns, file_hash, dead FROM pending_sync`), []string{"rows:"},
			dump(rt, w.cfg.QueueDB, `SELECT session_id, hands, mtime_ns, file_hash, own FROM remote_hashes`)), "\n"))
	}
	for _, id := range sessionIDs {
		w.check(rt, id)
	}
}

func (w *sessionWorld) check(rt *rapid.T, id int64) {
	w.table.mu.Lock()
	been, row := w.table.been[id], w.table.rows[id]
	rejects := maps.Clone(w.table.rejects)
	w.table.mu.Unlock()
	for i := 1; i < len(been); i++ {
		// A row that somebody else has put there may be replaced by what had been there before.
		if been[i].HandCount < been[i-1].HandCount {
			rt.Fatalf("the row of %d went from %d hands to %d", id, been[i-1].HandCount, been[i].HandCount)
		}
	}
	var best *hashindex.Version
	for _, v := range w.files {
		if v.Session == id && !rejects[v.Hash] && (best == nil || v.Better(*best)) {
			best = &v
		}
	}
	if best == nil || best.Hash == row.FileHash {
		return
	}
	have := hashindex.Version{Hash: row.FileHash, Hands: row.HandCount, ModTime: w.known[row.FileHash]}
	if row.SessionID == nil || best.Hands > have.Hands || best.Hands == have.Hands &&
		(row.GFXPCID != "PC99" || row.ModTime != 0) && best.ModTime/1000 > have.ModTime/1000 {
		rt.Fatalf("the row of %d is %+v, and a file has %+v", id, have, *best)
	}
}

// Whatever order versions come in: the row of each session is the best that the folders have or that it has been before, and it never
// goes back.
func TestTheRowOfASessionIsItsBestVersion(t *testing.T) {
	t.Parallel()
	worlds, steps, begin := 0, 0, time.Now()
	defer func() { t.Logf("%d worlds, %d steps in %v", worlds, steps, time.Since(begin).Round(time.Second)) }()
	failed := false
	rapid.Check(t, func(rt *rapid.T) {
		if time.Since(begin) > propertyTime()/2 && !failed {
			return
		}
		worlds++
		w := newSessionWorld(t, rt)
		done := false
		defer func() {
			if failed = failed || !done; !done {
				t.Logf("what the agents said:\n%s", w.log)
			}
			if err := errors.Join(w.end(), os.RemoveAll(w.dir)); err != nil {
				t.Error(err)
			}
		}()
		actions := map[string]func(*rapid.T){
			"write": w.write, "write 2": w.write, "write 3": w.write, "copy": w.copyFile, "remove": w.remove, "someone else": w.someoneElse,
			"outage":      func(*rapid.T) { w.table.change(func() { w.table.down = true }) },
			"outage ends": func(*rapid.T) { w.table.change(func() { w.table.down = false }) },
			"answer lost": func(*rapid.T) { w.table.change(func() { w.table.afterDone++ }) },
			"reject":      w.reject, "restart": w.restart, "settle": w.settle,
			"quick": func(rt *rapid.T) { w.pass(rt, Quick) },
			"scan":  func(*rapid.T) { w.agent.scheduler.request(Scan) },
		}
		for name, action := range actions {
			actions[name] = func(rt *rapid.T) { steps++; action(rt) }
		}
		rt.Repeat(actions)
		w.settle(rt)
		done = true
	})
}
