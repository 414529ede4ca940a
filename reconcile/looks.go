package reconcile

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
)

// look is one wish to look at a file. What is to be done follows from what is found, not from why somebody wished it.
type look struct {
	key     hashindex.Key
	at      time.Time       // when the first of the wishes for it came
	urgent  bool            // an event named the file
	recheck bool            // hash the file even if its stamp is as the index has it
	missing bool            // a walk has not come upon this path, though the index has it
	state   hashindex.State // what the index said when the look began
	began   time.Time       // when it did, without what it has waited for since

	settling settling
}

// settling is what is known of a file that was not complete when it was last looked at.
type settling struct {
	stamp  hashindex.Stamp
	since  time.Time // when that stamp was first seen
	tries  int       // with that stamp
	active bool
}

// looks is the queue of files to look at: each file once, never by two workers at a time, those that an event named before
// those that a scan found.
type looks struct {
	mu      sync.Mutex
	changed *sync.Cond
	closed  bool

	urgent, patient []hashindex.Key
	waiting         map[hashindex.Key]*look
	delayed         map[hashindex.Key]*delayed
	busy            map[hashindex.Key]*look // a wish that came while the file was looked at; nil if none did

	live *hashindex.Liveness // of the root
}

// delayed is a look that comes when it is due. An event brings it forward, but not to before soonest.
type delayed struct {
	*look
	soonest, due time.Time
	timer        *time.Timer
}

const (
	// maxWaiting is how many looks may wait before a scan that wishes for more is made to wait itself.
	maxWaiting = 2000
	// maxUrgent is how many of those that an event wished for may wait.
	maxUrgent = 10_000
)

func newLooks(live *hashindex.Liveness) *looks {
	q := &looks{
		live: live,

		waiting: map[hashindex.Key]*look{},
		delayed: map[hashindex.Key]*delayed{},
		busy:    map[hashindex.Key]*look{},
	}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// tryAdd wishes for a look at a file that an event has named. It never waits, and says whether there was room.
func (q *looks) tryAdd(l look) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.urgent) >= maxUrgent {
		return false
	}
	l.urgent = true
	q.put(&l)
	return true
}

// add wishes for a look, and waits while too many do. It fails only with the context's error.
func (q *looks) add(ctx context.Context, l look) error {
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
	q.put(&l)
	return nil
}

func (q *looks) put(l *look) {
	if q.closed {
		return
	}
	if later, busy := q.busy[l.key]; busy {
		q.busy[l.key] = merge(later, l)
		return
	}
	if d, ok := q.delayed[l.key]; ok {
		d.look = merge(d.look, l)
		if l.urgent {
			q.hurry(d)
		}
		return
	}
	if w, ok := q.waiting[l.key]; ok {
		if l.urgent && !w.urgent {
			i := slices.Index(q.patient, l.key)
			q.patient = slices.Delete(q.patient, i, i+1)
			q.urgent = append(q.urgent, l.key)
		}
		q.waiting[l.key] = merge(w, l)
		return
	}
	q.waiting[l.key] = l
	if l.urgent {
		q.urgent = append(q.urgent, l.key)
	} else {
		q.patient = append(q.patient, l.key)
	}
	q.changed.Broadcast()
}

func merge(first, second *look) *look {
	if first == nil {
		return second
	}
	first.recheck = first.recheck || second.recheck
	first.missing = first.missing || second.missing
	first.urgent = first.urgent || second.urgent
	return first
}

// next returns the next file to look at, which is busy until done or again is called for it; false when the queue is closed.
func (q *looks) next() (look, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.urgent) == 0 && len(q.patient) == 0 && !q.closed {
		q.changed.Wait()
	}
	if q.closed {
		return look{}, false
	}
	from := &q.urgent
	if len(*from) == 0 {
		from = &q.patient
	}
	key := (*from)[0]
	*from = (*from)[1:]
	l := q.waiting[key]
	delete(q.waiting, key)
	q.busy[key] = nil
	q.changed.Broadcast()
	return *l, true
}

// done says that the file has been dealt with. If somebody wished for it meanwhile, it is looked at again.
func (q *looks) done(key hashindex.Key) {
	q.mu.Lock()
	defer q.mu.Unlock()
	later := q.busy[key]
	delete(q.busy, key)
	if later != nil {
		later.urgent = true
		q.put(later)
	}
	q.changed.Broadcast()
}

// again says that the file is to be looked at once more after a delay, or as soon as an event names it, if it has been
// left alone for rest by then. An event that came during the look counts.
func (q *looks) again(l look, rest, after time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	later := q.busy[l.key]
	delete(q.busy, l.key)
	if q.closed {
		return
	}
	now := time.Now()
	d := &delayed{look: &l, soonest: now.Add(rest), due: now.Add(after)}
	d.timer = time.AfterFunc(after, func() { q.elapsed(d) })
	q.delayed[l.key] = d
	d.urgent = false // as far as what it has just been looked at for goes
	if later != nil {
		q.put(later)
	}
}

// hurry brings a delayed look forward.
func (q *looks) hurry(d *delayed) {
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

func (q *looks) elapsed(d *delayed) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.delayed[d.key] == d {
		q.release(d)
	}
}

// release has a look that was delayed wait for nothing but its turn.
func (q *looks) release(d *delayed) {
	delete(q.delayed, d.key)
	d.urgent = true
	q.put(d.look)
}

// idle says whether nothing waits, nobody looks, and no file is settling.
func (q *looks) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0 && len(q.busy) == 0 && len(q.delayed) == 0
}

// hangs says whether files are being looked at on a file system that does not answer.
func (q *looks) hangs() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.busy) > 0 && q.live.Silent() >= hangAfter
}

// close ends all waiting, and forgets what waits: the next start finds it again.
func (q *looks) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, d := range q.delayed {
		d.timer.Stop()
	}
	clear(q.delayed)
	q.changed.Broadcast()
}

// looksByRoot are the looks of each root, by its label: where one does not answer, nothing of another waits.
type looksByRoot map[string]*looks

func newLooksByRoot(roots []hashindex.Root) looksByRoot {
	all := looksByRoot{}
	for _, root := range roots {
		all[root.Label] = newLooks(root.Live)
	}
	return all
}

func (all looksByRoot) add(ctx context.Context, l look) error { return all[l.key.Root].add(ctx, l) }

func (all looksByRoot) done(key hashindex.Key) { all[key.Root].done(key) }

func (all looksByRoot) again(l look, rest, after time.Duration) {
	all[l.key.Root].again(l, rest, after)
}

// idle says whether nothing is under way in any root that answers.
func (all looksByRoot) idle() bool {
	for _, q := range all {
		if !q.idle() && !q.hangs() {
			return false
		}
	}
	return true
}

func (all looksByRoot) close() {
	for _, q := range all {
		q.close()
	}
}
