package ingest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
)

// Task asks for a file to be examined. What is done follows from what is found, not from who asked.
type Task struct {
	Key     fileid.ID
	At      time.Time // when the first of those who asked noticed the file
	By      By        // which of them that was
	Rehash  bool      // hash the file even if its size and time are those of the index
	Missing bool      // a walk did not come upon the file, though the index has it

	urgent   bool // it comes before what scans found
	event    bool // an event named the file
	settling settling
	batches  []*Batch // of the passes that wait for it
}

// By says how a change was noticed.
type By uint8

const (
	ByScan    By = iota // by a scan, or another pass
	ByHotScan           // by a listing of the hot folders
	ByEvent             // by an event of the operating system
)

func (b By) String() string { return [...]string{"scan", "hot scan", "event"}[b] }

// Notice is a change that has been written to the index.
type Notice struct {
	Key   fileid.ID
	At    time.Time // when it was noticed
	By    By
	Event bool            // an event named the file, whoever noticed it first
	Gone  bool            // the file is gone
	Stamp hashindex.Stamp // of the file; of the last content if it is gone
}

// merge makes one task of two for the same file.
func merge(first, second *Task) *Task {
	if first == nil {
		return second
	}
	first.Rehash = first.Rehash || second.Rehash
	first.Missing = first.Missing || second.Missing
	first.urgent = first.urgent || second.urgent
	first.event = first.event || second.event
	first.batches = append(first.batches, second.batches...)
	return first
}

// queue is the work queue of a root: each file is in it once, one worker at a time has it, and files that an event
// named or that are in a hot folder come before those that a scan found. The methods are those of the
// work queue of Kubernetes' client-go.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	closed  bool

	first, later []fileid.ID // named by an event or found in a hot folder; found by a scan
	waiting      map[fileid.ID]*Task
	delayed      map[fileid.ID]*delayed
	busy         map[fileid.ID]*Task // what was asked for while a worker had the file; nil if nothing was
}

// delayed is a task that waits until it is due. An event brings it forward, but not to before soonest.
type delayed struct {
	*Task
	soonest, due time.Time
	timer        *time.Timer
}

const (
	// maxWaiting is how many tasks may wait before Add makes its caller wait.
	maxWaiting = 2000
	// maxFirst is how many tasks that come before those of scans may wait.
	maxFirst = 10_000
)

func newQueue() *queue {
	q := &queue{
		waiting: map[fileid.ID]*Task{},
		delayed: map[fileid.ID]*delayed{},
		busy:    map[fileid.ID]*Task{},
	}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// TryAdd adds a file that comes before what scans found. It never waits, and says whether there was room.
func (q *queue) TryAdd(t Task) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.first) >= maxFirst {
		return false
	}
	t.urgent, t.event = true, t.By == ByEvent
	q.put(&t)
	return true
}

// Add adds a file, and waits while too many are in the queue. It fails only with the context's error.
func (q *queue) Add(ctx context.Context, t Task) error {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) >= maxWaiting && !q.closed && ctx.Err() == nil {
		q.changed.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	q.put(&t)
	return nil
}

// put is for callers that hold the lock.
func (q *queue) put(t *Task) {
	if q.closed {
		return
	}
	if other, busy := q.busy[t.Key]; busy {
		q.busy[t.Key] = merge(other, t)
		return
	}
	if d, ok := q.delayed[t.Key]; ok {
		d.Task = merge(d.Task, t)
		if t.urgent {
			q.hurry(d)
		}
		return
	}
	if other, ok := q.waiting[t.Key]; ok {
		if t.urgent && !other.urgent {
			i := slices.Index(q.later, t.Key)
			q.later = slices.Delete(q.later, i, i+1)
			q.first = append(q.first, t.Key)
		}
		q.waiting[t.Key] = merge(other, t)
		return
	}
	q.waiting[t.Key] = t
	if t.urgent {
		q.first = append(q.first, t.Key)
	} else {
		q.later = append(q.later, t.Key)
	}
	q.changed.Broadcast()
}

// Get returns the next task. No other worker gets its file until Done or AddAfter is called. ok is false when the
// queue is closed.
func (q *queue) Get() (t Task, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.first) == 0 && len(q.later) == 0 && !q.closed {
		q.changed.Wait()
	}
	if q.closed {
		return Task{}, false
	}
	from := &q.first
	if len(*from) == 0 {
		from = &q.later
	}
	key := (*from)[0]
	*from = (*from)[1:]
	next := q.waiting[key]
	delete(q.waiting, key)
	q.busy[key] = nil
	q.changed.Broadcast()
	return *next, true
}

// Done ends a task. If somebody asked for the file meanwhile, it is examined again.
func (q *queue) Done(key fileid.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	other := q.busy[key]
	delete(q.busy, key)
	if other != nil {
		other.urgent = true
		q.put(other)
	}
	q.changed.Broadcast()
}

// AddAfter ends a task, and has the file examined again after a delay. An event that names the file ends the delay,
// but not before rest. An event that came during the task counts.
func (q *queue) AddAfter(t Task, rest, delay time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	other := q.busy[t.Key]
	delete(q.busy, t.Key)
	if q.closed {
		return
	}
	now := time.Now()
	d := &delayed{Task: &t, soonest: now.Add(rest), due: now.Add(delay)}
	d.timer = time.AfterFunc(delay, func() { q.elapsed(d) })
	q.delayed[t.Key] = d
	d.urgent = false // the event that named the file has been served
	if other != nil {
		q.put(other)
	}
}

// hurry brings a delayed task forward.
func (q *queue) hurry(d *delayed) {
	rest := time.Until(d.soonest)
	if rest <= 0 {
		d.timer.Stop()
		q.release(d)
		return
	}
	if d.soonest.Before(d.due) {
		d.due = d.soonest
		d.timer.Reset(rest)
	}
}

func (q *queue) elapsed(d *delayed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.delayed[d.Key] == d {
		q.release(d)
	}
}

// release ends the delay of a task.
func (q *queue) release(d *delayed) {
	delete(q.delayed, d.Key)
	d.urgent = true
	q.put(d.Task)
}

// Idle says whether nothing waits and no worker has a file.
func (q *queue) Idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0 && len(q.busy) == 0 && len(q.delayed) == 0
}

// Busy says whether a worker has a file.
func (q *queue) Busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.busy) > 0
}

// Close ends all waiting, and forgets what waits: the next start finds it again.
func (q *queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, d := range q.delayed {
		d.timer.Stop()
	}
	clear(q.delayed)
	q.changed.Broadcast()
}
