package service

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Kind is what has changed about a service. The numbers are those of its events in the event log of Windows.
type Kind uint32

// What can change about a service.
const (
	Started Kind = iota + 1
	Stopped
	Lost     // the remote, or a folder
	Restored // the same
	CannotStart
)

// AllWell is how a service is doing of which nothing is known to be wrong.
const AllWell = "all is well"

// Change is a change of state, in words for an operator.
type Change struct {
	Kind Kind
	Text string // what has happened, what it means, and what to do; technical words last
	// Now is how the service is doing after the change, in one line.
	Now string
}

// Changes makes changes of state of what an agent says. It is a reconcile.Observer. What an agent says twice is
// one change.
type Changes struct {
	tell  func(Change)
	alive func()

	mu      sync.Mutex
	started bool
	wrong   map[string]string // by part
}

// NewChanges returns a Changes that calls tell for each change, one call at a time, and alive when the agent is alive.
func NewChanges(tell func(Change), alive func()) *Changes {
	return &Changes{tell: tell, alive: alive, wrong: map[string]string{}}
}

// Began implements reconcile.Observer.
func (c *Changes) Began() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started {
		return
	}
	c.started = true
	c.changed(Started, "gfxsync has started.")
}

// Alive implements reconcile.Observer.
func (c *Changes) Alive() { c.alive() }

// Trouble implements reconcile.Observer.
func (c *Changes) Trouble(part, wrong string) {
	wrong = oneLine(wrong)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch was := c.wrong[part]; {
	case was == "" && wrong != "":
		c.wrong[part] = wrong
		c.changed(Lost, lostText(part, wrong))
	case was != "" && wrong == "":
		delete(c.wrong, part)
		c.changed(Restored, restoredText(part))
	case wrong != "":
		c.wrong[part] = wrong // it shows with the next change
	}
}

// Ended says that the service has come to its end. The error is nil if it was stopped.
func (c *Changes) Ended(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started, c.wrong = false, map[string]string{}
	if err == nil {
		text := "gfxsync has stopped. What it has not sent by now, it sends after its next start."
		c.tell(Change{Kind: Stopped, Text: text, Now: "stopped"})
		return
	}
	now := oneLine(err.Error())
	text := "gfxsync cannot work, and sends nothing until this is mended: " + now
	c.tell(Change{Kind: CannotStart, Text: text, Now: now})
}

// changed is for those who hold the lock.
func (c *Changes) changed(kind Kind, text string) {
	var wrong []string
	for _, part := range slices.Sorted(maps.Keys(c.wrong)) {
		wrong = append(wrong, lostText(part, c.wrong[part]))
	}
	now := strings.Join(wrong, " ")
	if now == "" {
		now = AllWell
	}
	c.tell(Change{Kind: kind, Text: text, Now: now})
}

func lostText(part, wrong string) string {
	if part == "remote" {
		return fmt.Sprintf("The table cannot be written to. Nothing is lost: new sessions wait on this machine, and "+
			"are sent by themselves as soon as it can. (%s)", wrong)
	}
	return fmt.Sprintf("A watched folder cannot be read, or not all of it. What is saved there meanwhile is found by "+
		"itself as soon as it can. (%s: %s)", part, wrong)
}

func restoredText(part string) string {
	if part == "remote" {
		return "The table can be written to again. What has waited is being sent."
	}
	return fmt.Sprintf("A watched folder can be read again. What was saved there meanwhile is being sent. (%s)", part)
}

// oneLine returns a text on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
