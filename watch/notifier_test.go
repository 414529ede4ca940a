package watch

import (
	"slices"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// fakeNotifier stands in for fsnotify. It knows directories by name only, and reports what the test tells it to. The
// directories are real.
type fakeNotifier struct {
	refuse func(path string) error
	events chan fsnotify.Event
	errs   chan error
	hang   chan struct{} // if not nil, Close waits for it

	mu      sync.Mutex
	watches []string
	closed  bool
}

// fakes makes fake notifiers and keeps them.
type fakes struct {
	refuse func(path string) error

	mu   sync.Mutex
	made []*fakeNotifier
	err  error
}

func (f *fakes) open() (notifier, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	n := &fakeNotifier{refuse: f.refuse, events: make(chan fsnotify.Event), errs: make(chan error)}
	f.made = append(f.made, n)
	return n, nil
}

func (f *fakes) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakes) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.made)
}

func (f *fakes) last() *fakeNotifier {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made[len(f.made)-1]
}

func (n *fakeNotifier) Watch(path string, _ int) error {
	if n.refuse != nil {
		if err := n.refuse(path); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.watches, path) {
		n.watches = append(n.watches, path)
	}
	return nil
}

func (n *fakeNotifier) Remove(path string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watches = slices.DeleteFunc(n.watches, func(p string) bool { return p == path })
	return nil
}

func (n *fakeNotifier) WatchList() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.watches)
}

func (n *fakeNotifier) Close() error {
	if n.hang != nil {
		<-n.hang
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.closed = true
		close(n.events)
		close(n.errs)
	}
	return nil
}

func (n *fakeNotifier) Channels() (<-chan fsnotify.Event, <-chan error) { return n.events, n.errs }
