package reconcile

import "time"

// Observer is told how an agent is doing that is always on (Run). Its methods may be called at the same time. They must
// return at once, because the agent waits for them.
type Observer interface {
	// Began says that the agent has begun its work. It is said again when the agent goes on with another queue
	// database.
	Began()
	// Alive says that the loop that makes the passes has come a step further. It comes at least once a second while
	// nothing is to be done. If it does not come for much longer than a request may take, the loop hangs.
	Alive()
	// Trouble says what is wrong with the remote or with a root. An empty text says that nothing is. The same may be
	// said again.
	Trouble(part, wrong string)
}

// partRemote is the remote as a part of which something can be wrong. A root is called as rootNamed says.
const partRemote = "remote"

// nobody is the Observer of an agent that has none.
type nobody struct{}

func (nobody) Began()                 {}
func (nobody) Alive()                 {}
func (nobody) Trouble(string, string) {}

// aliveEvery is how often it is looked whether a pass has come further.
const aliveEvery = 500 * time.Millisecond

// watched makes a pass, and tells the observer that the agent is alive while the pass comes further.
func (a *Agent) watched(pass func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass()
	}()
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if now := a.steps(); now != last {
			last = now
			a.cfg.Observer.Alive()
		}
	}
}

// steps counts what a pass does, and what the agent does for which a pass waits: calls into the folders that are walked
// or hashed, files that are examined, and requests. So an agent that still examines and delivers is not taken to hang,
// whatever a pass does. Most of what it does by itself does not count: scans for which no pass waits, and hot scans.
func (a *Agent) steps() int64 {
	done := a.counts()
	return a.walked.Load() + done.Examined + done.Hashed + a.cfg.Remote.Requests()
}

// step counts a call into a file system that has returned. That of a scan counts if a pass waits for the turn of the
// scan.
func (p *pass) step(of *turn) {
	if p.mode != Scan || of.wanted.Load() > 0 {
		p.walked.Add(1)
	}
}
