//go:build linux

package main

import (
	"os"
	"time"
)

// answerLimit is how long a share may take to be listed. A busy machine needs a second or two.
const answerLimit = time.Minute

// hangWatch mounts a share again when its smbnetfs answers nobody any more. smbnetfs 0.6.3 may hang on a busy machine:
// at its first request, and after reads that fail. Nothing of gfxsync is tested by that.
type hangWatch struct {
	mount   *fuse
	dir     string
	server  func() bool // whether the server is up; without it, no answer is expected
	listed  chan error  // of the listing under way; nil while there is none
	since   time.Time   // its begin, or the end of the last
	mending bool
}

// whileWaiting has the test look after its share whenever it waits for something. It is to be called before the share
// is mounted, so that what still lists the share at the end of the test is waited for after the share is unmounted.
func (w *hangWatch) whileWaiting() {
	w.mount.t.Cleanup(func() {
		if w.listed != nil {
			<-w.listed
		}
	})
	onWaiting(w.mount.t, w.look)
}

// look begins a listing, or sees whether the last one was answered. It does not wait.
func (w *hangWatch) look() {
	const pause = 5 * time.Second
	switch {
	case w.mending || w.mount.process == nil || !w.server():
	case w.listed == nil && time.Since(w.since) > pause:
		w.list()
	case w.listed == nil:
	case len(w.listed) > 0:
		w.listed, w.since = nil, time.Now()
	case time.Since(w.since) > answerLimit:
		w.remount()
		w.untilListed()
	}
}

// untilListed waits until the folder can be listed.
func (w *hangWatch) untilListed() {
	w.mount.t.Helper()
	w.mending = true
	defer func() { w.mending = false }()
	eventually(w.mount.t, "the share can be listed", func() bool {
		if w.listed == nil {
			w.list()
		}
		if len(w.listed) == 0 {
			if time.Since(w.since) > answerLimit {
				w.remount()
			}
			return false
		}
		err := <-w.listed
		w.listed, w.since = nil, time.Now()
		return err == nil
	})
}

func (w *hangWatch) list() {
	listed := make(chan error, 1)
	w.listed, w.since = listed, time.Now()
	go func() {
		_, err := os.ReadDir(w.dir)
		listed <- err
	}()
}

func (w *hangWatch) remount() {
	w.mount.t.Helper()
	w.mount.t.Logf("%s hangs, and is mounted again", w.mount.process.name)
	w.mount.process.kill(w.mount.t) // which ends the listing
	<-w.listed
	w.listed = nil
	w.mount.unmount()
	w.mount.mount()
}
