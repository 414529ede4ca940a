package main

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

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

// queueOf makes a queue database in which these entries are the queue, and in whose index there are other files as well.
func queueOf(t *testing.T, entries []testEntry) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state", "pending.db")
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(v state.View) error {
		for i := range entries {
			if err := entries[i].put(t.Context(), v); err != nil {
				return err
			}
		}
		return errors.Join(
			putFile(t.Context(), v, "synced.json", hashindex.Synced, ""),
			putFile(t.Context(), v, "1015/half.json", hashindex.Invalid, "not JSON: unexpected end"),
			putFile(t.Context(), v, norm.NFD.String(koreanName)+".json", hashindex.Invalid, longError),
		)
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func (e *testEntry) put(ctx context.Context, v state.View) error {
	src := store.Source{Path: e.path}
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
		Key: hashindex.Key{Path: e.path}, Hash: e.hash(), State: indexed, Error: reason, SeenAt: queueBegan, StampSeen: queueBegan,
	})
}

func putFile(ctx context.Context, v state.View, path string, s hashindex.State, reason string) error {
	return v.Index.Put(ctx, &hashindex.Entry{
		Key: hashindex.Key{Path: path}, Stamp: hashindex.Stamp{Size: 2048}, Hash: hashindex.XXH3.Sum([]byte(path)), State: s, Error: reason,
		SeenAt: queueBegan, StampSeen: queueBegan,
	})
}

// held is what a queue database says of an entry, and of its file.
type held struct {
	path    string
	retries int
	dead    bool
	due     bool // a moment after it was made
	file    hashindex.State
}

// queueContents returns the queue by id, and the states of the entries' files.
func queueContents(t *testing.T, path string) (queue map[int64]held, files map[string]hashindex.State) {
	t.Helper()
	s, err := state.OpenExisting(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Queue.List(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	due, err := s.Queue.Due(t.Context(), store.QueuePlace{}, 1000, 1<<30, queueBegan.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]hashindex.State{}
	for _, e := range twoAndTwo {
		entry, known, err := s.Index.Get(t.Context(), hashindex.Key{Path: e.path})
		if err != nil {
			t.Fatal(err)
		}
		if known {
			files[e.path] = entry.State
		}
	}
	queue = map[int64]held{}
	for _, e := range list {
		isDue := slices.ContainsFunc(due, func(i store.Item) bool { return i.Record.FileHash == e.FileHash })
		queue[e.ID] = held{path: e.Source.Path, retries: e.Retries, dead: e.Dead, due: isDue, file: files[e.Source.Path]}
	}
	return queue, files
}

// before is what queueOf makes of twoAndTwo.
func before() map[int64]held {
	return map[int64]held{
		1: {path: twoAndTwo[0].path, due: true, file: hashindex.Queued},
		2: {path: twoAndTwo[1].path, retries: 2, file: hashindex.Queued},
		3: {path: twoAndTwo[2].path, retries: 3, dead: true, file: hashindex.Dead},
		4: {path: twoAndTwo[3].path, retries: 3, dead: true, file: hashindex.Dead},
	}
}

func checkQueue(t *testing.T, path string, want map[int64]held) {
	t.Helper()
	if got, _ := queueContents(t, path); !reflect.DeepEqual(got, want) {
		t.Errorf("the queue is\n%+v, want\n%+v", got, want)
	}
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
