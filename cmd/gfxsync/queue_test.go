package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/state"
)

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
