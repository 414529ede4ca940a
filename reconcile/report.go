package reconcile

import (
	"errors"
	"strings"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/diff"
	"github.com/gfxsync/gfxsync/reconcile/ingest"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
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
	RemoteUnusable  Outcome = "remote unusable"  // its key or its table is for the operator to mend
)

// maxProblems bounds Report.Problems.
const maxProblems = 100

// Report is what a pass found and did. Its JSON keys keep their names and meanings (design, "The command line").
type Report struct {
	Mode          Mode      `json:"mode"`
	Outcome       Outcome   `json:"outcome"`
	At            time.Time `json:"at"`
	Root          string    `json:"root"`           // as GFX_SYNC_GFX_WATCH_PATH says
	Files         int       `json:"files"`          // files that match the pattern
	Hashed        int64     `json:"hashed"`         // of them read and hashed
	BytesHashed   int64     `json:"bytes_hashed"`   //
	Added         int64     `json:"added"`          // files that the index did not know
	Changed       int64     `json:"changed"`        // files with another content than in the index
	Gone          int64     `json:"gone"`           // files of the index that are not there any more
	Invalid       int       `json:"invalid"`        // files that cannot be made into a record
	RemoteMissing int64     `json:"remote_missing"` // contents of present files that the remote had lost
	RemoteOnly    int       `json:"remote_only"`    // rows of contents that this index never had
	Superseded    int       `json:"superseded"`     // rows of older versions; by session, files that lost
	Deleted       int       `json:"deleted"`        // of them removed
	Uploaded      int64     `json:"uploaded"`       // records that the remote acknowledged
	Renamed       int64     `json:"renamed"`        // rows that name another file now, whose content is theirs
	Pending       int       `json:"pending"`        // files on their way
	Queued        int       `json:"queued"`         // records that wait in the queue
	Dead          int       `json:"dead"`           // records that are not tried again by themselves
	Expanded      int64     `json:"expanded"`       // sessions that the database has expanded, once for each step
	ExpandStale   int64     `json:"expand_stale"`   // sessions whose hands are not those of their last save
	ExpandErrors  int64     `json:"expand_errors"`  // hands that the database could not expand
	InSync        bool      `json:"in_sync"`
	DurationMS    int64     `json:"duration_ms"`
	Requests      int64     `json:"remote_requests"`
	Problems      []Problem `json:"problems"` // at most 100

	Roots []RootReport `json:"roots"`
	// Expansion is nil where the database expands no sessions.
	Expansion *store.Expansion `json:"expansion,omitempty"`
}

// remains says whether something waits, was given up, or is not as it should be in the database.
func (r *Report) remains() bool {
	return int64(r.Pending+r.Queued+r.Dead)+r.ExpandStale+r.ExpandErrors > 0
}

// RootReport is what a pass found of one root.
type RootReport struct {
	Label string `json:"label"` // empty where there is but one root
	Dir   string `json:"dir"`
	Files int    `json:"files"`
	Error string `json:"error,omitempty"` // why it was unavailable, or not scanned to the end

	Unread      int    `json:"unread,omitempty"`       // folders and files that could not be read
	UnreadFirst string `json:"unread_first,omitempty"` // one of them, and why

	// Watch is how far changes are reported by the operating system. It is nil unless an agent watches the root.
	Watch *watch.Status `json:"watch,omitempty"`
	// Detection is how changes are noticed. It is nil unless an agent runs.
	Detection *Detection `json:"detection,omitempty"`
}

// Problem is one thing that is not as it should be.
type Problem struct {
	Root  string `json:"root,omitempty"` // the root's label, if it has one
	Path  string `json:"path"`
	Kind  string `json:"kind"`
	Error string `json:"error"`
}

// String tells a problem to people: what it is, of which file or folder, and why, as far as each is known.
func (p Problem) String() string {
	parts := []string{p.Kind}
	if at := (fileid.ID{Root: p.Root, Path: p.Path}).String(); at != "" {
		parts = append(parts, at)
	}
	if p.Error != "" {
		parts = append(parts, p.Error)
	}
	return strings.Join(parts, ": ")
}

// hinders says whether the problem kept the pass from its work. Other problems are what it found.
func (p *Problem) hinders() bool {
	switch p.Kind {
	case kindRoot, kindRemote, kindUnreadable, kindLink, kindIndex:
		return true
	default:
		return false
	}
}

// Hindrance returns what first kept the pass from its work. It is empty if the pass is complete.
func (r *Report) Hindrance() string {
	if r.Outcome == Complete {
		return ""
	}
	for _, p := range r.Problems {
		if (p.hinders() || p.Kind == kindUnreadFile) && p.Error != "" {
			return p.Error
		}
	}
	for _, root := range r.Roots {
		if root.Error != "" {
			return root.Dir + ": " + root.Error
		}
	}
	return "it was stopped, or part of the folder could not be read"
}

// Kinds of problems.
const (
	kindRoot          = "root"
	kindRemote        = "remote"
	kindIndex         = "index"
	kindUnreadable    = "unreadable"
	kindUnreadFile    = "unreadable file"
	kindLink          = "link"
	kindInvalid       = "invalid"
	kindDead          = "dead"
	kindQueued        = "queued"
	kindAdded         = "added"
	kindChanged       = "changed"
	kindPending       = "pending"
	kindRemoteMissing = "remote missing"
	kindHands         = "hands"
)

// problem reports something that is not as it should be with a file, a root, or, with the zero Key, neither.
func (r *Report) problem(at fileid.ID, kind, text string) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, Problem{Root: at.Root, Path: show(at.Path), Kind: kind, Error: text})
	}
}

func newReport(cfg *Config, roots []hashindex.Root, mode Mode, at time.Time) *Report {
	r := &Report{Mode: mode, Outcome: Complete, At: at, Root: cfg.rootsText(), Problems: []Problem{}}
	for _, root := range roots {
		r.Roots = append(r.Roots, RootReport{Label: root.Label, Dir: show(root.Dir)})
	}
	return r
}

// remoteFailed adds to the report why the remote could not be asked, or did not take records.
func (r *Report) remoteFailed(err error) {
	r.problem(fileid.ID{}, kindRemote, err.Error())
	if r.Outcome == RootUnavailable {
		return
	}
	switch store.ClassOf(err) {
	case store.Credentials, store.Setup:
		r.Outcome = RemoteUnusable
	default:
		r.Outcome = Incomplete
	}
}

// scanned adds the scan of a root to the report.
func (r *Report) scanned(root hashindex.Root, seen hashindex.ScanResult, err error) {
	r.Files += seen.Files
	for i := range r.Roots {
		if r.Roots[i].Label == root.Label {
			r.Roots[i].Files, r.Roots[i].Unread = seen.Files, seen.Unread
			r.Roots[i].UnreadFirst = firstUnread(seen.Problems)
		}
	}
	for _, err := range seen.Problems {
		kind := kindLink
		if !errors.Is(err, hashindex.ErrFolderLoop) {
			kind = kindUnreadable
		}
		r.problem(fileid.ID{Root: root.Label}, kind, fileid.OneLine(err.Error()))
	}
	if seen.Unread+seen.Unknown > 0 {
		r.incomplete()
	}
	r.cut(root, err)
}

// cut adds to the report why the pass did not come to the end of a root. The error may be nil.
func (r *Report) cut(root hashindex.Root, err error) {
	switch {
	case errors.Is(err, hashindex.ErrRootUnavailable):
		r.rootUnavailable(root, err)
	case err != nil:
		r.incomplete()
		r.problem(fileid.ID{Root: root.Label, Path: root.Dir}, kindUnreadable, err.Error())
	}
}

func firstUnread(problems []error) string {
	for _, err := range problems {
		if !errors.Is(err, hashindex.ErrFolderLoop) {
			return fileid.OneLine(err.Error())
		}
	}
	return ""
}

func (r *Report) incomplete() {
	if r.Outcome == Complete {
		r.Outcome = Incomplete
	}
}

// rootUnavailable adds to the report that nothing can be concluded of a root. The pass goes on with the others.
func (r *Report) rootUnavailable(root hashindex.Root, err error) {
	text := err.Error() + "; nothing was marked gone"
	var changed *diff.RootChangedError
	switch {
	case errors.As(err, &changed):
		text += "; if this folder is to be watched from now on, run gfxsync reconcile --accept-missing; if not, set " +
			"GFX_SYNC_GFX_WATCH_PATH back"
	case errors.Is(err, hashindex.ErrRootEmpty):
		text += "; if the files were really removed, run gfxsync reconcile --accept-missing"
	case !errors.Is(err, errHangs):
		text += "; check that the share is connected and that the path is right (GFX_SYNC_GFX_WATCH_PATH)"
	}
	r.problem(fileid.ID{Root: root.Label, Path: root.Dir}, kindRoot, text)
	r.incomplete()
	away := 0
	for i := range r.Roots {
		if r.Roots[i].Label == root.Label {
			r.Roots[i].Error = err.Error()
		}
		if r.Roots[i].Error != "" {
			away++
		}
	}
	if away == len(r.Roots) {
		r.Outcome = RootUnavailable
	}
}

// isAway says whether a root was found to be unavailable.
func (r *Report) isAway(label string) bool {
	for _, root := range r.Roots {
		if root.Label == label {
			return root.Error != ""
		}
	}
	return false
}

// counts is what ingest and delivery have done. A pass is told by the difference between its end and its beginning.
// What an agent does beside the pass counts with it.
type counts struct {
	ingest.Counts
	uploaded int64
}

func (a *Agent) counts() counts { return counts{a.ingest.Counts(), a.outbox.uploaded.Load()} }

// since fills in what was done between two moments.
func (r *Report) since(before, now counts) {
	r.Added, r.Changed, r.Gone = now.Added-before.Added, now.Changed-before.Changed, now.Gone-before.Gone
	r.Hashed, r.BytesHashed = now.Hashed-before.Hashed, now.BytesHashed-before.BytesHashed
	r.Uploaded = now.uploaded - before.uploaded
}

// Progress is how far a pass has come. A total of 0 is not known.
type Progress struct {
	Files int64 `json:"files"`
	Total int64 `json:"total"`
	Bytes int64 `json:"bytes"`
}
