package watch

import (
	"container/list"
	"sync"
	"time"
)

// pending holds the events nobody has taken yet: at most one for each path, in the order in which the paths were first heard of.
type pending struct {
	max    int
	order  *list.List // of *Event
	byPath map[string]*list.Element
	look   time.Time // when the pending LookAgain was first asked for; zero: there is none
}

func newPending(limit int) *pending {
	return &pending{max: limit, order: list.New(), byPath: make(map[string]*list.Element)}
}

// merge tells what two events of one path amount to when nobody has seen the first.
func merge(first, second Op) Op {
	switch {
	case second == Gone:
		return Gone
	case first == Gone: // there again: its content is not what it was
		return Modified
	case first == Created || second == Created:
		return Created
	default:
		return second
	}
}

func (p *pending) add(op Op, path string, at time.Time) {
	if el, ok := p.byPath[path]; ok {
		ev := el.Value.(*Event)
		ev.Op = merge(ev.Op, op)
		return
	}
	if p.order.Len() >= p.max {
		first := p.order.Front().Value.(*Event).At
		p.order.Init()
		clear(p.byPath)
		p.lookAgain(first)
		return // the LookAgain covers this one as well
	}
	p.byPath[path] = p.order.PushBack(&Event{Op: op, Path: path, At: at})
}

func (p *pending) lookAgain(at time.Time) {
	if p.look.IsZero() || at.Before(p.look) {
		p.look = at
	}
}

// take removes and returns the event that is due next.
func (p *pending) take() (Event, bool) {
	if !p.look.IsZero() {
		at := p.look
		p.look = time.Time{}
		return Event{Op: LookAgain, At: at}, true
	}
	el := p.order.Front()
	if el == nil {
		return Event{}, false
	}
	ev := *p.order.Remove(el).(*Event)
	delete(p.byPath, ev.Path)
	return ev, true
}

// putBack undoes take: ev goes before everything else, merged with what was added for its path in between.
func (p *pending) putBack(ev Event) {
	if ev.Op == LookAgain {
		p.lookAgain(ev.At)
		return
	}
	if el, ok := p.byPath[ev.Path]; ok {
		ev.Op = merge(ev.Op, el.Value.(*Event).Op)
		p.order.Remove(el)
	}
	p.byPath[ev.Path] = p.order.PushFront(&ev)
}

// queue is a pending set that two goroutines share.
type queue struct {
	changed chan struct{} // receives after something was added

	mu sync.Mutex
	p  *pending
}

func newQueue(limit int) *queue {
	return &queue{changed: make(chan struct{}, 1), p: newPending(limit)}
}

func (q *queue) add(op Op, path string, at time.Time) {
	q.mu.Lock()
	q.p.add(op, path, at)
	q.mu.Unlock()
	q.signal()
}

func (q *queue) lookAgain(at time.Time) {
	q.mu.Lock()
	q.p.lookAgain(at)
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.changed <- struct{}{}:
	default: // a signal nobody has read yet says the same
	}
}

func (q *queue) take() (Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.p.take()
}

func (q *queue) putBack(ev Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.p.putBack(ev)
}
