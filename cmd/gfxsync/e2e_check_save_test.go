//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

// startCheck starts the command on a folder that a local table is kept true to.
func startCheck(t *testing.T, s *scene, flags ...string) (said, printed *syncBuffer, wait func() error) {
	t.Helper()
	db := filepath.Join(t.TempDir(), "local.db")
	cmd := s.command(append([]string{"check", "--local", db, "--watch", s.watch, "--queue-db", s.queue}, flags...)...)
	said, printed = &syncBuffer{}, &syncBuffer{}
	cmd.Stdout, cmd.Stderr = printed, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return said, printed, cmd.Wait
}

// TestCheckThatWaitsForASave: it asks for a save, and says how it was noticed.
func TestCheckThatWaitsForASave(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	said, printed, wait := startCheck(t, s, "--watch-for", "10m")
	eventually(t, "the check waits for a save", func() bool {
		return strings.Contains(said.String(), "waiting up to 10m0s for the next save in "+shown(s.watch))
	})
	writeFile(t, filepath.Join(s.watch, "1015", "hand.json"), sample.New(1).Play(1).JSON())
	if err := wait(); err != nil {
		t.Errorf("%v\n%s%s", err, said, printed)
	}
	line := lineOf(printed.String(), "save")
	for _, says := range []string{"✓", "hand.json was noticed by", "after its time"} {
		if !strings.Contains(line, says) {
			t.Errorf("%q does not say %q", line, says)
		}
	}
}

func TestCheckThatWaitsInVain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	said, printed, wait := startCheck(t, s, "--watch-for", "1ms", "--json")
	if err := wait(); err != nil || said.String() != "" {
		t.Errorf("%v, standard error %q", err, said)
	}
	var got struct{ Findings []store.Finding }
	if err := json.NewDecoder(bytes.NewBufferString(printed.String())).Decode(&got); err != nil {
		t.Fatal(err)
	}
	last := got.Findings[len(got.Findings)-1]
	if last.Part != "save" || last.Verdict != store.Warn || !strings.Contains(last.Text, "nothing was saved") {
		t.Errorf("%+v", last)
	}

	said, _, wait = startCheck(t, s, "--watch-for", "25h")
	if err := wait(); err == nil || !strings.Contains(said.String(), `--watch-for is "25h": expected seconds (5.0) or a duration`) {
		t.Errorf("%v, standard error %q", err, said)
	}
}
