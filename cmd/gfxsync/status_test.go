package main

import (
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/reconcile"
)

func TestAStatusAddsUp(t *testing.T) {
	st := &reconcile.Status{
		Files: 21, Synced: 1, Pending: 2, FilesQueued: 3, FilesDead: 4, Superseded: 5, Invalid: 6, Queued: 3, Dead: 4,
	}
	sum := 0
	for _, word := range strings.Fields(filesText(st)) {
		if n := strings.IndexFunc(word, func(r rune) bool { return r < '0' || r > '9' }); n < 0 {
			sum += int(word[0] - '0')
		}
	}
	if sum != st.Files {
		t.Errorf("%q adds up to %d, want %d", filesText(st), sum, st.Files)
	}
	if text := queueText(st); text != "3 waiting, 4 dead" {
		t.Errorf("the queue is %q", text)
	}
	st.Queued++ // a content that its file has not any more
	if text := queueText(st); !strings.HasPrefix(text, "4 waiting, 4 dead (") {
		t.Errorf("the queue is %q, want that it is said why it is not what the files say", text)
	}
}
