package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// Names of the notes that the agent leaves for Status.
const (
	noteLink     = "link"
	noteScan     = "scan"
	noteRoot     = "root"
	noteFolder   = "dir " // and the label of a root: which directory it was when it was last walked to the end
	noteProgress = "progress"
	noteHands    = "hands"
	// noteRecovered is of the last queue database that had to be set aside.
	noteRecovered = "recovered"
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

// handsNote is what a pass found of the hands in the database; the expansion is nil where it expands no sessions.
type handsNote struct {
	At        time.Time        `json:"at"`
	Expansion *store.Expansion `json:"expansion"`
}

type scanNote struct {
	At         time.Time `json:"at"`
	Files      int       `json:"files"`
	DurationMS int64     `json:"duration_ms"`
	Outcome    Outcome   `json:"outcome"`
	Skipped    int64     `json:"skipped"` // scheduled passes that were due while another ran

	Roots []RootReport `json:"roots"`
}

// Status is what the state file says of the files, the queue and the agent (design, "The command line").
type Status struct {
	Files         int        `json:"files"`        // present ones: all of Synced to Invalid, each file in one of them
	Synced        int        `json:"synced"`       // files whose content the table has
	Pending       int        `json:"pending"`      // files on their way
	FilesQueued   int        `json:"files_queued"` // files whose record waits in the queue
	FilesDead     int        `json:"files_dead"`   // files whose record was refused too often, or dropped
	Superseded    int        `json:"superseded"`   // files not sent: their session has a better version
	Invalid       int        `json:"invalid"`      // files that cannot be made into a record
	Gone          int        `json:"gone"`         // files that were here once; not in Files
	Queued        int        `json:"queued"`       // records in the queue that wait, also of files changed or gone
	Dead          int        `json:"dead"`         // records in the queue that are not tried again by themselves
	AgentRunning  bool       `json:"agent_running"`
	Link          string     `json:"link"` // online, offline or unknown
	LinkSince     *time.Time `json:"link_since,omitempty"`
	LinkError     string     `json:"link_error,omitempty"`
	LastScan      *scanNote  `json:"last_scan"`
	LastReconcile *Report    `json:"last_reconcile"`
	LastVerify    *Report    `json:"last_verify"`

	// Hands is what was last found of the hands in the database; nil where it expands no sessions.
	Hands   *store.Expansion `json:"hands,omitempty"`
	HandsAt *time.Time       `json:"hands_at,omitempty"` // when the pass began that found it

	Recovered *state.Quarantined `json:"recovered,omitempty"` // the last queue database that had to be set aside
}

// ReadStatus reads the status from the state file, whether or not an agent runs.
func ReadStatus(ctx context.Context, s *state.State) (Status, error) {
	counts, err := s.Index.Counts(ctx)
	if err != nil {
		return Status{}, err
	}
	st := Status{
		Pending: counts[hashindex.Pending], Invalid: counts[hashindex.Invalid], Gone: counts[hashindex.Gone],
		Synced: counts[hashindex.Synced], Superseded: counts[hashindex.Superseded],
		FilesQueued: counts[hashindex.Queued], FilesDead: counts[hashindex.Dead], Link: linkUnknown,
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
	var scan scanNote
	if known, err = s.Notes.Get(ctx, noteScan, &scan); known {
		st.LastScan = &scan
	}
	if err != nil {
		return err
	}
	var recovered state.Quarantined
	if known, err = s.Notes.Get(ctx, noteRecovered, &recovered); known {
		st.Recovered = &recovered
	}
	if err != nil {
		return err
	}
	if st.LastReconcile, err = lastReport(ctx, s, commandRun, commandReconcile); err != nil {
		return err
	}
	st.LastVerify, err = lastReport(ctx, s, commandVerify, commandVerify)
	if err != nil {
		return err
	}
	return readHands(ctx, s, st)
}

// readHands reads what was last known of the hands: a pass in an outage learns nothing of them.
func readHands(ctx context.Context, s *state.State, st *Status) error {
	var last handsNote
	if _, err := s.Notes.Get(ctx, noteHands, &last); err != nil {
		return err
	}
	if r := st.LastVerify; r != nil && r.Expansion != nil && r.At.After(last.At) {
		last = handsNote{At: r.At, Expansion: r.Expansion}
	}
	if last.Expansion != nil {
		st.Hands, st.HandsAt = last.Expansion, &last.At
	}
	return nil
}

func lastReport(ctx context.Context, s *state.State, command, orCommand string) (*Report, error) {
	pass, err := s.Passes.Last(ctx, command, orCommand)
	if err != nil || pass == nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(pass.Report, r); err != nil {
		return nil, fmt.Errorf("read the history of passes: %w", err)
	}
	return r, nil
}
