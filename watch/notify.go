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

// Remove ends the watch of a path, but not on Windows: fsnotify up to 1.10.1 handles an event that comes meanwhile after it has closed
// the directory, and closes its handle anew, which may be that of any other file by then (fsnotify's issue 768). A watch too many is
// found by session.compare, and ends with the session.
func (n osNotifier) Remove(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return n.Watcher.Remove(path)
}

func (n osNotifier) Channels() (<-chan fsnotify.Event, <-chan error) {
	return n.Events, n.Errors
}

// bufferSize is the size of the buffer that Windows keeps for one more directory. 64 KB is the most that works over SMB; a tree of ten thousand
// directories would need 640 MB of it, so only the first ones get that much.
func bufferSize(watched int) int {
	if watched < 256 {
		return 64 << 10
	}
	return 4 << 10
}

// note is one notification with the time of its arrival. Either err is set or name and op are.
type note struct {
	name string
	op   fsnotify.Op
	err  error
	at   time.Time
}

const maxNotes = 8192

var errNotesDropped = errors.New("notifications arrive faster than they can be handled")

// pump empties fsnotify's channels into notes until they are closed. It never waits for the reader of notes: on Windows
// fsnotify adds a watch on the very goroutine that sends events, so the goroutine that adds watches must not be the one that receives them.
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
