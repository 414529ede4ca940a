//go:build linux

package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
)

// mount is a mounted file system. Its functions fail the test if they cannot do what they say.
type mount struct {
	dir     string // what the agent watches
	under   string // where the files really are
	lose    func()
	restore func()
	smb     bool
	process func() *helper // that answers for it
}

// mountKind is a way to come by a mount. Behind the real ones, files change without an event: bindfs shows a directory
// a second time, and smbnetfs mounts the share of an smbd of its own. A plain folder is for what is to hold everywhere.
type mountKind struct {
	name string
	open func(testing.TB) *mount
}

var (
	plainKind  = mountKind{"plain", plainFolder}
	bindfsKind = bindfsWith()
	smbKind    = mountKind{"SMB", smbMount}
	bothKinds  = []mountKind{bindfsKind, smbKind}
	allKinds   = []mountKind{plainKind, bindfsKind, smbKind}
)

func bindfsWith(options ...string) mountKind {
	return mountKind{"bindfs", func(t testing.TB) *mount { return bindfsMount(t, options...) }}
}

func plainFolder(t testing.TB) *mount {
	dir := t.TempDir()
	return &mount{dir: dir, under: dir}
}

var mountCases = []struct {
	name string // what the mount does, or has
	on   []mountKind
	run  func(*testing.T, *mount)
}{
	{"brings files by scans alone", bothKinds, bringsFilesByScansAlone},
	{"hides events", bothKinds, hidesEvents},
	{"is lost and comes back", bothKinds, isLostAndComesBack},
	{"is lost while another folder goes on", bothKinds, isLostWhileAnotherGoesOn},
	{"has links that lead back", []mountKind{bindfsWith("--resolve-symlinks"), smbKind}, hasLinksThatLeadBack},
	{"has odd names", allKinds, hasOddNames},
	{"has odd things", allKinds, hasOddThings},
	{"has saves of one timestamp", allKinds, hasSavesOfOneTimestamp},
	{"has a locked file", allKinds, hasALockedFile},
	{"has paths near the limit", []mountKind{plainKind, bindfsKind}, hasPathsNearTheLimit},
	{"may not be read in part", []mountKind{plainKind, bindfsWith("-o", "allow_other")}, mayNotBeReadInPart},
	{"hangs and holds up nothing else", []mountKind{bindfsKind}, hangsAndHoldsUpNothingElse},
	{"hangs and the agent stops", []mountKind{bindfsKind}, hangsAndTheAgentStops},
	{"hangs and an agent without events stops", []mountKind{bindfsKind}, hangsAndAnAgentWithoutEventsStops},
	{"hangs and commands stop", []mountKind{bindfsKind}, hangsAndCommandsStop},
	{"is slow", []mountKind{bindfsWith(fmt.Sprintf("--read-rate=%d", slowRate))}, isSlow},
	{"is behind a bad line", []mountKind{smbBehindABadLine}, isBehindABadLine},
	{"is known to check", bothKinds, isKnownToCheck},
	{"has its saves noticed by check", bothKinds, hasItsSavesNoticedByCheck},
	{"holds the queue database", bothKinds, holdsTheQueueDatabase},
}

// TestAMount runs each case on each kind of mount that it is for. That takes minutes, most of them waiting.
func TestAMount(t *testing.T) {
	if os.Getenv("GFXSYNC_MOUNTS") == "" {
		t.Skip("SKIPPED here: the tests on real mounts (bindfs, SMB): go tool task test:mounts, or test:all")
	}
	for _, c := range mountCases {
		for _, kind := range c.on {
			t.Run(kind.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, kind.open(t))
			})
		}
	}
}

// onMount is a scene on a mount. The mount is to be older, so that the agent ends before it.
func onMount(t testing.TB, m *mount) (*scene, *localRows) {
	s := newScene(t)
	s.watch = m.dir
	path := filepath.Join(t.TempDir(), "local.db")
	s.args = []string{"--local", path}
	return s, &localRows{t: t, path: path}
}

// twoRoots is a scene with a mount as root A and a plain folder as root B.
func twoRoots(t testing.TB, m *mount) (s *scene, rows *localRows, plain string) {
	s, rows = onMount(t, m)
	plain = t.TempDir()
	s.watch = "A=" + m.dir + ";B=" + plain
	return s, rows, plain
}

var scansOnly = []string{
	"--scan-schedule", "@every 1s", "--reconcile-schedule", "", "--full-schedule", "", "--flush-interval", "0.1",
}

// syncSample starts the agent over the files of sampleTree, and returns how many there are when all are synced.
func (s *scene) syncSample(m *mount, flags ...string) (files int) {
	s.t.Helper()
	sampleTree().writeTo(s.t, m.under)
	_, files = sampleTree().jsonFiles()
	s.start(flags...)
	s.waitStatus("all files synced", func(st *reconcile.Status) bool { return st.Synced == files && st.Pending == 0 })
	return files
}

// localRows looks into the table of a scene on --local.
type localRows struct {
	t    testing.TB
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
