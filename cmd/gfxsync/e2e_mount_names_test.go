//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// oddNames are names that a folder may well contain, or that somebody may put there on purpose.
func oddNames() []string {
	korean := "세션 결과"
	return []string{
		norm.NFC.String(korean) + ".json", norm.NFD.String(korean) + ".json", // two files, whose names look alike
		norm.NFD.String("폴더") + "/" + norm.NFD.String("파일") + ".json",
		"with  two spaces .json", " leading.json", `"double" and 'single'.json`, "100%25 %s %d.json", "a;b&c=d,e#f?.json",
		"$(touch x) `y`.json", "line\nbreak time=2026-01-01T00:00:00Z level=ERROR msg=forged.json",
		"carriage\rreturn.json", "tab\there.json", "escape\x1b[31mred.json",
		`back\slash.json`, "not UTF-8 \xff\xfe.json", "reversed \u202enosj.json", "🂡🂮.json",
		strings.Repeat("x", 250) + ".json", strings.Repeat("가", 83) + "x.json", // 255 bytes
		strings.Repeat(strings.Repeat("d", 200)+"/", 10) + "deep.json",
	}
}

// notOnSMB tells the names that a share has under other ones, or not at all: Windows allows no such name (MS-FSCC,
// 2.1.5), a name is to be UTF-8, and % begins an escape of smbnetfs's own.
func notOnSMB(name string) bool {
	return strings.ContainsAny(name, "\"\\?*<>|:%") ||
		strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == utf8.RuneError })
}

// hasOddNames: a name neither hides its file, nor breaks a list, a row or the log.
func hasOddNames(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	s.start(scansOnly...)
	s.begun()
	names := writeOddNames(t, m, rows)
	broken := "broken\n| forged | row |.json"
	writeFile(t, filepath.Join(m.under, broken), []byte("{"))
	_, err := os.Lstat(filepath.Join(m.dir, broken))
	shown := err == nil
	s.waitStatus("all files known", func(st *reconcile.Status) bool {
		return st.Synced >= len(names) && st.Pending == 0 && (st.Invalid == 1 || !shown)
	})
	rows.wantNames(names)
	if shown {
		s.wantOneLine("invalid", "list")
	}
	for _, name := range names {
		renamed := filepath.Join(m.under, filepath.Dir(name), "renamed.json")
		if err := os.Rename(filepath.Join(m.under, name), renamed); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(renamed); err != nil {
			t.Fatal(err)
		}
	}
	s.waitStatus("removed files known", func(st *reconcile.Status) bool {
		return st.Gone >= len(names) && st.Synced <= len(oddNames())-len(names)
	})
	s.stop()
	s.wantSoundLog()
}

// writeOddNames writes a file of each odd name, and returns the names that the mount shows when their files have
// arrived.
func writeOddNames(t *testing.T, m *mount, rows *localRows) (names []string) {
	t.Helper()
	for i, name := range oddNames() {
		writeFile(t, filepath.Join(m.under, name), sample.New(600+i).Play(1).JSON())
		if m.smb && notOnSMB(name) {
			continue
		}
		// A name that there cannot be breaks smbnetfs's connection, and with it what is asked for next.
		eventually(t, "the mount shows "+name, func() bool {
			_, err := os.Lstat(filepath.Join(m.dir, name))
			return err == nil
		})
		names = append(names, name)
		rows.wait(sample.New(600 + i).Play(1).JSON())
	}
	return names
}

// wantSoundLog checks that no name breaks a line of the log, or makes one of its own.
func (s *scene) wantSoundLog() {
	s.t.Helper()
	for line := range strings.Lines(s.log.String()) {
		if !strings.HasPrefix(line, "time=") || !utf8.ValidString(line) ||
			strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\x1b\t") {
			s.t.Errorf("a name breaks the log: %q", line)
		}
		if strings.Contains(line, "level=ERROR") &&
			!strings.Contains(line, "msg=synced") && !strings.Contains(line, "msg=gone") {
			s.t.Errorf("a name forges a line of the log: %q", line)
		}
	}
}

// wantNames checks nas_path and file_name of the rows.
func (r *localRows) wantNames(names []string) {
	r.t.Helper()
	found, err := r.db.Query(`SELECT nas_path, file_name FROM gfx_sessions`)
	if err != nil {
		r.t.Fatal(err)
	}
	defer found.Close()
	var paths []string
	for found.Next() {
		var path, name string
		if err := found.Scan(&path, &name); err != nil {
			r.t.Fatal(err)
		}
		if !utf8.ValidString(path) || !norm.NFC.IsNormalString(path) || name != path[strings.LastIndex(path, "/")+1:] {
			r.t.Errorf("a row's nas_path is %q, its file_name %q", path, name)
		}
		paths = append(paths, path)
	}
	for _, name := range names {
		want := norm.NFC.String(strings.ToValidUTF8(name, "\ufffd"))
		if !slices.Contains(paths, want) {
			r.t.Errorf("no row says %q", want)
		}
	}
}

// wantOneLine checks that a list of one file is a header and one row, in which nothing can move a terminal's cursor,
// and sound JSON.
func (s *scene) wantOneLine(args ...string) {
	s.t.Helper()
	out, err := s.command(append(args, "--queue-db", s.queue)...).Output()
	if err != nil || bytes.Count(out, []byte("\n")) != 2 || !strings.Contains(string(out), `broken\n| forged`) {
		s.t.Errorf("%v prints %q: %v", args, out, err)
	}
	out, err = s.command(append(args, "--json", "--queue-db", s.queue)...).Output()
	var list []map[string]any
	if err != nil || json.Unmarshal(out, &list) != nil || len(list) != 1 {
		s.t.Errorf("%v --json prints %q: %v", args, out, err)
	}
}

// hasOddThings: what has the name of a session file and is none is never opened, followed or waited for.
func hasOddThings(t *testing.T, m *mount) {
	s, rows := onMount(t, m)
	outside := sample.New(700).Play(1).JSON()
	elsewhere := filepath.Join(t.TempDir(), "outside.json")
	writeFile(t, elsewhere, outside)
	want := tree{"x.json/inside.json": sample.New(701).Play(1).JSON(), "first.json": sample.New(702).Play(1).JSON()}
	s.start(scansOnly...)
	s.begun()
	want.writeTo(t, m.under)
	want["sparse.json"] = append(sample.New(703).Play(1).JSON(), bytes.Repeat([]byte(" "), 10)...)
	makeOddThings(t, m, want["sparse.json"], elsewhere)
	const files = 4 // with second.json
	last := sample.New(704).Play(1).JSON()
	want["last.json"] = last
	writeFile(t, filepath.Join(m.under, "last.json"), last)
	for _, content := range want {
		rows.wait(content)
	}
	s.waitStatus("the sound files are synced", func(st *reconcile.Status) bool {
		return st.Pending == 0 && st.Gone == 0 && st.Synced >= files+1 && st.Invalid >= 1
	})
	if rows.have(outside) {
		t.Error("a link to a file outside was followed")
	}
	if st := s.status(); !m.smb && (st.Synced != files+1 || st.Invalid != 1) {
		t.Errorf("status says %+v, want %d synced, and the empty file alone invalid", st, files+1)
	}
	s.stop()
}

// makeOddThings makes what is no session file underneath: one that is sparse, one that is empty, links, pipes and
// devices.
func makeOddThings(t *testing.T, m *mount, sparse []byte, elsewhere string) {
	t.Helper()
	at := func(name string) string { return filepath.Join(m.under, name) }
	made := []error{
		os.Symlink("/dev/zero", at("zero.json")), // outside the share: not even a server follows it
		syscall.Mkfifo(at("fifo.json"), 0o666), os.Link(at("first.json"), at("second.json")),
		os.WriteFile(at("sparse.json"), sparse, 0o644), os.WriteFile(at("empty.json"), nil, 0o644),
	}
	if !m.smb { // whose server follows links by itself: hasLinksThatLeadBack
		made = append(made, os.Symlink("..", at("x.json/above")), os.Symlink(".", at("itself")),
			os.Symlink(m.under, at("root.json")), os.Symlink(elsewhere, at("link.json")))
	}
	for _, err := range made {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mknod(at("device.json"), syscall.S_IFCHR|0o666, 1<<8|5); err != nil { // /dev/zero
		if os.Getuid() == 0 {
			t.Fatal(err)
		}
		t.Logf("SKIPPED here: a device, which only root may make: %v", err)
	}
	if err := syscall.Mknod(at("socket.json"), syscall.S_IFSOCK|0o666, 0); err != nil {
		t.Fatal(err)
	}
}
