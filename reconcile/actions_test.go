package reconcile

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/gfxsync/gfxsync/store/sample"
)

// actions are what may happen to a world, each of them at any time. What happens often stands here more than once.
func (w *world) actions() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"create": w.create, "create 2": w.create, "create by rename": w.createByRename, "create half": w.createHalf,
		"create broken": w.createBroken, "complete": w.complete, "grow": w.grow, "grow 2": w.grow, "replace": w.replace,
		"go back": w.goBack, "change unseen": w.changeUnseen, "copy": w.copyFile, "rename": w.renameFile, "move directory": w.moveDir,
		"delete": w.deleteFile, "age": w.age,
		"lose rows": w.loseRows, "another agent": w.anotherAgent, "outage": w.outage, "outage ends": w.outageEnds,
		"answer lost": w.answerLost, "reject": w.reject, "accept": w.accept,
		"scan": w.scan, "quick": w.quick, "full": w.full, "settle": w.settle,
		"restart": w.restart, "snapshot": w.snapshot, "crash": w.crash, "crash now": w.crashNow,
	}
	for name, action := range all {
		all[name] = func(rt *rapid.T) {
			*w.steps++
			w.cfg.Logger.Info("ACTION", "name", name)
			action(rt)
		}
	}
	return all
}

// freshPath returns the path of a file that has never been, in one of a few directories.
func (w *world) freshPath(rt *rapid.T) string {
	dir := rapid.SampledFrom([]string{"", "", "day 1/", "day 1/table 2/", "방송/"}).Draw(rt, "dir")
	return fmt.Sprintf("%sn%d.json", dir, w.number())
}

// pick returns a file that is as asked for; without one, the action is skipped.
func (w *world) pick(rt *rapid.T, fit func(*modelFile) bool) string {
	var paths []string
	for _, path := range w.paths() {
		if fit(w.files[path]) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		rt.Skip("there is no such file")
	}
	return rapid.SampledFrom(paths).Draw(rt, "path")
}

func anyFile(*modelFile) bool        { return true }
func session(f *modelFile) bool      { return f.whole && f.valid && f.session != nil }
func half(f *modelFile) bool         { return !f.whole }
func (w *world) abs(p string) string { return filepath.Join(w.dir, filepath.FromSlash(p)) }

// save writes a file as a program does that opens it and writes it anew.
func (w *world) save(rt *rapid.T, path string, f *modelFile) {
	written := f.content
	if !f.whole {
		written = written[:len(written)/2]
	}
	f.unseen = false
	w.put(path, f)
	w.place.write(rt, path, written)
}

func (w *world) newSession() *modelFile {
	s := sample.New(w.number()).Play(1)
	return &modelFile{session: s, content: s.JSON(), whole: true, valid: true}
}

func (w *world) create(rt *rapid.T) {
	f := w.newSession()
	if rapid.IntRange(0, 3).Draw(rt, "byte order mark") == 0 {
		f.content = append([]byte("\xef\xbb\xbf"), f.content...)
	}
	w.save(rt, w.freshPath(rt), f)
}

func (w *world) createByRename(rt *rapid.T) {
	w.intoPlace(rt, w.freshPath(rt), w.newSession())
}

// intoPlace writes a file under another name and renames it into place.
func (w *world) intoPlace(rt *rapid.T, path string, f *modelFile) {
	w.place.write(rt, path+".tmp", f.content)
	w.put(path, f)
	w.move(rt, path+".tmp", path)
}

func (w *world) move(rt *rapid.T, from, to string) {
	if err := os.MkdirAll(filepath.Dir(w.abs(to)), 0o700); err != nil {
		rt.Fatal(err)
	}
	var err error
	// Windows refuses it while the agent reads the file that is renamed onto, or lists the folder that is renamed.
	eventually(rt, "it may be renamed", func() bool {
		err = os.Rename(w.abs(from), w.abs(to))
		return err == nil || runtime.GOOS != "windows"
	})
	if err != nil {
		rt.Fatal(err)
	}
}

func (w *world) createHalf(rt *rapid.T) {
	f := w.newSession()
	f.whole = false
	w.save(rt, w.freshPath(rt), f)
}

func (w *world) createBroken(rt *rapid.T) {
	content := rapid.SampledFrom([]string{"", "{", "[1]", "null", "{}}", "{\"a\":\"\xff\"}", " \n"}).Draw(rt, "content")
	w.save(rt, w.freshPath(rt), &modelFile{content: []byte(content), whole: true})
}

func (w *world) complete(rt *rapid.T) {
	path := w.pick(rt, half)
	f := *w.files[path]
	f.whole = true
	w.save(rt, path, &f)
}

func (w *world) grown(path string) *modelFile {
	f := *w.files[path]
	f.session.Play(1)
	f.content = f.session.JSON()
	return &f
}

func (w *world) grow(rt *rapid.T) {
	path := w.pick(rt, session)
	w.save(rt, path, w.grown(path))
}

func (w *world) replace(rt *rapid.T) {
	path := w.pick(rt, session)
	w.intoPlace(rt, path, w.grown(path))
}

// goBack gives a file a content that some file had before.
func (w *world) goBack(rt *rapid.T) {
	path := w.pick(rt, anyFile)
	if len(w.ever) == 0 {
		rt.Skip("there has been no content")
	}
	hash := rapid.SampledFrom(slices.Sorted(maps.Keys(w.ever))).Draw(rt, "content")
	f := *w.files[path]
	f.content, f.whole, f.valid = w.ever[hash], true, true
	w.save(rt, path, &f)
}

// changeUnseen changes a byte, and neither size nor modification time.
func (w *world) changeUnseen(rt *rapid.T) {
	path := w.pick(rt, session)
	f := *w.files[path]
	i := bytes.Index(f.content, []byte(`"PokerGFX `)) + len(`"PokerGFX `)
	f.content = bytes.Clone(f.content)
	f.content[i] = '0' + (f.content[i]-'0'+1)%10
	at := w.modTime(rt, path)
	w.save(rt, path, &f)
	w.setTime(rt, path, at)
	w.files[path].unseen = true
}

// age makes a file look as if it had not been written for long: its stamp alone is then believed.
func (w *world) age(rt *rapid.T) {
	path := w.pick(rt, anyFile)
	at := time.Now().Add(-48 * time.Hour).Truncate(time.Hour)
	w.files[path].unseen = w.files[path].unseen && w.modTime(rt, path).Equal(at)
	w.setTime(rt, path, at)
}

func (w *world) modTime(rt *rapid.T, path string) time.Time {
	info, err := os.Stat(w.abs(path))
	if err != nil {
		rt.Fatal(err)
	}
	return info.ModTime()
}

func (w *world) setTime(rt *rapid.T, path string, at time.Time) {
	if err := os.Chtimes(w.abs(path), at, at); err != nil {
		rt.Fatal(err)
	}
}

func (w *world) copyFile(rt *rapid.T) {
	f := *w.files[w.pick(rt, session)]
	f.session = nil // it does not grow any more
	w.save(rt, w.freshPath(rt), &f)
}

func (w *world) renameFile(rt *rapid.T) {
	from, to := w.pick(rt, anyFile), w.freshPath(rt)
	w.move(rt, from, to)
	w.model.rename(from, to)
}

func (w *world) moveDir(rt *rapid.T) {
	from := rapid.SampledFrom([]string{"day 1", "day 1/table 2", "방송"}).Draw(rt, "from")
	if _, err := os.Stat(w.abs(from)); err != nil {
		rt.Skip("there is no such directory")
	}
	to := fmt.Sprintf("moved %d", w.number())
	w.move(rt, from, to)
	w.model.rename(from, to)
}

func (w *world) deleteFile(rt *rapid.T) {
	path := w.pick(rt, anyFile)
	w.remove(rt, path)
	delete(w.files, path)
}

func (w *world) loseRows(rt *rapid.T) {
	rows := w.hashes(rt)
	if len(rows) == 0 {
		rt.Skip("the table is empty")
	}
	if rapid.IntRange(0, 4).Draw(rt, "all") > 0 {
		rows = rapid.SliceOfN(rapid.SampledFrom(rows), 1, 3).Draw(rt, "rows")
	}
	w.forget(rt, rows...)
	for _, hash := range rows {
		w.model.lost[hash] = true
	}
}

// anotherAgent makes a row of nothing that was here, or of a content that is still to arrive.
func (w *world) anotherAgent(rt *rapid.T) {
	hash := w.cfg.Hash.Sum(fmt.Appendf(nil, "of another agent %d", w.number()))
	if lacking := w.lacking(rt); len(lacking) > 0 && rapid.Bool().Draw(rt, "known") {
		hash = rapid.SampledFrom(lacking).Draw(rt, "content")
	}
	w.model.foreign[hash] = true
	onFile(rt, w.tableDB, `INSERT OR IGNORE INTO gfx_sessions (file_hash, raw_json) VALUES ('`+hash+`', '{}')`)
}

func (w *world) lacking(rt *rapid.T) (hashes []string) {
	rows := w.hashes(rt)
	for _, hash := range slices.Sorted(maps.Keys(w.ever)) {
		if !slices.Contains(rows, hash) {
			hashes = append(hashes, hash)
		}
	}
	return hashes
}

func (w *world) outage(*rapid.T)     { w.remote.setDown(true) }
func (w *world) outageEnds(*rapid.T) { w.remote.setDown(false) }

func (w *world) answerLost(rt *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(rt, "answers")
	w.remote.change(func() { w.remote.afterDone = n })
}

func (w *world) reject(rt *rapid.T) {
	path := w.pick(rt, session)
	hash := w.cfg.Hash.Sum(w.files[path].content)
	w.model.refused[hash] = true
	w.remote.change(func() { w.remote.rejects[hash] = true })
}

func (w *world) accept(*rapid.T) { w.remote.change(func() { clear(w.remote.rejects) }) }

func (w *world) scan(rt *rapid.T)  { w.pass(rt, Scan) }
func (w *world) quick(rt *rapid.T) { w.pass(rt, Quick) }
func (w *world) full(rt *rapid.T)  { w.pass(rt, Full) }

func (w *world) restart(rt *rapid.T) {
	w.stopAgent(rt)
	w.startAgent(rt)
}

func (w *world) crashNow(rt *rapid.T) {
	w.snapshot(rt)
	w.crash(rt)
}
