package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Remote is where records are delivered: a table gfx_sessions somewhere.
type Remote interface {
	// Upsert makes a row of every record, or of none. The records are at least one, distinct in the conflict key, sorted by it. Nil
	// means that the remote has acknowledged them all; any other answer is a *RemoteError or the context's error.
	Upsert(ctx context.Context, records []Record) error
	// Ping proves, without writing, that the remote answers, takes the key and has the table. Errors are as Upsert's.
	Ping(ctx context.Context) error
	// Close releases connections. No call may follow it.
	Close() error
}

// Table is a remote that can also be asked what it has, and told to forget. Errors are as Upsert's.
type Table interface {
	Remote
	// Digest sums up the table's hashes. It fails with ErrNoDigest if the remote cannot.
	Digest(ctx context.Context) (Digest, error)
	// Hashes returns hashes that sort after the given one, from the first if it is empty, ascending, at most limit of
	// them but perhaps fewer: only an empty answer says that there are no more.
	Hashes(ctx context.Context, after string, limit int) ([]string, error)
	// Has returns those of the hashes that the table has.
	Has(ctx context.Context, hashes []string) ([]string, error)
	// Delete removes the rows of these hashes, as far as they are there.
	Delete(ctx context.Context, hashes []string) error
	// Rename has the row of a hash, if it is there, name the file at another path. It sends no content.
	Rename(ctx context.Context, hash, path string) error
	// Of returns the table that only the rows of one GFX PC make, where the conflict key tells the PCs apart; else the table itself.
	// It is for asking, and needs no Close.
	Of(pcID string) Table
	// Requests returns how many requests have been made so far.
	Requests() int64
}

// SessionTable is a Table that has one row for each session (BySession). As with all that a Table is asked, a row
// without raw_json counts as missing.
type SessionTable interface {
	Table
	// Sessions returns the rows of sessions above the given one, of all above math.MinInt64, ascending by session, at
	// most limit of them but perhaps fewer: only an empty answer says that there are no more.
	Sessions(ctx context.Context, after int64, limit int) ([]SessionRow, error)
	// RowsOf returns those rows that the sessions have. There may be at most a hundred sessions.
	RowsOf(ctx context.Context, sessions []int64) ([]SessionRow, error)
	// HandsOf returns, in the order of the rows, how many elements the list Hands of their raw_json has: 0 if there
	// is no such list, or no such row any more. It costs the server much, and is for rows whose content is not known.
	HandsOf(ctx context.Context, rows []SessionRow) ([]int, error)
}

// SessionRow is what the row of a session tells of the version that it holds.
type SessionRow struct {
	Session  int64
	FileHash string
	PCID     string // empty: the table does not tell
	// ModTime is of the file, in nanoseconds since 1970, of which microseconds are kept; 0: the table does not tell
	ModTime int64
}

// Class says what a failure means for the records that it struck (design, "What a failure means").
type Class uint8

const (
	Outage      Class = iota + 1 // nobody answered, or not the database: wait, and try again
	Credentials                  // the key is not accepted: as an outage, until the operator mends it
	Setup                        // the table is not as it must be: as an outage, until the operator mends it
	Contention                   // another transaction was in the way: simply try again
	TooMuch                      // the request was too large or took too long: send fewer rows
	Rejected                     // a row of the request is not acceptable
)

func (c Class) String() string {
	switch c {
	case Outage:
		return "outage"
	case Credentials:
		return "credentials"
	case Setup:
		return "setup"
	case Contention:
		return "contention"
	case TooMuch:
		return "too much at once"
	case Rejected:
		return "rejected"
	default:
		return fmt.Sprintf("class %d", uint8(c))
	}
}

// RemoteError is a remote's refusal, or the lack of an answer. It never holds a secret.
type RemoteError struct {
	Class      Class
	Ambiguous  bool          // the request's records may be at fault as well as the remote, which may serve others
	Status     int           // HTTP status; 0 if there was no answer
	Code       string        // SQLSTATE or PGRST code; empty if the answer had none
	Message    string        // what the remote said, or why it could not be asked
	Hint       string        // what to do next; may be empty
	OtherKey   string        // the columns of the unique key that refused a row, if not the upsert's; may be empty
	RetryAfter time.Duration // how long the remote asked to be left alone; 0 if it did not
	Err        error         // the cause, if there is one
}

func (e *RemoteError) Error() string {
	s := e.Class.String() + ": " + e.Message
	switch {
	case e.Status != 0 && e.Code != "":
		s += fmt.Sprintf(" (HTTP %d, %s)", e.Status, e.Code)
	case e.Status != 0:
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	case e.Code != "":
		s += fmt.Sprintf(" (%s)", e.Code)
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *RemoteError) Unwrap() error { return e.Err }

// ClassOf returns the class of a remote's error. What no remote has classified counts as an outage: the records wait.
func ClassOf(err error) Class {
	var re *RemoteError
	if errors.As(err, &re) {
		return re.Class
	}
	return Outage
}

// ErrNoDigest says that a remote cannot sum up its hashes.
var ErrNoDigest = errors.New("the remote has no digest view")

// Digest sums up the hashes of a table: for each value of their first two hex digits the number of rows and the XOR of their first
// 16 digits (design, "Remote diff without reading the table").
type Digest [256]struct {
	Rows int64
	XOR  uint64
}
