package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

const koreanName = "결승/한글 세션.json" // NFC

var (
	longError = "22P05: unsupported Unicode escape sequence: " + strings.Repeat("\\u0000 cannot be converted to text; ", 20) + "the end"
	// queueBegan is when the entries of queueOf were made.
	queueBegan = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
)

// testEntry is an entry of the queue, and its file in the index.
type testEntry struct {
	path     string
	content  string
	cause    string // empty: never tried
	refusals int    // of three
}

func (e *testEntry) hash() string { return hashindex.XXH3.Sum([]byte(e.content)) }

// twoAndTwo are two entries that wait and two that are dead, with the ids 1 to 4.
var twoAndTwo = []testEntry{
	{path: "1015/untried.json", content: `{"ID":1}`},
	{path: norm.NFD.String(koreanName), content: `{"ID":2}`, cause: longError, refusals: 2},
	{path: "1016/twice.json", content: `{"ID":3}`, cause: "23505: duplicate key", refusals: 3},
	{path: "1016/too large.json", content: `{"ID":4}`, cause: "413: too large", refusals: 3},
}

// queueOf makes a queue database in which these entries are the queue, and in whose index there are other files as
// well.
func queueOf(t *testing.T, entries []testEntry) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state", "pending.db")
	if err := makeQueue(t.Context(), path, entries); err != nil {
		t.Fatal(err)
	}
	return path
}

func makeQueue(ctx context.Context, path string, entries []testEntry) error {
	s, err := state.Open(ctx, path)
	if err != nil {
		return err
	}
	err = s.Update(ctx, func(v state.View) error {
		for i := range entries {
			if err := entries[i].put(ctx, v); err != nil {
				return err
			}
		}
		return errors.Join(
			putFile(ctx, v, "synced.json", hashindex.Synced, ""),
			putFile(ctx, v, "1015/half.json", hashindex.Invalid, "not JSON: unexpected end"),
			putFile(ctx, v, norm.NFD.String(koreanName)+".json", hashindex.Invalid, longError),
		)
	})
	return errors.Join(err, s.Close())
}

func (e *testEntry) put(ctx context.Context, v state.View) error {
	src := fileid.ID{Path: e.path}
	indexed, reason := hashindex.Queued, e.cause
	var cause error
	if e.cause != "" {
		cause = errors.New(e.cause)
	}
	r := store.Record{FileHash: e.hash(), RawJSON: []byte(e.content)}
	if err := v.Queue.Put(ctx, src, &r, cause, queueBegan); err != nil {
		return err
	}
	for i := range e.refusals {
		if _, err := v.Queue.Refuse(ctx, src, e.hash(), 3, queueBegan.AddDate(0, 0, i), 24*time.Hour); err != nil {
			return err
		}
		if e.refusals == 3 {
			indexed = hashindex.Dead
		}
	}
	return v.Index.Put(ctx, &hashindex.Entry{
		ID: fileid.ID{Path: e.path}, Hash: e.hash(), State: indexed, Error: reason, SeenAt: queueBegan, StampSeen: queueBegan,
	})
}

func putFile(ctx context.Context, v state.View, path string, s hashindex.State, reason string) error {
	return v.Index.Put(ctx, &hashindex.Entry{
		ID: fileid.ID{Path: path}, Stamp: hashindex.Stamp{Size: 2048}, Hash: hashindex.XXH3.Sum([]byte(path)), State: s, Error: reason,
		SeenAt: queueBegan, StampSeen: queueBegan,
	})
}

// checkLine looks for a line with all of these words.
func checkLine(t *testing.T, text string, words ...string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return
		}
	}
	t.Errorf("no line has %q:\n%s", words, text)
}
