//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store/sample"
)

// hasItsSavesNoticedByCheck: another machine saves, of which no event tells.
func hasItsSavesNoticedByCheck(t *testing.T, m *mount) {
	s := newScene(t)
	s.watch = m.dir
	session := sample.New(1)
	writeFile(t, filepath.Join(m.under, "hand.json"), session.Play(1).JSON())
	said, printed, wait := startCheck(t, s, "--watch-for", "10m")
	eventually(t, "the check waits for a save", func() bool { return strings.Contains(said.String(), "waiting up to") })
	writeFile(t, filepath.Join(m.under, "hand.json"), session.Play(1).JSON())
	if err := wait(); err != nil {
		t.Errorf("%v\n%s%s", err, said, printed)
	}
	line := lineOf(printed.String(), "save")
	for _, says := range []string{
		"hand.json was noticed by listing the folder", "no event told of it",
		"gfxsync run lists the folders in which something changed lately every second",
	} {
		if !strings.Contains(line, says) {
			t.Errorf("%q does not say %q", line, says)
		}
	}
	t.Log(line)
}
