package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/sample"
)

func TestDemoLosesNothing(t *testing.T) {
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
	for _, c := range chapters {
		if !strings.Contains(out.String(), ". "+c.title+"\n") {
			t.Errorf("no chapter %q", c.title)
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

// The account must be able to find fault, or its zeros say nothing.
func TestDemoAccountFindsFault(t *testing.T) {
	d := &demo{tableFile: filepath.Join(t.TempDir(), "table.db"), watchDir: t.TempDir(), chapter: "first"}
	if err := os.Mkdir(filepath.Join(d.watchDir, demoFolders[1]), 0o755); err != nil {
		t.Fatal(err)
	}
	saves, err := d.saveNew(5)
	if err != nil {
		t.Fatal(err)
	}
	saves[3].passing = true
	records := []store.Record{
		{FileHash: saves[0].hash, RawJSON: saves[0].content},
		{FileHash: saves[1].hash, RawJSON: []byte(`{"another":"content"}`)},
		{FileHash: hashindex.XXH3.Sum(nil), RawJSON: sample.New(99).JSON()},
	}
	table, err := local.Open(t.Context(), d.tableFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Upsert(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}

	a, err := d.drawUp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Lost: the second, whose bytes are not the file's, the third and the fifth. The fourth gave way to a later save.
	all := a.total()
	if all.written != 4 || all.kept != 1 || len(all.lost) != 3 || a.folded != 1 || a.unexpected != 1 || a.clean() {
		t.Errorf("account: %+v, all: %+v", a, all)
	}
}

// Nor would the last word mean anything if it were always the same.
func TestDemoEndsInFailureIfVerifyFindsADifference(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // Windows
	var out bytes.Buffer
	d, err := newDemo(&out, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	d.chapters = []chapter{
		{"In sync", (*demo).verify},
		{"A file that nobody sees", func(d *demo, _ context.Context) error {
			return errors.Join(d.stopAgent(), os.WriteFile(d.abs("new.json"), []byte(`{}`), 0o644))
		}},
		{"Not in sync", (*demo).verify},
	}
	if err := d.run(t.Context()); !errors.Is(err, errRemains) {
		t.Errorf("%v, want %v", err, errRemains)
	}
	first, second, _ := strings.Cut(out.String(), "Not in sync")
	if !strings.Contains(first, "are in sync") || !strings.Contains(second, "are not in sync") || !strings.Contains(second, "New 1,") {
		t.Errorf("the verdicts are not as they should be:\n%s", &out)
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

// A hand that is not there for graphics is missed.
func TestDemoMissesHands(t *testing.T) {
	var out bytes.Buffer
	d := &demo{out: &out, tableFile: filepath.Join(t.TempDir(), "table.db")}
	first, second := d.newFile(), d.newFile()
	table, err := local.Open(t.Context(), d.tableFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*demoFile{first, second} {
		record, err := store.MakeRecord(store.Origin{FileHash: hashindex.XXH3.Sum(f.session.JSON())}, f.session.JSON())
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Upsert(t.Context(), []store.Record{record}); err != nil {
			t.Fatal(err)
		}
		if err := d.hands(t.Context()); (f == second) != (err == nil) || err != nil && !errors.Is(err, errMissing) {
			t.Errorf("%v", err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
}
