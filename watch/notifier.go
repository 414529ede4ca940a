package watch

import (
	"errors"
	"runtime"
	"time"

	"github.com/fsnotify/fsnotify"
)

// notifier is what this package needs of fsnotify.
type notifier interface {
	Watch(path string, buffer int) error
	Remove(path string) error
	WatchList() []string
	Close() error
	Channels() (<-chan fsnotify.Event, <-chan error)
}

type osNotifier struct{ *fsnotify.Watcher }

func openNotifier() (notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return osNotifier{w}, nil
}

func (n osNotifier) Watch(path string, buffer int) error {
	return n.AddWith(path, fsnotify.WithBufferSize(buffer))
}

// Remove ends the watch of a path. On Windows it does nothing, because fsnotify up to 1.10.1 may close the handle of
// the directory twice (its issue 768). By the second time, the handle may belong to any other file. The extra watch is
// found by rootWatch.compare and ends with the rootWatch.
func (n osNotifier) Remove(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return n.Watcher.Remove(path)
}

func (n osNotifier) Channels() (<-chan fsnotify.Event, <-chan error) {
	return n.Events, n.Errors
}

// bufferSize returns the size of Windows' notification buffer for the next directory. 64 KiB is the most that works
// over SMB. Ten thousand directories would need 640 MiB, so only the first directories get that much.
func bufferSize(watched int) int {
	if watched < 256 {
		return 64 << 10
	}
	return 4 << 10
}

// note is one notification with the time of its arrival. It has either an err, or a name and an op.
type note struct {
	name string
	op   fsnotify.Op
	err  error
	at   time.Time
}

const maxNotes = 8192

var errNotesDropped = errors.New("notifications arrive faster than they can be handled")

// pump moves what comes from fsnotify's channels into notes until the channels are closed. It never waits for the
// reader of notes. If notes is full, it drops notifications, and sends errNotesDropped when there is room again. It has
// its own goroutine, because on Windows fsnotify adds watches in the goroutine that sends events: a goroutine that adds
// a watch would wait for itself if it also received the events.
func pump(events <-chan fsnotify.Event, errs <-chan error, notes chan<- note) {
	dropped := false
	for events != nil || errs != nil {
		var n note
		var room chan<- note
		if dropped {
			room = notes
		}
		select {
		case ev, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if ev.Op == fsnotify.Chmod {
				continue
			}
			n = note{name: ev.Name, op: ev.Op}
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			n = note{err: err}
		case room <- note{err: errNotesDropped, at: time.Now()}:
			dropped = false
			continue
		}
		n.at = time.Now()
		select {
		case notes <- n:
		default:
			dropped = true
		}
	}
}
