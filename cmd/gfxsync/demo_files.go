package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/sample"
)

// demoFolders are where PokerGFX saves in the demo. They are there before the agent starts.
var demoFolders = []string{"", "메인 이벤트"}

// demoFile is a session and the file that it is saved to.
type demoFile struct {
	session *sample.Session
	path    string // below the watched folder, '/'-separated
}

// save is one content that was on disk as a whole.
type save struct {
	path    string
	chapter string
	content []byte
	hash    string
	begun   time.Time // before the first byte was written
	done    time.Time // when the file was complete on disk
	// passing: the demo itself overwrote it at once. That it may have been skipped for a later save is by design.
	passing bool
}

// newFile makes up the next session, on which some hands have been played.
func (d *demo) newFile() *demoFile {
	d.seed++
	s := sample.New(d.seed).Play(3 + d.seed%15)
	name := s.FileName()
	if d.seed%5 == 0 {
		name = fmt.Sprintf("피처 테이블 GameID=%d.json", s.ID)
	}
	f := &demoFile{session: s, path: path.Join(demoFolders[d.seed%len(demoFolders)], name)}
	d.files = append(d.files, f)
	return f
}

// A writing is a way in which a program brings a content to disk.
type writing func(name string, content []byte) error

func inPlace(name string, content []byte) error { return os.WriteFile(name, content, 0o644) }

func byRename(name string, content []byte) error {
	temporary := name + ".tmp"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}

// theRestAfter appends what a file lacks whose first bytes are there already.
func theRestAfter(n int) writing {
	return func(name string, content []byte) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(content[n:])
		return errors.Join(err, f.Close())
	}
}

// save writes the session as it is now, and enters it in the account.
func (d *demo) save(f *demoFile, write writing) (*save, error) {
	content := f.session.JSON()
	s := &save{path: f.path, chapter: d.chapter, content: content, hash: hashindex.XXH3.Sum(content), begun: time.Now()}
	if err := write(d.abs(f.path), content); err != nil {
		return nil, fmt.Errorf("save a session: %w", err)
	}
	s.done = time.Now()
	d.saves = append(d.saves, s)
	return s, nil
}

func (d *demo) saveAll(files []*demoFile) (saves []*save, err error) {
	for _, f := range files {
		s, err := d.save(f, inPlace)
		if err != nil {
			return nil, err
		}
		saves = append(saves, s)
	}
	return saves, nil
}

func (d *demo) saveNew(n int) ([]*save, error) {
	var files []*demoFile
	for range n {
		files = append(files, d.newFile())
	}
	return d.saveAll(files)
}

// some returns n of the files that there are, or fewer if an earlier chapter has not come that far.
func (d *demo) some(from, n int) []*demoFile {
	return d.files[min(from, len(d.files)):min(from+n, len(d.files))]
}

func (d *demo) abs(path string) string { return filepath.Join(d.watchDir, filepath.FromSlash(path)) }

func (d *demo) remove(files []*demoFile) error {
	for _, f := range files {
		if err := os.Remove(d.abs(f.path)); err != nil {
			return fmt.Errorf("delete a session's file: %w", err)
		}
	}
	return nil
}

// arrival waits until all these saves are rows.
func (d *demo) arrival(ctx context.Context, saves ...*save) error {
	return until(ctx, fmt.Sprintf("not all of %s became rows", plural(len(saves), "save")), func() (bool, error) {
		for _, s := range saves {
			if d.cable.committedAt(s.hash).IsZero() {
				return false, nil
			}
		}
		return true, nil
	})
}

// latest returns how long after a time the last of these saves became a row.
func (d *demo) latest(since time.Time, saves []*save) time.Duration {
	var longest time.Duration
	for _, s := range saves {
		longest = max(longest, d.cable.committedAt(s.hash).Sub(since))
	}
	return longest
}

func (d *demo) head(title string) { fmt.Fprintf(d.out, "\n%s\n", title) }

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, "   "+format+"\n", args...) }

func (d *demo) introduce() {
	fmt.Fprintln(d.out, "gfxsync demo: made-up PokerGFX sessions, a real agent, and a SQLite file in the place of Supabase.")
	d.say("folder  %s", d.dir)
	d.say("watched %s", d.watchDir)
	d.say("table   %s", d.tableFile)
	d.say("queue   %s", d.stateFile)
	d.say("log     %s", d.logFile)
	d.say("Shorter than in earnest: modified files wait %s for company (5s), a half file may stay %s (5s),", demoFlush, demoSettle)
	d.say("a dead link is tried after %s to %s (1s to 15s), and the folder is scanned every %s (30s).", demoProbeFirst, demoProbeLast, demoScan)
}

func (d *demo) goodbye() {
	d.head("Everything is kept. To look:")
	d.say(`sqlite3 %s "SELECT session_id, hand_count, file_name FROM gfx_sessions_current"`, quotePath(d.tableFile))
	d.say(`sqlite3 %s "%s"`, quotePath(d.tableFile), latestHand)
	d.say(`gfxsync status --queue-db %s`, quotePath(d.stateFile))
}

// quotePath makes a path fit for the command lines of Windows and of everybody else.
func quotePath(p string) string {
	if strings.ContainsAny(p, " &()") {
		return `"` + p + `"`
	}
	return p
}

// short leaves of a duration what a reader wants to know.
func short(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(10 * time.Millisecond)
}
