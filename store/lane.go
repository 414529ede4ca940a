package store

import "time"

// Lane says which way a record goes.
type Lane uint8

const (
	LaneCreated  Lane = iota + 1 // a new file: at once
	LaneModified                 // a file that is rewritten: at once if the last flush is long ago, else in a batch
	LaneQueue                    // from the offline queue
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
	Source Source
	Record Record
	Lane   Lane
	At     time.Time // when the change of the file was noticed
	Done   func()    // called once when the item is out of memory; may be nil

	Place QueuePlace // where the queue holds it; zero: it came from a lane
}

func (it *Item) finish() {
	if it.Done != nil {
		it.Done()
	}
}

// lane holds the items that were not sent yet, in the order of their first arrival. A lane with an interval of 0 is
// due whenever it holds an item. Another is due when its last flush is at least the interval ago (FT-0011, section
// 3.2), or when a batch is full.
type lane struct {
	interval time.Duration
	maxItems int
	maxBytes int64

	items    []*Item
	bytes    int64
	flushed  time.Time // when the lane was last due
	released int       // so many of the oldest items are due, however recent the last flush is
}

func (l *lane) add(it *Item) {
	l.items = append(l.items, it)
	l.bytes += it.Record.Size()
}

// flush makes all that the lane holds due, and what comes next if it holds nothing.
func (l *lane) flush() { l.flushed = time.Time{} }

// full says whether the lane holds a whole batch.
func (l *lane) full() bool { return len(l.items) >= l.maxItems || l.bytes >= l.maxBytes }

// wait returns how long the lane gathers before it is due; 0 or less if it is due. It must hold an item.
func (l *lane) wait() time.Duration {
	if l.released > 0 || l.full() {
		return 0
	}
	return time.Until(l.flushed.Add(l.interval))
}

// take removes and returns the oldest items that are due and not busy, at most a batch; a single item may exceed
// maxBytes. What comes after a full batch gathers anew.
func (l *lane) take(busy func(*Item) bool) []*Item {
	if len(l.items) == 0 || l.wait() > 0 {
		return nil
	}
	if now := time.Now(); now.Sub(l.flushed) >= l.interval {
		l.released, l.flushed = len(l.items), now
	} else if l.released == 0 {
		l.flushed = now // a batch is full
	}
	batch := l.pick(busy)
	l.released = max(0, l.released-len(batch))
	return batch
}

func (l *lane) pick(busy func(*Item) bool) []*Item {
	var batch, rest []*Item
	var size int64
	for i, it := range l.items {
		if len(batch) == l.maxItems || (len(batch) > 0 && size+it.Record.Size() > l.maxBytes) {
			rest = append(rest, l.items[i:]...)
			break
		}
		if busy(it) {
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
