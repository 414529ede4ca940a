package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wholeDemo skips a test that makes the whole demo under the race detector, which takes two minutes for it instead of
// ten seconds.
func wholeDemo(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("SKIPPED here: the whole demo under the race detector: go tool task test:full, or test:all")
	}
}

func TestDemoLosesNothing(t *testing.T) {
	wholeDemo(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // Windows
	var out, errs bytes.Buffer
	p := &program{lookupEnv: func(string) (string, bool) { return "", false }, stdout: &out, stderr: &errs}

	if code := p.run(t.Context(), []string{"gfxsync", "demo"}); code != exitOK {
		t.Fatalf("exit code %d\n%s\n%s", code, &errs, &out)
	}
	all := regexp.MustCompile(`(?m)^ *All +(\d+) +(\d+) +(\d+) *$`).FindStringSubmatch(out.String())
	if all == nil || all[1] != all[2] || all[3] != "0" {
		t.Errorf("the account shows a loss, or there is none: %q\n%s", all, &out)
	}
	for _, title := range []string{
		"1. New files", "2. Modified files", "3. Outage", "4. Nobody watches", "5. A broken file",
		"6. A gap found by the reconciler", "7. Hands for graphics", "8. verify", "9. The account",
	} {
		if !strings.Contains(out.String(), "\n"+title+"\n") {
			t.Errorf("no chapter %q", title)
		}
	}
	for what, line := range map[string]string{
		"hands":  `(?m)^ +gfx_hands has [1-9][\d,]* hands of 2\d\d sessions, gfx_players 12 players, gfx_events [1-9][\d,]* events\.$`,
		"latest": `(?m)^ +The latest: session \d{18}, hand \d+: pot [1-9][\d,]+, board ([2-9tjqka][shdc] ?|not dealt)+, won by .+\.$`,
		"gap":    `(?m)^ +A full pass over 2\d\d files, .* found 5 rows missing and 1 file changed: 6 records uploaded, [1-9]\d* requests in all, \d+ms\.$`,
		"verify": `(?m)^ +Folder, index and table are in sync: (2\d\d) files, 2\d\d of them hashed \([1-9][\d.]* MiB\)\.$`,
		"counts": `(?m)^ +New 0, changed 0, gone 0, missing in the table 0, waiting 0, dead 0, invalid 0: [1-9]\d* requests?, \d+ms\.$`,
	} {
		if !regexp.MustCompile(line).MatchString(out.String()) {
			t.Errorf("%s: nothing like %s", what, line)
		}
	}
	for _, kept := range []string{"gfx_sessions.db", "gfxsync.log", "sync_queue/pending.db", "output"} {
		found, err := filepath.Glob(filepath.Join(temp, "gfxsync-demo-*", filepath.FromSlash(kept)))
		if err != nil || len(found) != 1 || !strings.Contains(out.String(), found[0]) {
			t.Errorf("%s is not kept, or not where the demo says: %v, %v", kept, found, err)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// What is lost is named, and the exit code tells: here somebody deletes a row just before the account.
func TestDemoFailsIfARowIsLost(t *testing.T) {
	wholeDemo(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // Windows
	var printed, errs bytes.Buffer
	out := writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("9. The account")) {
			deleteRow(t, regexp.MustCompile(`(?m)^ +table +(.+)$`).FindStringSubmatch(printed.String())[1])
		}
		return printed.Write(b)
	})
	p := &program{lookupEnv: func(string) (string, bool) { return "", false }, stdout: out, stderr: &errs}
	code := p.run(t.Context(), []string{"gfxsync", "demo"})
	if code != exitRemain || strings.Count(printed.String(), "LOST: ") != 1 || errs.Len() > 0 {
		t.Errorf("exit code %d\n%s\n%s", code, &errs, &printed)
	}
}

// deleteRow deletes the newest row of the table.
func deleteRow(t *testing.T, tableFile string) {
	db, err := sql.Open("sqlite", tableFile)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `DELETE FROM gfx_sessions WHERE id = (SELECT max(id) FROM gfx_sessions)`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestDemoStops(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // Windows
	ctx, cancel := context.WithCancel(t.Context())
	// Stopped by its own words, in the midst of the story.
	out := writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("2. Modified")) {
			cancel()
		}
		return len(b), nil
	})
	var errs bytes.Buffer
	p := &program{lookupEnv: func(string) (string, bool) { return "", false }, stdout: out, stderr: &errs}
	if code := p.run(ctx, []string{"gfxsync", "demo"}); code != exitFailed || !strings.Contains(errs.String(), "stopped") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
