//go:build linux

package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// bringsFilesByScansAlone: files written underneath arrive by the scan schedule alone.
func bringsFilesByScansAlone(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	s.start(scansOnly...)
	s.begun()

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
	t.Logf("from the write underneath to the row, with a scan every second: %v to %v, median %v",
		took[0], took[len(took)-1], took[len(took)/2])

	renameUnder(t, m, "1020/한국어 파일.json", "1021/moved.json")
	renameUnder(t, m, "grows.json", "1020/grows.json")
	if err := os.RemoveAll(filepath.Join(m.under, "1015")); err != nil {
		t.Fatal(err)
	}
	// Two files are under new names and old ones are gone; one is there for all its eight versions; two have been
	// removed.
	s.waitStatus("moved and removed files known", func(st *reconcile.Status) bool {
		return st.Files == files+1-2 && st.Synced == st.Files && st.Gone == 4 && st.Pending == 0
	})
	s.stop()
	checkLocal(t, rows.path, all)
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

// hidesEvents shows that the scans of bringsFilesByScansAlone are needed: without them, nothing comes of a file written
// underneath, although the watcher works. The kernel reports events in their order, so that a later file's arrival is
// the end of waiting.
func hidesEvents(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	s.start("--hot-scan", "off", "--scan-schedule", "", "--reconcile-schedule", "", "--full-schedule", "",
		"--log-level", "debug")
	s.begun()
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

	// The watcher asks for a pass when it has begun to watch. Should that pass have come so late that it may have seen
	// the file, nothing is shown; so again with another.
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
}

// isLostAndComesBack loses the mount: bindfs leaves an empty mount point, the share of a dead smbd a mount on which
// everything fails.
func isLostAndComesBack(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	files := s.syncSample(m, scansOnly...)

	m.lose()
	meanwhile := tree{"1022/grows.json": sample.New(400).Play(3).JSON()}
	for i := range 20 {
		meanwhile[fmt.Sprintf("1022/table %d.json", i)] = sample.New(401 + i).Play(2).JSON()
	}
	meanwhile.writeTo(t, m.under)
	if err := os.RemoveAll(filepath.Join(m.under, "1015")); err != nil {
		t.Fatal(err)
	}
	s.unavailableScans(4, func(st *reconcile.Status) {
		if st.Gone != 0 || st.Files != files || st.Synced != files || st.Invalid != 0 {
			t.Fatalf("the outage has changed what is known of the files: %+v", st)
		}
	})
	log := s.log.String()
	if !strings.Contains(log, "level=WARN") || !strings.Contains(log, string(reconcile.RootUnavailable)) {
		t.Error("the log does not warn that the root is unavailable")
	}

	begin := time.Now()
	m.restore()
	ready := time.Now()
	for _, content := range meanwhile {
		rows.wait(content)
	}
	t.Logf("all rows %v after the mount was to come back (%v of it: until it answered)",
		time.Since(begin), ready.Sub(begin))
	s.waitStatus("moved and removed files known", func(st *reconcile.Status) bool {
		return st.Files == files+len(meanwhile)-2 && st.Synced == st.Files && st.Gone == 2 && st.Pending == 0
	})
	if !strings.Contains(s.log.String(), "nothing stands in the way any more") {
		t.Error("the log does not say that the trouble is over")
	}
	s.stop() // the process that was started
	all := sampleTree()
	maps.Copy(all, meanwhile)
	checkLocal(t, rows.path, all)
}

// unavailableScans waits for scans that find the root unavailable, and has the status looked at all the while.
func (s *scene) unavailableScans(n int, look func(*reconcile.Status)) {
	s.t.Helper()
	var last time.Time
	for range n {
		s.waitStatus("one more scan finds the root unavailable", func(st *reconcile.Status) bool {
			look(st)
			if st.LastScan == nil || st.LastScan.Outcome != reconcile.RootUnavailable || !st.LastScan.At.After(last) {
				return false
			}
			last = st.LastScan.At
			return true
		})
	}
}

// isLostWhileAnotherGoesOn: while the mount is lost, files are written on both sides, and nothing of it is taken for a
// removal.
func isLostWhileAnotherGoesOn(t *testing.T, m *mount) {
	s, rows, plain := twoRoots(t, m)
	files := s.syncSample(m, append([]string{"--no-watch"}, scansOnly...)...)
	for round := range 2 {
		m.lose()
		here, there := sample.New(860+round).Play(1).JSON(), sample.New(870+round).Play(1).JSON()
		writeFile(t, filepath.Join(m.under, fmt.Sprintf("meanwhile %d.json", round)), there)
		writeFile(t, filepath.Join(plain, fmt.Sprintf("here %d.json", round)), here)
		rows.wait(here)
		s.waitStatus("the lost folder is named", func(st *reconcile.Status) bool {
			return st.Gone == 0 && st.LastScan != nil && len(st.LastScan.Roots) == 2 &&
				st.LastScan.Roots[0].Error != "" && st.LastScan.Roots[1].Error == ""
		})
		m.restore()
		rows.wait(there)
	}
	s.waitStatus("all is known", func(st *reconcile.Status) bool {
		return st.Synced == files+4 && st.Gone == 0 && st.Pending == 0
	})
	s.stop()
}

// hasSavesOfOneTimestamp: many file systems keep modification times to two seconds. Here the writer sets them so: no
// file system that does can be mounted everywhere.
func hasSavesOfOneTimestamp(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	s.start(append(scansOnly, "--no-watch")...)
	s.begun()
	file := filepath.Join(m.under, "coarse.json")
	base := sample.New(800).Play(1).JSON()
	stamp := time.Now().Truncate(2 * time.Second)
	for version := range 3 {
		// The same size and the same time, another content.
		content := bytes.Replace(base, []byte("{"), fmt.Appendf(nil, "{%*s", version+1, ""), 1)
		content = append(content, bytes.Repeat([]byte(" "), 3-version)...)
		writeFile(t, file, content)
		if err := os.Chtimes(file, stamp, stamp); err != nil {
			t.Fatal(err)
		}
		rows.wait(content)
	}
	s.stop()
}

// moreScans waits for scans to come, and has the status looked at after each.
func (s *scene) moreScans(n int, look func(*reconcile.Status)) {
	s.t.Helper()
	var last time.Time
	for i := range n + 1 {
		s.waitStatus("one more scan", func(st *reconcile.Status) bool {
			if st.LastScan == nil || !st.LastScan.At.After(last) {
				return false
			}
			last = st.LastScan.At
			if i > 0 { // the first was before
				look(st)
			}
			return true
		})
	}
}
