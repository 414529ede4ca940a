//go:build unix

package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/sample"
)

// writer does to a folder what PokerGFX and the people around it do, in random order, and remembers all of it.
type writer struct {
	dir   string
	rng   *rand.Rand
	begun time.Time

	mu       sync.Mutex // held during each act
	files    map[string]*written
	contents map[string][]byte // all that was ever written, by hash
	acts     map[string]int
	log      []string
	made     int // sessions, and names that are used once
}

// written is a file as it is now. Files that are copies of each other share the session that they are of.
type written struct {
	session *sample.Session
	hash    string
}

const (
	mostFiles = 150 // in the folder: enough for every act, and a pass over them is short
	mostHands = 8   // in a session, after which it rests
)

func newWriter(dir string, seed uint64) *writer {
	return &writer{
		dir: dir, rng: rand.New(rand.NewPCG(seed, 1)), begun: time.Now(),
		files: map[string]*written{}, contents: map[string][]byte{}, acts: map[string]int{},
	}
}

// run writes at a pace until stop is closed.
func (w *writer) run(t *testing.T, pace time.Duration, stop <-chan struct{}) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		if err := w.act(); err != nil {
			t.Errorf("the writer: %v", err)
			return
		}
	}
}

// act does one thing.
func (w *writer) act() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	acts := []func() error{w.create, w.create, w.create, w.grow, w.grow, w.grow, w.grow, w.replace, w.replace, w.rename, w.copy, w.remove}
	do := acts[w.rng.IntN(len(acts))]
	switch {
	case len(w.files) < 10:
		do = w.create
	case len(w.files) > mostFiles:
		do = w.remove
	case w.rng.IntN(100) == 0:
		do = w.moveFolder
	}
	return do()
}

// still keeps the writer from acting while f looks at what it has written.
func (w *writer) still(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *writer) create() error {
	w.made++
	s := sample.New(w.made).Play(1)
	return w.put("create", w.folder()+s.FileName(), s, w.write)
}

func (w *writer) grow() error    { return w.next("grow", w.write) }
func (w *writer) replace() error { return w.next("replace", w.swap) }

// next saves the next version of a session.
func (w *writer) next(act string, save func(string, []byte) error) error {
	name := w.any()
	s := w.files[name].session
	if s.Hands() >= mostHands {
		return w.remove()
	}
	return w.put(act, name, s.Play(1), save)
}

func (w *writer) copy() error {
	from := w.files[w.any()]
	w.made++
	return w.save("copy", w.folder()+fmt.Sprintf("copy %d.json", w.made), from.session, w.contents[from.hash], w.write)
}

func (w *writer) put(act, name string, s *sample.Session, save func(string, []byte) error) error {
	return w.save(act, name, s, s.JSON(), save)
}

func (w *writer) save(act, name string, s *sample.Session, content []byte, save func(string, []byte) error) error {
	hash := hashindex.XXH3.Sum(content)
	w.contents[hash] = content // before it is there to be read
	w.files[name] = &written{s, hash}
	w.note(act, name, hash)
	return save(name, content)
}

// write saves as PokerGFX does: the old content is cut off, and the new one is there bit by bit.
func (w *writer) write(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(w.abs(name)), 0o755); err != nil {
		return err
	}
	f, err := os.Create(w.abs(name))
	if err != nil {
		return err
	}
	for part := range slices.Chunk(content, len(content)/3+1) {
		_, err = f.Write(part)
		if err != nil {
			break
		}
	}
	return errors.Join(err, f.Close())
}

// swap saves beside the file and puts the new one in its place.
func (w *writer) swap(name string, content []byte) error {
	return errors.Join(w.write(name+".tmp", content), os.Rename(w.abs(name+".tmp"), w.abs(name)))
}

func (w *writer) rename() error {
	w.made++
	from, to := w.any(), w.folder()+fmt.Sprintf("renamed %d.json", w.made)
	w.files[to] = w.files[from]
	delete(w.files, from)
	w.note("rename", from+" to "+to, w.files[to].hash)
	return errors.Join(os.MkdirAll(filepath.Dir(w.abs(to)), 0o755), os.Rename(w.abs(from), w.abs(to)))
}

func (w *writer) remove() error {
	name := w.any()
	w.note("delete", name, w.files[name].hash)
	delete(w.files, name)
	return os.Remove(w.abs(name))
}

// moveFolder moves a folder with all that is in it.
func (w *writer) moveFolder() error {
	from, _, ok := strings.Cut(w.any(), "/")
	if !ok {
		return nil
	}
	w.made++
	to := fmt.Sprintf("moved-%d", w.made)
	for _, name := range slices.Collect(maps.Keys(w.files)) {
		if rest, ok := strings.CutPrefix(name, from+"/"); ok {
			w.files[path.Join(to, rest)] = w.files[name]
			delete(w.files, name)
		}
	}
	w.note("move folder", from+" to "+to, "")
	return os.Rename(w.abs(from), w.abs(to))
}

// any picks a file.
func (w *writer) any() string {
	names := slices.Sorted(maps.Keys(w.files))
	return names[w.rng.IntN(len(names))]
}

func (w *writer) folder() string {
	return []string{"", "1015/", "1016/", "1016/New/", "결승/"}[w.rng.IntN(5)]
}

func (w *writer) abs(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *writer) note(act, what, hash string) {
	w.acts[act]++
	w.log = append(w.log, fmt.Sprintf("%8.3f %s %s %s", time.Since(w.begun).Seconds(), act, what, hash))
}

// onDisk returns the contents that are in the folder now.
func (w *writer) onDisk() map[string]bool {
	hashes := map[string]bool{}
	for _, f := range w.files {
		hashes[f.hash] = true
	}
	return hashes
}
