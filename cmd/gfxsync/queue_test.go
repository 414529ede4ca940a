package main

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

func TestQueueList(t *testing.T) {
	path := queueOf(t, twoAndTwo)
	out := gfxsync(t.Context(), nil, "queue", "list", "--queue-db", path).ok(t)
	made := queueBegan.Local().Format(time.DateTime)
	checkLine(t, out, "ID", "STATE", "FILE", "SIZE", "SINCE", "RETRIES", "LAST ERROR")
	checkLine(t, out, " 1 ", "waiting", "1015/untried.json", made, " 0 ")
	checkLine(t, out, " 2 ", "waiting", koreanName, made, " 2 ", longError)
	checkLine(t, out, " 3 ", "dead", "1016/twice.json", made, " 3 ", "23505: duplicate key")
	checkLine(t, out, " 4 ", "dead", "1016/too large.json", made, " 3 ", "413: too large")
	if !norm.NFC.IsNormalString(out) {
		t.Error("a decomposed name is shown")
	}
	if n := strings.Count(out, "\n"); n != 5 {
		t.Errorf("%d lines, want 5:\n%s", n, out)
	}
	checkQueue(t, path, before())
}

func TestQueueListAsJSON(t *testing.T) {
	path := queueOf(t, twoAndTwo)
	out := gfxsync(t.Context(), environment{"GFX_SYNC_QUEUE_DB_PATH": path}, "queue", "list", "--json").ok(t)
	var got []map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(got) != len(twoAndTwo) {
		t.Fatalf("%d entries: %s", len(got), out)
	}
	for i, e := range twoAndTwo {
		bytes, ok := got[i]["bytes"].(float64)
		if !ok || bytes < float64(len(e.content)) {
			t.Errorf("entry %d has %v bytes", i+1, got[i]["bytes"])
		}
		delete(got[i], "bytes")
		want := map[string]any{
			"id": float64(i + 1), "path": norm.NFC.String(e.path), "file_hash": e.hash(), "retry_count": float64(e.refusals), "dead": e.refusals == 3,
			"error": e.cause, "created_at": queueBegan.Local().Format(time.RFC3339Nano), "last_attempt": queueBegan.Local().Format(time.RFC3339Nano),
		}
		if e.cause == "" {
			want["last_attempt"] = nil
		}
		if !reflect.DeepEqual(got[i], want) {
			t.Errorf("entry %d is\n%v, want\n%v", i+1, got[i], want)
		}
	}
}

func TestQueueListOfSeveralPages(t *testing.T) {
	entries := make([]testEntry, listPage+1)
	for i := range entries {
		entries[i] = testEntry{path: time.Duration(i).String() + ".json", content: strings.Repeat(" ", i) + "{}"}
	}
	path := queueOf(t, entries)
	var got []queuedJSON
	if err := json.Unmarshal([]byte(gfxsync(t.Context(), nil, "queue", "list", "--json", "--queue-db", path).ok(t)), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(entries) {
		t.Fatalf("%d entries, want %d", len(got), len(entries))
	}
	for i, e := range got {
		if e.Hash != entries[i].hash() {
			t.Fatalf("entry %d is %s", i, e.Path)
		}
	}
}

func TestInvalidList(t *testing.T) {
	path := queueOf(t, twoAndTwo)
	out := gfxsync(t.Context(), nil, "invalid", "list", "--queue-db", path).ok(t)
	checkLine(t, out, "FILE", "SIZE", "SEEN", "WHAT IS WRONG")
	checkLine(t, out, "1015/half.json", "2.0 KiB", queueBegan.Local().Format(time.DateTime), "not JSON: unexpected end")
	checkLine(t, out, koreanName+".json", longError)
	if n := strings.Count(out, "\n"); n != 3 || !norm.NFC.IsNormalString(out) {
		t.Errorf("want two files, with composed names:\n%s", out)
	}

	var got []map[string]any
	text := gfxsync(t.Context(), nil, "invalid", "list", "--json", "--queue-db", path).ok(t)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	want := []map[string]any{}
	for _, e := range [][2]string{{"1015/half.json", "not JSON: unexpected end"}, {norm.NFD.String(koreanName) + ".json", longError}} {
		want = append(want, map[string]any{
			"path": norm.NFC.String(e[0]), "bytes": 2048.0, "file_hash": hashindex.XXH3.Sum([]byte(e[0])), "error": e[1],
			"seen_at": queueBegan.Local().Format(time.RFC3339Nano),
		})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the list is\n%v, want\n%v", got, want)
	}
}

func TestEmptyLists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pending.db")
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"queue list":          "The queue is empty.\n",
		"queue list --json":   "[]\n",
		"invalid list":        "No file is invalid.\n",
		"invalid list --json": "[]\n",
		"queue retry":         "0 entries to be tried again.\n",
		"queue drop":          "0 entries dropped.\n",
	} {
		if got := gfxsync(t.Context(), nil, append(strings.Fields(args), "--queue-db", path)...).ok(t); got != want {
			t.Errorf("%s prints %q, want %q", args, got, want)
		}
	}
}

func TestQueueRetry(t *testing.T) {
	again := func(i int) held { return held{path: twoAndTwo[i-1].path, due: true, file: hashindex.Queued} }
	for name, c := range map[string]struct {
		ids   []string
		says  string
		again []int64
	}{
		"all dead ones":   {nil, "2 entries to be tried again.\n", []int64{3, 4}},
		"a dead one":      {[]string{"4"}, "1 entry to be tried again.\n", []int64{4}},
		"a waiting one":   {[]string{"2"}, "1 entry to be tried again.\n", []int64{2}},
		"one of each":     {[]string{"2", "3"}, "2 entries to be tried again.\n", []int64{2, 3}},
		"one twice":       {[]string{"3", "3"}, "1 entry to be tried again.\n", []int64{3}},
		"one that is due": {[]string{"1"}, "1 entry to be tried again.\n", []int64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			path := queueOf(t, twoAndTwo)
			out := gfxsync(t.Context(), nil, append([]string{"queue", "retry", "--queue-db", path}, c.ids...)...).ok(t)
			if out != c.says {
				t.Errorf("it prints %q, want %q", out, c.says)
			}
			want := before()
			for _, id := range c.again {
				want[id] = again(int(id))
			}
			checkQueue(t, path, want)
		})
	}
}

func TestQueueDrop(t *testing.T) {
	for name, c := range map[string]struct {
		ids  []string
		says string
		gone []int64
	}{
		"all dead ones": {nil, "2 entries dropped.\n", []int64{3, 4}},
		"a dead one":    {[]string{"3"}, "1 entry dropped.\n", []int64{3}},
		"a waiting one": {[]string{"2"}, "1 entry dropped.\n", []int64{2}},
		"one twice":     {[]string{"3", "3"}, "1 entry dropped.\n", []int64{3}},
		"one of each":   {[]string{"1", "4"}, "2 entries dropped.\n", []int64{1, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			path := queueOf(t, twoAndTwo)
			out := gfxsync(t.Context(), nil, append([]string{"queue", "drop", "--queue-db", path}, c.ids...)...).ok(t)
			if out != c.says {
				t.Errorf("it prints %q, want %q", out, c.says)
			}
			want, wantFiles := before(), map[string]hashindex.State{}
			for _, h := range want {
				wantFiles[h.path] = h.file
			}
			for _, id := range c.gone {
				wantFiles[want[id].path] = hashindex.Dead // not to be sent until it changes
				delete(want, id)
			}
			checkQueue(t, path, want)
			if _, files := queueContents(t, path); !reflect.DeepEqual(files, wantFiles) {
				t.Errorf("the files are %v, want %v", files, wantFiles)
			}
		})
	}
}

func TestIDsThatAreNone(t *testing.T) {
	for _, command := range []string{"retry", "drop"} {
		for _, c := range []struct {
			ids  []string
			says []string
		}{
			{[]string{"99"}, []string{"entry 99: no such entry in the queue"}},
			{[]string{"3", "99"}, []string{"entry 99: no such entry in the queue"}}, // 3 is left as well
			{[]string{"2", "3", "four"}, []string{`"four" is no id of an entry; see gfxsync queue list`}},
			{[]string{"all"}, []string{`"all" is no id of an entry; see gfxsync queue list`}},
			{[]string{"0"}, []string{`"0" is no id of an entry`}}, // which would be all dead ones
			{[]string{"--", "-3"}, []string{`"-3" is no id of an entry`}},
			{[]string{"3.0"}, []string{`"3.0" is no id of an entry`}},
			{[]string{""}, []string{`"" is no id of an entry`}},
			{[]string{"9223372036854775808"}, []string{`"9223372036854775808" is no id of an entry`}},
			{[]string{"3", "--queue-db", "other.db"}, []string{`"--queue-db" is no id of an entry`}}, // flags come first
		} {
			t.Run(command+" "+strings.Join(c.ids, " "), func(t *testing.T) {
				path := queueOf(t, twoAndTwo)
				gfxsync(t.Context(), nil, append([]string{"queue", command, "--queue-db", path}, c.ids...)...).refused(t, c.says...)
				checkQueue(t, path, before())
			})
		}
	}
}

func TestStatus(t *testing.T) {
	path := queueOf(t, twoAndTwo)
	out := gfxsync(t.Context(), nil, "status", "--queue-db", path).ok(t)
	checkLine(t, out, "agent", "not running")
	checkLine(t, out, "link", "unknown")
	checkLine(t, out, "files", "7 (1 synced, 0 on their way, 2 queued, 2 dead, 2 invalid), 0 gone")
	checkLine(t, out, "queue", "2 waiting, 2 dead")

	var st reconcile.Status
	text := gfxsync(t.Context(), nil, "status", "--json", "--queue-db", path).ok(t)
	if err := json.Unmarshal([]byte(text), &st); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if st.Files != 7 || st.Synced != 1 || st.Queued != 2 || st.Dead != 2 || st.Invalid != 2 || st.Gone != 0 || st.AgentRunning || st.Link != "unknown" {
		t.Errorf("status: %s", text)
	}
	for _, key := range []string{"files", "pending", "queued", "dead", "invalid", "gone", "synced", "link", "last_reconcile"} {
		if !strings.Contains(text, `"`+key+`":`) {
			t.Errorf("no %s in %s", key, text)
		}
	}
}

// The agent holds the lock of the queue database, and nothing of this may need it.
func TestTheSmallCommandsWorkWhileAnAgentRuns(t *testing.T) {
	path := queueOf(t, twoAndTwo)
	s, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	unlock, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out := gfxsync(t.Context(), nil, "status", "--queue-db", path).ok(t); !strings.Contains(out, "running") || strings.Contains(out, "not running") {
		t.Errorf("the status does not say that the agent runs:\n%s", out)
	}
	for _, args := range stateCommands {
		gfxsync(t.Context(), nil, append(args, "--queue-db", path)...).ok(t)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	checkLine(t, gfxsync(t.Context(), nil, "status", "--queue-db", path).ok(t), "agent", "not running")
}
