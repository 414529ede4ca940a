package demo

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/sample"
)

// folders are the folders of the files, relative to the watch path.
var folders = []string{"", "메인 이벤트"}

// file is a session and its file.
type file struct {
	session *sample.Session
	path    string // relative to the watch path, '/'-separated
}

// save is one complete version of a file.
type save struct {
	path    string
	chapter string
	content []byte
	hash    string
	begun   time.Time // before the first byte was written
	done    time.Time // when the file was complete on disk
	passing bool      // the demo overwrote this version at once: the agent may skip it
}

// newFile makes up the next session. Some of its hands are already played.
func (d *demo) newFile() *file {
	n := len(d.files) + 1
	s := sample.New(n).Play(3 + n%15)
	name := s.FileName()
	if n%5 == 0 {
		name = fmt.Sprintf("피처 테이블 GameID=%d.json", s.ID)
	}
	f := &file{session: s, path: path.Join(folders[n%len(folders)], name)}
	d.files = append(d.files, f)
	return f
}

// some returns n of the files, or fewer if an earlier chapter ended early. Chapters that change or delete files take
// different ones.
func (d *demo) some(from, n int) []*file {
	return d.files[min(from, len(d.files)):min(from+n, len(d.files))]
}

func (d *demo) abs(path string) string { return filepath.Join(d.watchDir, filepath.FromSlash(path)) }

// writing is a way in which a program writes a file.
type writing func(name string, content []byte)

func inPlace(name string, content []byte) { check(os.WriteFile(name, content, 0o644)) }

// byRename writes another file and renames it. If modTime is not zero, the file gets this time before it is renamed.
func byRename(modTime time.Time) writing {
	return func(name string, content []byte) {
		check(os.WriteFile(name+".tmp", content, 0o644))
		check(os.Chtimes(name+".tmp", time.Time{}, modTime))
		check(os.Rename(name+".tmp", name))
	}
}

// save writes the session as it is now, and notes this version for the account.
func (d *demo) save(f *file, write writing) *save {
	s := &save{path: f.path, chapter: d.chapter, content: f.session.JSON(), begun: time.Now()}
	s.hash = hashindex.XXH3.Sum(s.content)
	write(d.abs(f.path), s.content)
	s.done = time.Now()
	d.saves = append(d.saves, s)
	return s
}

func (d *demo) saveNew(n int) (saves []*save) {
	for range n {
		saves = append(saves, d.save(d.newFile(), inPlace))
	}
	return saves
}

// account stops the agent, and compares every save with its row, by hash and byte by byte.
func (d *demo) account(ctx context.Context) {
	check(d.stopAgent())
	contents, twice := d.readTable(ctx)
	const all = "All"
	written, kept := map[string]int{}, map[string]int{} // by chapter
	var titles []string
	passing, skipped := 0, 0
	for _, s := range d.saves {
		same := contents[s.hash] == string(s.content)
		if s.passing {
			passing++
			if !same {
				skipped++
			}
			continue
		}
		if !same {
			d.say("LOST: %s", s.path)
		}
		titles = append(titles, s.chapter)
		for _, title := range []string{s.chapter, all} {
			written[title]++
			if same {
				kept[title]++
			}
		}
	}
	for _, s := range d.saves {
		delete(contents, s.hash)
	}
	d.say("%-30s  WRITTEN  IN THE TABLE  LOST", "")
	for _, title := range append(slices.Compact(titles), all) {
		d.say("%-30s %8d  %12d  %4d", title, written[title], kept[title], written[title]-kept[title])
	}
	d.say("Compared by hash and byte by byte. Rows that are there twice: %d; rows that nobody wrote: %d.",
		twice, len(contents))
	d.say("Not counted: %d saves that were overwritten within the time of a batch; %d of them gave way to a later "+
		"one, as designed.", passing, skipped)
	require(written[all]-kept[all]+twice+len(contents) == 0, "a row of every save, and no other row")
}

// readTable reads the table without the code of the agent. It returns the contents by hash, and how many rows have the
// hash of another row.
func (d *demo) readTable(ctx context.Context) (_ map[string]string, twice int) {
	rows := must(d.table.QueryContext(ctx, `SELECT file_hash, raw_json FROM gfx_sessions`))
	defer rows.Close()
	n, contents := 0, map[string]string{}
	for ; rows.Next(); n++ {
		var hash, raw string
		check(rows.Scan(&hash, &raw))
		contents[hash] = raw
	}
	check(rows.Err())
	return contents, n - len(contents)
}
