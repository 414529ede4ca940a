package reconcile

import (
	"context"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
)

// Names of the notes that the agent leaves for Status.
const (
	noteLink = "link"
	noteScan = "scan"
)

const (
	linkOnline  = "online"
	linkOffline = "offline"
	linkUnknown = "unknown"
)

type linkNote struct {
	State string    `json:"state"`
	Since time.Time `json:"since"`
	Error string    `json:"error,omitempty"`
}

type passNote struct {
	At         time.Time `json:"at"`
	Files      int       `json:"files"`
	Differing  int       `json:"differing"`
	DurationMS int64     `json:"duration_ms"`
	Error      string    `json:"error,omitempty"`
}

// Status is what the state file says of the files, the queue and the agent (design, "The command line").
type Status struct {
	Files         int        `json:"files"` // present ones
	Pending       int        `json:"pending"`
	Queued        int        `json:"queued"` // records in the queue that wait
	Dead          int        `json:"dead"`   // records in the queue that are not tried again by themselves
	Invalid       int        `json:"invalid"`
	Gone          int        `json:"gone"`
	Synced        int        `json:"synced"`
	AgentRunning  bool       `json:"agent_running"`
	Link          string     `json:"link"` // online, offline or unknown
	LinkSince     *time.Time `json:"link_since,omitempty"`
	LinkError     string     `json:"link_error,omitempty"`
	LastScan      *passNote  `json:"last_scan"`
	LastReconcile *passNote  `json:"last_reconcile"`
}

// ReadStatus reads the status from the state file, whether or not an agent runs.
func ReadStatus(ctx context.Context, s *state.State) (Status, error) {
	counts, err := s.Index.Counts(ctx)
	if err != nil {
		return Status{}, err
	}
	st := Status{
		Pending: counts[hashindex.Pending], Invalid: counts[hashindex.Invalid], Gone: counts[hashindex.Gone],
		Synced: counts[hashindex.Synced], Link: linkUnknown,
	}
	for state, n := range counts {
		if state != hashindex.Gone {
			st.Files += n
		}
	}
	if st.Queued, st.Dead, err = s.Queue.Counts(ctx); err != nil {
		return Status{}, err
	}
	if st.AgentRunning, err = s.Locked(); err != nil {
		return Status{}, err
	}
	err = readNotes(ctx, s, &st)
	return st, err
}

func readNotes(ctx context.Context, s *state.State, st *Status) error {
	var link linkNote
	known, err := s.Notes.Get(ctx, noteLink, &link)
	if err != nil {
		return err
	}
	// What an agent that has stopped thought of the link says nothing of the link now.
	if known && st.AgentRunning {
		st.Link, st.LinkError = link.State, link.Error
		if !link.Since.IsZero() {
			st.LinkSince = &link.Since
		}
	}
	var scan passNote
	if known, err = s.Notes.Get(ctx, noteScan, &scan); known {
		st.LastScan = &scan
	}
	return err
}
