package reconcile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// outages are the ways in which a root goes away.
var outages = map[string]func(dir string) error{
	"missing": func(dir string) error { return nil },
	"a file in its place": func(dir string) error {
		return os.WriteFile(dir, nil, 0o600)
	},
	"an empty directory in its place": func(dir string) error { return os.Mkdir(dir, 0o700) },
	"unreadable": func(dir string) error {
		return os.Mkdir(dir, 0o000)
	},
}

// modesKeepNobodyOut says whether this account reads what its mode says nobody may read: root does, and on Windows the
// mode of a folder means nothing.
func modesKeepNobodyOut() bool { return os.Getuid() == 0 || runtime.GOOS == "windows" }

func (p *place) takeRoot(t *testing.T, how func(string) error) {
	t.Helper()
	if err := errors.Join(os.Rename(p.dir, p.dir+".away"), how(p.dir)); err != nil {
		t.Fatal(err)
	}
}

func (p *place) returnRoot(t *testing.T) {
	t.Helper()
	if err := os.Remove(p.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Rename(p.dir+".away", p.dir); err != nil {
		t.Fatal(err)
	}
}

func (p *place) indexed(t *testing.T, where string) []string {
	t.Helper()
	return dump(t, p.cfg.QueueDB, `SELECT path, file_hash, state FROM files WHERE `+where)
}

func TestARootThatIsNotThereIsAnOutage(t *testing.T) {
	t.Parallel()
	for name, how := range outages {
		for _, mode := range []Mode{Scan, Quick, Full} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				p := tempPlace(t)
				p.writeSessions(t, 11)
				p.reconcile(t, Quick)
				p.takeRoot(t, how)
				before, rows := p.contents(t), p.hashes(t)
				w := p.work(t)
				r := w.pass(t.Context(), mode, PassOptions{}, nil)
				w.stop()
				if r.Outcome != RootUnavailable || r.InSync || r.Gone != 0 {
					t.Errorf("the pass says %+v, want that the root is unavailable", r)
				}
				advice, other := "check that the share is connected", "--accept-missing"
				if strings.Contains(name, "empty") || name == "unreadable" && modesKeepNobodyOut() {
					advice, other = other, advice
				}
				if text := fmt.Sprint(r.Problems); !strings.Contains(text, advice) || strings.Contains(text, other) {
					t.Errorf("problems: %s, want that to %s", text, advice)
				}
				if r := p.survey(t, Quick); r.Outcome != RootUnavailable || r.InSync || r.Gone != 0 {
					t.Errorf("the survey says %+v, want that the root is unavailable", r)
				}
				if gone := p.indexed(t, `state = 'gone'`); len(gone) > 0 {
					t.Errorf("gone: %q", gone)
				}
				// Notes aside, which tell of the link.
				if len(p.contents(t)) < len(before) || len(p.hashes(t)) != len(rows) {
					t.Error("something was removed")
				}
				p.returnRoot(t)
				r = p.reconcile(t, Quick)
				wantSync(t, r, true)
				if r.Uploaded != 0 || r.Gone != 0 {
					t.Errorf("when it is back: %+v, want nothing to do", r)
				}
			})
		}
	}
}

func TestAnEmptyRootOfFewFilesIsBelieved(t *testing.T) {
	for _, test := range []struct {
		files  int
		accept bool
	}{{10, false}, {11, true}, {40, true}} {
		p := tempPlace(t)
		p.writeSessions(t, test.files)
		p.reconcile(t, Quick)
		p.takeRoot(t, outages["an empty directory in its place"])
		rows := p.hashes(t)
		r := p.try(t, Quick, PassOptions{AcceptMissing: test.accept})
		if r.Outcome != Complete || r.Gone != int64(test.files) {
			t.Errorf("%d files, accepted: %v: %+v, want them gone", test.files, test.accept, r)
		}
		if gone := p.indexed(t, `state = 'gone'`); len(gone) != test.files {
			t.Errorf("%d files gone, want %d", len(gone), test.files)
		}
		p.wantRows(t, rows...)
		p.returnRoot(t)
		r = p.reconcile(t, Quick)
		wantSync(t, r, true)
		if r.Uploaded != 0 || len(p.indexed(t, `state = 'synced'`)) != test.files {
			t.Errorf("when they are back: %+v", r)
		}
	}
}

// TestAnotherFolderIsNoMassDeletion: the watch path is set to a folder with other files. That is asked about, not
// believed.
func TestAnotherFolderIsNoMassDeletion(t *testing.T) {
	p := tempPlace(t)
	p.writeSessions(t, 11)
	p.reconcile(t, Quick)
	before := p.dir
	p.dir = filepath.Join(t.TempDir(), "other")
	p.session(t, "new.json", 100, 1)
	p.cfg.Roots[0].Dir = p.dir
	for _, mode := range []Mode{Quick, Full} {
		r := p.try(t, mode, PassOptions{})
		if r.Outcome != RootUnavailable || r.InSync || r.Gone != 0 {
			t.Errorf("a %s pass says %+v, want that the root is unavailable", mode, r)
		}
		text := fmt.Sprint(r.Problems)
		if !strings.Contains(text, "--accept-missing") || !strings.Contains(text, before) {
			t.Errorf("problems: %s, want what was watched before, and what to do", text)
		}
		if r := p.survey(t, mode); r.Outcome != RootUnavailable || r.InSync || r.Gone != 0 {
			t.Errorf("a %s survey says %+v, want that the root is unavailable", mode, r)
		}
	}
	if r := p.try(t, Quick, PassOptions{AcceptMissing: true}); !r.InSync || r.Gone != 11 || r.Uploaded != 1 {
		t.Errorf("accepted: %+v, want 11 files gone and one sent", r)
	}
	if r := p.reconcile(t, Quick); !r.InSync || r.Gone != 0 {
		t.Errorf("afterwards: %+v", r)
	}
}

// TestAFolderThatWasMovedIsTheSame, when its files are there under the new path.
func TestAFolderThatWasMovedIsTheSame(t *testing.T) {
	p := tempPlace(t)
	p.writeSessions(t, 20)
	p.reconcile(t, Quick)
	moved := p.dir + "-moved"
	if err := os.Rename(p.dir, moved); err != nil {
		t.Fatal(err)
	}
	p.dir, p.cfg.Roots[0].Dir = moved, moved
	p.remove(t, "s003.json")
	if r := p.reconcile(t, Quick); !r.InSync || r.Gone != 1 || r.Uploaded != 0 {
		t.Errorf("moved: %+v, want all as before but one", r)
	}
}
