package watch

import (
	"context"
	"os"
)

// follow watches the root whenever it is there. All work on the watched tree happens in this goroutine, in small steps.
// So a notification never waits longer than one step.
func (w *Watcher) follow(ctx context.Context, poll *rootPoll) {
	var current *rootWatch
	defer func() {
		if current != nil {
			current.close()
		}
	}()
	always := make(chan struct{})
	close(always)
	for first := true; ; first = false {
		var notes <-chan note
		var work <-chan struct{}
		if current != nil {
			notes = current.notes
			if current.busy() {
				work = always
			}
		}
		select {
		case <-ctx.Done():
			return
		case root := <-poll.results:
			current = w.update(current, root, first)
		case <-w.renew:
			if current != nil {
				current.failed = true
				w.countRenewal()
				poll.soon()
			}
		case n := <-notes:
			current.handle(n)
			for range len(notes) {
				current.handle(<-notes)
			}
		case <-work:
			current.step()
		}
		if current != nil && current.rootLost {
			w.end(current)
			current = nil
			poll.soon()
		}
	}
}

// update compares the present root with the watched one. It returns the rootWatch that goes on, or nil.
func (w *Watcher) update(current *rootWatch, root rootState, first bool) *rootWatch {
	if current != nil && (!root.present() || !os.SameFile(current.info, root.info)) {
		current.rootLost = true
	}
	if current != nil && (current.rootLost || current.failed) {
		w.end(current)
		current = nil
	}
	switch {
	case current != nil:
		current.tick(root.at)
	case root.present():
		current = w.begin(root)
	default:
		w.setState(Waiting, nil)
		if first {
			w.log.Warn("the watch path does not exist yet; waiting for it", "error", root.err)
		}
	}
	return current
}

// begin starts to watch the root. It opens a new notifier, because no watch survives the directory it was made for. It
// returns nil if the system gives no notifications.
func (w *Watcher) begin(root rootState) *rootWatch {
	n, err := w.open()
	if err != nil {
		if w.setState(Unavailable, err) {
			w.log.Warn("no changes are reported: the system gives no notifications; gfxsync keeps asking for them; "+
				"scans find the files", "error", err, "help", advice(err))
		}
		return nil
	}
	w.setState(Adding, nil)
	w.log.Info("watching")
	r := &rootWatch{
		w: w, fs: n, info: root.info, notes: make(chan note, maxNotes), tree: make(tree),
		warned: make(map[string]bool), rechecked: root.at,
	}
	events, errs := n.Channels()
	r.pump.Go(func() { pump(events, errs, r.notes) })
	r.resync("the watch path is there")
	return r
}

func (w *Watcher) end(r *rootWatch) {
	r.close()
	w.setState(Waiting, nil)
	reason := "notifications have failed"
	if r.rootLost {
		reason = "the watch path has gone or was replaced"
		w.log.Warn(reason)
	}
	w.sink.Lost(reason)
}
