package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fsnotify/fsnotify"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store/sample"
)

// An agent that is held up reads no notifications, and the kernel's queue is full at some time: what happens then is not told.
func TestLoadTheEventQueueOverflows(t *testing.T) {
	t.Parallel()
	l := newLoad(t)
	l.sessions(l.watch, 300)
	l.startOnEvents()
	l.waitStatus("all are synced", func(st *reconcile.Status) bool { return st.Synced == 300 })

	l.holdUp()
	fillEventQueue(t, l.watch)
	for i := range 100 {
		late := sample.New(1000 + i).Play(1)
		l.save(l.watch, "event-0/"+late.FileName(), late.JSON())
		l.save(l.watch, "a folder that nobody was told of/"+late.FileName(), late.Play(1).JSON())
		changed, removed := sample.New(i).Play(2), sample.New(100+i)
		l.save(l.watch, "event-0/"+changed.FileName(), changed.JSON())
		if err := os.Remove(filepath.Join(l.watch, "event-1", removed.FileName())); err != nil {
			t.Fatal(err)
		}
	}
	l.signal(syscall.SIGCONT)
	l.waitStatus("what changed unseen is found", func(st *reconcile.Status) bool {
		return st.Files == 400 && st.Synced == 400 && st.Gone == 100
	})
	if !strings.Contains(l.log.String(), fsnotify.ErrEventOverflow.Error()) {
		t.Error("the queue did not overflow: this test has shown nothing")
	}
	l.save(l.watch, "a folder that nobody was told of/now.json", sample.New(5000).Play(1).JSON())
	l.conclude(401, hangLimit)
}

// holdUp stops every thread of the agent, and waits until they have: one of them could empty the queue once more.
func (l *load) holdUp() {
	l.t.Helper()
	l.signal(syscall.SIGSTOP)
	eventually(l.t, "all threads of the agent have stopped", func() bool { return allStopped(l.agent.Process.Pid) })
}

func (l *load) signal(s os.Signal) {
	l.t.Helper()
	if err := l.agent.Process.Signal(s); err != nil {
		l.t.Fatal(err)
	}
}

// fillEventQueue raises more notifications than the kernel keeps for one reader. Two that are alike and follow each other are made
// one (inotify(7)), so two files take turns.
func fillEventQueue(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Fatal(err)
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	var files [2]*os.File
	for i := range files {
		if files[i], err = os.Create(filepath.Join(dir, "filler-"+strconv.Itoa(i)+".tmp")); err != nil {
			t.Fatal(err)
		}
		defer files[i].Close()
	}
	for i := range most + 1 {
		if _, err := files[i%2].Write([]byte{'.'}); err != nil {
			t.Fatal(err)
		}
	}
}
