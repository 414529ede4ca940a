package demo

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/sample"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// withTable returns a demo with a folder and an empty table, and without an agent.
func withTable(t *testing.T, out *bytes.Buffer) (*demo, *local.Remote) {
	t.Helper()
	d := &demo{
		out: out, watchDir: t.TempDir(), tableFile: filepath.Join(t.TempDir(), "table.db"), chapter: "first",
		stopAgent: func() error { return nil },
	}
	if err := os.Mkdir(filepath.Join(d.watchDir, folders[1]), 0o755); err != nil {
		t.Fatal(err)
	}
	remote, err := local.Open(t.Context(), d.tableFile)
	if err != nil {
		t.Fatal(err)
	}
	if d.table, err = sql.Open("sqlite", d.tableFile); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(d.table.Close(), remote.Close()); err != nil {
			t.Error(err)
		}
	})
	return d, remote
}

// The account must be able to find fault, or its zeros say nothing.
func TestAccountFindsFault(t *testing.T) {
	var out bytes.Buffer
	d, remote := withTable(t, &out)
	saves := d.saveNew(5)
	saves[3].passing = true
	records := []store.Record{
		{FileHash: saves[0].hash, RawJSON: saves[0].content},
		{FileHash: saves[1].hash, RawJSON: []byte(`{"another":"content"}`)},
		{FileHash: hashindex.XXH3.Sum(nil), RawJSON: sample.New(99).JSON()},
	}
	if err := remote.Upsert(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if err := attempt(func() { d.account(t.Context()) }); !errors.Is(err, errMissing) {
		t.Errorf("%v, want %v", err, errMissing)
	}
	// Lost: the second, whose bytes are not the file's, the third and the fifth. The fourth gave way to a later save.
	for _, line := range []string{
		` +first +4 +1 +3`, ` +All +4 +1 +3`, ` +Compared .* twice: 0; rows that nobody wrote: 1\.`,
		` +Not counted: 1 saves .*; 1 of them gave way .*`, ` +LOST: ` + regexp.QuoteMeta(saves[1].path),
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(out.String()) {
			t.Errorf("nothing like %s in\n%s", line, &out)
		}
	}
	if n := strings.Count(out.String(), "LOST: "); n != 3 {
		t.Errorf("%d files lost, want 3:\n%s", n, &out)
	}
}

// An account without fault must say so.
func TestAccountIsClean(t *testing.T) {
	d, remote := withTable(t, &bytes.Buffer{})
	s := d.saveNew(1)[0]
	record := store.Record{FileHash: s.hash, RawJSON: s.content}
	if err := remote.Upsert(t.Context(), []store.Record{record}); err != nil {
		t.Fatal(err)
	}
	if err := attempt(func() { d.account(t.Context()) }); err != nil {
		t.Error(err)
	}
}

// Nor would the last word mean anything if it were always the same.
func TestDemoEndsInFailureIfVerifyFindsADifference(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // Windows
	var out bytes.Buffer
	err := run(t.Context(), &out, []chapter{
		{"In sync", (*demo).verify},
		{"A file that nobody sees", func(d *demo, _ context.Context) {
			check(d.stopAgent())
			inPlace(d.abs("new.json"), []byte(`{}`))
		}},
		{"Not in sync", (*demo).verify},
		{"A chapter after it", func(*demo, context.Context) {}},
	})
	if !errors.Is(err, ErrLost) {
		t.Errorf("%v, want %v", err, ErrLost)
	}
	first, second, _ := strings.Cut(out.String(), "Not in sync")
	if !strings.Contains(first, "are in sync") || !strings.Contains(second, "are not in sync") ||
		!strings.Contains(second, "New 1,") || !strings.Contains(second, "4. A chapter after it") {
		t.Errorf("the verdicts are not as they should be:\n%s", &out)
	}
}

// A hand that is not there for graphics is missed.
func TestHandsAreMissed(t *testing.T) {
	d, remote := withTable(t, &bytes.Buffer{})
	first, second := d.newFile(), d.newFile()
	for _, f := range []*file{first, second} {
		content := f.session.JSON()
		record, err := store.MakeRecord(store.Origin{FileHash: hashindex.XXH3.Sum(content)}, content)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Upsert(t.Context(), []store.Record{record}); err != nil {
			t.Fatal(err)
		}
		err = attempt(func() { d.hands(t.Context()) })
		if (f == second) != (err == nil) || err != nil && !errors.Is(err, errMissing) {
			t.Errorf("%v", err)
		}
	}
}

// A panic that is no failure of a step is a bug, and must not pass for a result.
func TestAttemptLeavesOtherPanicsAlone(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the panic was swallowed")
		}
	}()
	t.Errorf("error = %v, want a panic", attempt(func() { panic("a bug") }))
}
