package store

import (
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"
)

// Lane says how a record comes to the remote.
type Lane uint8

const (
	LaneCreated  Lane = iota + 1 // a new file: it is sent at once
	LaneModified                 // a changed file: it is sent at once if the last flush is long ago, else in a batch
	LaneQueue                    // a record of the offline queue
)

func (l Lane) String() string {
	switch l {
	case LaneCreated:
		return "created"
	case LaneModified:
		return "modified"
	case LaneQueue:
		return "queue"
	default:
		return "no lane"
	}
}

// Item is a record on its way.
type Item struct {
	Source fileid.ID
	Record Record
	Lane   Lane
	At     time.Time // when the change of the file was noticed
	Done   func()    // called once when the Delivery no longer holds the item; may be nil

	Place QueuePlace // the place in the queue; zero: the item comes from a lane
}

func (it *Item) finish() {
	if it.Done != nil {
		it.Done()
	}
}

// lane holds items that were not sent yet, in the order of their first arrival. With an interval of 0, it is due
// whenever it holds an item. Otherwise the interval is its batch window: it is due when its last flush is at least the
// interval ago (FT-0011, section 3.2), or when a batch is full.
type lane struct {
	interval time.Duration
	maxItems int
	maxBytes int64

	items    []*Item
	bytes    int64
	flushed  time.Time // when the lane was last due
	released int       // number of the oldest items that are due, however recent the last flush is
}

func (l *lane) add(it *Item) {
	l.items = append(l.items, it)
	l.bytes += it.Record.Size()
}

// flush makes all items of the lane due. If it holds none, the next item is due at once.
func (l *lane) flush() { l.flushed = time.Time{} }

// full reports whether the lane holds a whole batch.
func (l *lane) full() bool { return len(l.items) >= l.maxItems || l.bytes >= l.maxBytes }

// wait returns the time until the lane is due. It is 0 or less if the lane is due. The lane must hold an item.
func (l *lane) wait() time.Duration {
	if l.released > 0 || l.full() {
		return 0
	}
	return time.Until(l.flushed.Add(l.interval))
}

// take removes and returns the oldest items that are due and not blocked, at most a batch. A single item may exceed
// maxBytes. After a full batch, a new batch window begins for the rest.
func (l *lane) take(blocked func(*Item) bool) []*Item {
	if len(l.items) == 0 || l.wait() > 0 {
		return nil
	}
	if now := time.Now(); now.Sub(l.flushed) >= l.interval {
		l.released, l.flushed = len(l.items), now
	} else if l.released == 0 {
		l.flushed = now // a batch is full
	}
	batch := l.pick(blocked)
	l.released = max(0, l.released-len(batch))
	return batch
}

func (l *lane) pick(blocked func(*Item) bool) []*Item {
	var batch, rest []*Item
	var size int64
	for i, it := range l.items {
		if len(batch) == l.maxItems || (len(batch) > 0 && size+it.Record.Size() > l.maxBytes) {
			rest = append(rest, l.items[i:]...)
			break
		}
		if blocked(it) {
			rest = append(rest, it)
			continue
		}
		batch = append(batch, it)
		size += it.Record.Size()
	}
	l.items = rest
	l.bytes -= size
	return batch
}
