package reconcile

import (
	"time"
)

// Mode is how deep a pass goes.
type Mode string

const (
	Scan  Mode = "scan"  // directory × index, by size and time
	Quick Mode = "quick" // scan, and index × remote
	Full  Mode = "full"  // every file hashed anew, and index × remote
)

// Outcome is how a pass ended.
type Outcome string

const (
	Complete        Outcome = "complete"
	Incomplete      Outcome = "incomplete"       // the remote could not be asked, or the pass was stopped
	RootUnavailable Outcome = "root unavailable" // nothing was concluded, nothing marked gone
)

// maxProblems bounds Report.Problems.
const maxProblems = 100

// Report is what a pass found and did. Its JSON keys keep their names and meanings (design, "The command line").
type Report struct {
	Mode          Mode      `json:"mode"`
	Outcome       Outcome   `json:"outcome"`
	At            time.Time `json:"at"`
	Root          string    `json:"root"`
	Files         int       `json:"files"`          // files that match the pattern
	Hashed        int64     `json:"hashed"`         // of them read and hashed
	BytesHashed   int64     `json:"bytes_hashed"`   //
	Added         int64     `json:"added"`          // files that the index did not know
	Changed       int64     `json:"changed"`        // files with another content than in the index
	Gone          int64     `json:"gone"`           // files of the index that are not there any more
	Invalid       int       `json:"invalid"`        // files that cannot be made into a record
	RemoteMissing int64     `json:"remote_missing"` // contents of present files that the remote had lost
	RemoteOnly    int       `json:"remote_only"`    // rows of contents that this index never had
	Superseded    int       `json:"superseded"`     // rows of older versions of files
	Deleted       int       `json:"deleted"`        // of them removed
	Uploaded      int64     `json:"uploaded"`       // records that the remote acknowledged
	Pending       int       `json:"pending"`        // files on their way
	Queued        int       `json:"queued"`         // records that wait in the queue
	Dead          int       `json:"dead"`           // records that are not tried again by themselves
	InSync        bool      `json:"in_sync"`
	DurationMS    int64     `json:"duration_ms"`
	Requests      int64     `json:"remote_requests"`
	Problems      []Problem `json:"problems"` // at most 100
}

// Problem is one thing that is not as it should be.
type Problem struct {
	Path  string `json:"path"`
	Kind  string `json:"kind"`
	Error string `json:"error"`
}

// Kinds of problems.
const (
	kindRoot          = "root"
	kindRemote        = "remote"
	kindIndex         = "index"
	kindUnreadable    = "unreadable"
	kindInvalid       = "invalid"
	kindDead          = "dead"
	kindQueued        = "queued"
	kindAdded         = "added"
	kindChanged       = "changed"
	kindPending       = "pending"
	kindRemoteMissing = "remote missing"
)

func (r *Report) problem(path, kind, text string) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, Problem{Path: show(path), Kind: kind, Error: text})
	}
}

// Progress is how far a pass has come. A total of 0 is not known.
type Progress struct {
	Files int64 `json:"files"`
	Total int64 `json:"total"`
	Bytes int64 `json:"bytes"`
}
