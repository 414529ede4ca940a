package store

import "time"

// Lane says which way a record goes.
type Lane uint8

const (
	LaneCreated  Lane = iota + 1 // a new file: at once
	LaneModified                 // a file that is rewritten: in batches
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

	queueID int64
	refused bool // the remote has refused it before
}

func (it *Item) finish() {
	if it.Done != nil {
		it.Done()
	}
}

// lane holds the items that have not been sent yet, in the order of their first arrival.
type lane struct {
	items []*Item
	bytes int64
	since time.Time // when the oldest item arrived
}

func (l *lane) add(it *Item) {
	if len(l.items) == 0 {
		l.since = time.Now()
	}
	l.items = append(l.items, it)
	l.bytes += it.Record.Size()
}

// take removes and returns the oldest items that busy does not hold back, within the bounds; a single item may exceed maxBytes.
func (l *lane) take(maxItems int, maxBytes int64, busy func(Source) bool) []*Item {
	var batch, rest []*Item
	var size int64
	for i, it := range l.items {
		if len(batch) == maxItems || (len(batch) > 0 && size+it.Record.Size() > maxBytes) {
			rest = append(rest, l.items[i:]...)
			break
		}
		if busy(it.Source) {
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
