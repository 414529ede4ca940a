//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// mayNotBeReadInPart: what the agent's account may not read is named once, with what to do, and nothing is concluded of
// it. All else arrives.
func mayNotBeReadInPart(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	s.asAnother()
	letThrough(t, m.dir)
	for _, dir := range []string{filepath.Dir(s.queue), filepath.Dir(rows.path)} {
		makeDirs(t, dir)
		letThrough(t, filepath.Dir(dir))
		mode(t, dir, 0o755)
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(m.under, name) }
	content := func(i int) []byte { return sample.New(920 + i).Play(1).JSON() }
	for i, name := range []string{
		"open.json", "later shut/1.json", "later shut/deep/2.json", "shut/3.json", "names only/4.json",
		"names only/5.json", "refused.json",
	} {
		writeFile(t, at(name), content(i))
	}
	mode(t, at("shut"), 0o700)
	mode(t, at("names only"), 0o744)
	mode(t, at("refused.json"), 0o600)
	s.start(append(scansOnly, "--no-watch")...)
	const what = "what may be read is synced, and the file that may not is named"
	s.waitStatus(what, func(st *reconcile.Status) bool {
		return st.Synced == 3 && st.Invalid == 1 && st.Pending == 0
	})
	mode(t, at("later shut"), 0o700)
	writeFile(t, at("later shut/7.json"), content(7))
	s.waitStatus("a scan says that it has not seen all", func(st *reconcile.Status) bool {
		return st.LastScan != nil && st.LastScan.Outcome == reconcile.Incomplete
	})
	s.moreScans(2, func(st *reconcile.Status) {
		if st.Gone != 0 || st.Synced != 3 || st.Invalid != 1 {
			t.Errorf("what may not be read has changed what is known: %+v", st)
		}
	})
	r := s.mustPass(2, "verify")
	if r.Outcome != reconcile.Incomplete || r.Gone != 0 || r.RemoteMissing != 0 || r.InSync {
		t.Errorf("verify says %+v", r)
	}
	wantNamed(t, s, "read shut: ", "read names only: ", "read later shut: ", "path=refused.json")

	for _, name := range []string{"shut", "later shut", "names only", "refused.json"} {
		mode(t, at(name), 0o755)
	}
	for i := range 8 {
		rows.wait(content(i))
	}
	s.waitStatus("all files synced", func(st *reconcile.Status) bool {
		return st.Synced == 8 && st.Gone == 0 && st.Invalid == 0 && st.LastScan.Outcome == reconcile.Complete
	})
	s.stop()
	wantNamed(t, s, "nothing stands in the way any more")
}

// wantNamed checks that the log has each text in one line or two: all that is in the way is said again when something
// is added to it.
func wantNamed(t *testing.T, s *scene, texts ...string) {
	t.Helper()
	for _, text := range texts {
		n := 0
		for line := range strings.Lines(s.log.String()) {
			if !strings.Contains(line, text) || strings.Contains(line, "msg=synced") {
				continue
			}
			n++
			if !strings.Contains(line, "permission denied") && strings.Contains(line, "level=WARN") ||
				strings.Contains(line, "denied") && !strings.Contains(line, "give the account") {
				t.Errorf("the log does not say what to do: %s", line)
			}
		}
		if n < 1 || n > 2 {
			t.Errorf("the log says %q in %d lines:\n%s", text, n, s.log)
		}
	}
}

func mode(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// hasPathsNearTheLimit: of paths longer than the system takes (4,095 bytes, path_resolution(7)), those that can be
// reached are files like others, and the rest is named.
func hasPathsNearTheLimit(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	s.start(scansOnly...)
	s.begun()
	reachable := deepFiles(t, m)
	for _, content := range reachable {
		rows.wait(content)
	}
	s.moreScans(2, func(st *reconcile.Status) {
		if st.Synced != len(reachable) || st.Gone != 0 || st.Invalid != 0 || st.Pending != 0 {
			t.Errorf("status says %+v, want %d files synced", st, len(reachable))
		}
	})
	s.stop()
	if !strings.Contains(s.log.String(), "file name too long") {
		t.Error("the log does not name what could not be reached")
	}
}

// deepFiles makes a file in each of many folders one in another, until no path leads to them any more, and where the
// paths end one of the longest path that there may be and one of a path longer by one. It returns the contents of those
// that can be reached.
func deepFiles(t *testing.T, m *mount) (reachable [][]byte) {
	t.Helper()
	const most = 4095
	at, err := os.OpenRoot(m.under)
	if err != nil {
		t.Fatal(err)
	}
	length := len(m.dir) + 1
	put := func(name string) {
		content := sample.New(940 + len(name)*20 + len(reachable)).Play(1).JSON()
		if length+len(name) <= most {
			reachable = append(reachable, content)
		}
		if err := at.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for depth := range 18 {
		folder := fmt.Sprintf("%02d%s", depth, strings.Repeat("d", 253))
		put(fmt.Sprintf("file %d.json", depth))
		if room := most - length; room > 5 && room < len(folder) {
			put(strings.Repeat("x", room-5) + ".json")
			put(strings.Repeat("y", room-4) + ".json")
		}
		if at, err = enter(at, folder); err != nil {
			t.Fatal(err)
		}
		length += len(folder) + 1
	}
	if err := at.Close(); err != nil {
		t.Fatal(err)
	}
	return reachable
}

// enter makes a folder and goes into it, as no path leads there.
func enter(at *os.Root, name string) (*os.Root, error) {
	err := at.Mkdir(name, 0o755)
	if err != nil {
		return nil, err
	}
	next, err := at.OpenRoot(name)
	return next, errors.Join(err, at.Close())
}
