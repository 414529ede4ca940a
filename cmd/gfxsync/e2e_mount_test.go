//go:build linux

package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// These tests watch real mounts, behind which files change without an event: a directory shown a second time by bindfs, and an SMB
// share, of an smbd of its own, mounted with smbnetfs.

// mount is a mounted file system. Its functions fail the test if they cannot do what they say.
type mount struct {
	dir     string // what the agent watches
	under   string // where the files really are
	lose    func()
	restore func()
	smb     bool
	process func() *helper // that answers for it
}

var mounts = map[string]func(*testing.T) *mount{"bindfs": func(t *testing.T) *mount { return bindfsMount(t) }, "SMB": smbMount}

func TestFilesWrittenUnderneathAMountArriveByTheScanScheduleAlone(t *testing.T) {
	t.Parallel()
	for name, open := range mounts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			s, rows := onMount(t, m)
			s.start("--scan-schedule", "@every 1s", "--reconcile-schedule", "", "--full-schedule", "", "--flush-interval", "0.1")
			s.waitStatus("the reconcile at the start is over", func(st *reconcile.Status) bool {
				return st.LastReconcile != nil
			})

			all := sampleTree()
			all["1020/한국어 파일.json"] = sample.New(200).Play(2).JSON()
			all.writeTo(t, m.under)
			_, files := all.jsonFiles()
			s.waitStatus("all files synced", func(st *reconcile.Status) bool {
				return st.Synced == files && st.Files == files
			})

			var took []time.Duration
			session := sample.New(300)
			for version := range 8 {
				content := session.Play(1).JSON()
				all[fmt.Sprintf("grows.json, version %d.json", version)] = content
				begin := time.Now()
				writeFile(t, filepath.Join(m.under, "grows.json"), content)
				rows.wait(content)
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			t.Logf("from the write underneath to the row, with a scan every second: %v to %v, median %v", took[0], took[len(took)-1], took[len(took)/2])

			renameUnder(t, m, "1020/한국어 파일.json", "1021/moved.json")
			renameUnder(t, m, "grows.json", "1020/grows.json")
			if err := os.RemoveAll(filepath.Join(m.under, "1015")); err != nil {
				t.Fatal(err)
			}
			// Two files are under new names and old ones are gone; one is there for all its eight versions; two have been removed.
			s.waitStatus("moved and removed files known", func(st *reconcile.Status) bool {
				return st.Files == files+1-2 && st.Synced == st.Files && st.Gone == 4 && st.Pending == 0
			})
			s.stop()
			checkLocal(t, rows.path, all)
		})
	}
}

func renameUnder(t *testing.T, m *mount, from, to string) {
	t.Helper()
	to = filepath.Join(m.under, to)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(m.under, from), to); err != nil {
		t.Fatal(err)
	}
}

// TestAMountHidesEvents shows that the scans of the test above are needed: without them, nothing comes of a file written underneath,
// although the watcher works. The kernel reports events in their order, so that a later file's arrival is the end of waiting.
func TestAMountHidesEvents(t *testing.T) {
	t.Parallel()
	for name, open := range mounts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			s, rows := onMount(t, m)
			s.start("--scan-schedule", "", "--reconcile-schedule", "", "--full-schedule", "", "--log-level", "debug")
			s.waitStatus("the reconcile at the start is over", func(st *reconcile.Status) bool {
				return st.LastReconcile != nil
			})
			passes := func() int {
				return strings.Count(s.log.String(), "msg=scanned") + strings.Count(s.log.String(), "msg=reconciled")
			}
			seed := 0
			through := func() {
				t.Helper()
				seed++
				content := sample.New(seed).Play(1).JSON()
				writeFile(t, filepath.Join(m.dir, fmt.Sprintf("through-%d.json", seed)), content)
				rows.wait(content)
			}
			through()

			// The watcher asks for a pass when it has begun to watch. Should that pass have come so late that it may have seen the file,
			// nothing is shown; so again with another.
			var hidden []byte
			for attempt := 0; ; attempt++ {
				if attempt == 5 {
					t.Fatal("the agent makes passes that nobody asked for")
				}
				before := passes()
				hidden = sample.New(1000 + attempt).Play(1).JSON()
				writeFile(t, filepath.Join(m.under, fmt.Sprintf("hidden-%d.json", attempt)), hidden)
				for range 3 {
					through()
				}
				if passes() == before {
					break
				}
			}
			if rows.have(hidden) {
				t.Error("a file written underneath has arrived without a scan: this mount hides nothing")
			}
			s.mustPass(0, "reconcile")
			if !rows.have(hidden) {
				t.Error("reconcile did not bring the file written underneath")
			}
			s.stop()
		})
	}
}

// TestAMountThatIsLostAndComesBack loses the mount: bindfs leaves an empty mount point, the share of a dead smbd a mount on which
// everything fails.
func TestAMountThatIsLostAndComesBack(t *testing.T) {
	t.Parallel()
	for name, open := range mounts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			s, rows := onMount(t, m)
			all := sampleTree()
			all.writeTo(t, m.under)
			_, files := all.jsonFiles()
			s.start("--scan-schedule", "@every 1s", "--reconcile-schedule", "", "--full-schedule", "", "--flush-interval", "0.1")
			s.waitStatus("all files synced", func(st *reconcile.Status) bool {
				return st.Synced == files && st.Pending == 0
			})

			m.lose()
			meanwhile := tree{"1022/grows.json": sample.New(400).Play(3).JSON()}
			for i := range 20 {
				meanwhile[fmt.Sprintf("1022/table %d.json", i)] = sample.New(401 + i).Play(2).JSON()
			}
			meanwhile.writeTo(t, m.under)
			if err := os.RemoveAll(filepath.Join(m.under, "1015")); err != nil {
				t.Fatal(err)
			}
			var last time.Time
			for range 4 {
				s.waitStatus("one more scan finds the root unavailable", func(st *reconcile.Status) bool {
					if st.Gone != 0 || st.Files != files || st.Synced != files || st.Invalid != 0 {
						t.Fatalf("the outage has changed what is known of the files: %+v", st)
					}
					if st.LastScan == nil || st.LastScan.Outcome != reconcile.RootUnavailable || !st.LastScan.At.After(last) {
						return false
					}
					last = st.LastScan.At
					return true
				})
			}
			if log := s.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, string(reconcile.RootUnavailable)) {
				t.Error("the log does not warn that the root is unavailable")
			}

			begin := time.Now()
			m.restore()
			ready := time.Now()
			for _, content := range meanwhile {
				rows.wait(content)
			}
			t.Logf("all rows %v after the mount was to come back (%v of it: until it answered)", time.Since(begin), ready.Sub(begin))
			s.waitStatus("moved and removed files known", func(st *reconcile.Status) bool {
				return st.Files == files+len(meanwhile)-2 && st.Synced == st.Files && st.Gone == 2 && st.Pending == 0
			})
			if log := s.log.String(); !strings.Contains(log, "nothing stands in the way any more") {
				t.Error("the log does not say that the trouble is over")
			}
			s.stop() // the process that was started
			for name, content := range meanwhile {
				all[name] = content
			}
			checkLocal(t, rows.path, all)
		})
	}
}

// onMount is a scene on a mount. The mount is to be older, so that the agent ends before it.
func onMount(t *testing.T, m *mount) (*scene, *localRows) {
	s := newScene(t)
	s.watch = m.dir
	path := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", path}
	return s, &localRows{t: t, path: path}
}

// localRows looks into the table of a scene on --local.
type localRows struct {
	t    *testing.T
	path string
	db   *sql.DB
}

func (r *localRows) wait(content []byte) {
	r.t.Helper()
	eventually(r.t, "the content is a row", func() bool { return r.have(content) })
}

func (r *localRows) have(content []byte) bool {
	r.t.Helper()
	if r.db == nil {
		var err error
		if r.db, err = sql.Open("sqlite", "file:"+r.path+"?mode=ro&_pragma=busy_timeout(10000)"); err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { r.db.Close() })
	}
	n := 0
	if _, err := os.Stat(r.path); err != nil {
		return false // the agent has only just begun
	}
	err := r.db.QueryRow(`SELECT count(*) FROM gfx_sessions WHERE file_hash = ?`, hashindex.XXH3.Sum(content)).Scan(&n)
	if err != nil && !strings.Contains(err.Error(), "no such table") {
		r.t.Fatal(err)
	}
	return n > 0
}
