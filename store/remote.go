package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Remote is a table gfx_sessions that records are delivered to.
type Remote interface {
	// Upsert stores all records, or none if it fails. There is at least one record. The conflict keys of the records
	// are distinct and sorted. A nil error means that the remote has acknowledged all records. Any other error is a
	// *RemoteError or the context's error.
	Upsert(ctx context.Context, records []Record) error
	// Ping checks that the remote answers, accepts the key and has the table. It writes nothing. Errors are those of
	// Upsert.
	Ping(ctx context.Context) error
	// Close releases the connections. The remote must not be used afterwards.
	Close() error
}

// Table is a Remote that can also be read and changed row by row. A row without raw_json counts as missing. Errors are
// those of Upsert.
type Table interface {
	Remote
	// Digest sums up the hashes of the table. It fails with ErrNoDigest if the remote cannot do that.
	Digest(ctx context.Context) (Digest, error)
	// Hashes returns hashes in ascending order, beginning after the given one; the empty hash begins at the first. It
	// returns at most limit hashes, and may return fewer. Only an empty result is the end.
	Hashes(ctx context.Context, after string, limit int) ([]string, error)
	// Has returns those of the hashes that the table has.
	Has(ctx context.Context, hashes []string) ([]string, error)
	// Delete removes the rows of these hashes. A hash without a row is no error.
	Delete(ctx context.Context, hashes []string) error
	// Rename changes the path and the file name in the row of a hash. It sends no content. A hash without a row is no
	// error.
	Rename(ctx context.Context, hash, path string) error
	// OfPC returns the table limited to the rows of one GFX PC if the conflict key has the PC in it, else the table
	// itself. The result is for reading and needs no Close.
	OfPC(pcID string) Table
	// Requests returns how many requests have been made so far.
	Requests() int64
}

// SessionTable is a Table with one row for each session (BySession).
type SessionTable interface {
	Table
	// Sessions returns rows in ascending order of their sessions, beginning after the given session; math.MinInt64
	// begins at the first. It returns at most limit rows, and may return fewer. Only an empty result is the end.
	Sessions(ctx context.Context, after int64, limit int) ([]SessionRow, error)
	// SessionRows returns the rows of these sessions, at most a hundred. A session without a row is left out.
	SessionRows(ctx context.Context, sessions []int64) ([]SessionRow, error)
	// CountHands returns the number of elements of the list Hands in the raw_json of each row, in the order of the rows.
	// The number is 0 if there is no such list or no such row. This is expensive for the server, so it is only for
	// rows whose content is not known.
	CountHands(ctx context.Context, rows []SessionRow) ([]int, error)
}

// SessionRow is the version of a session that its row holds.
type SessionRow struct {
	Session  int64
	FileHash string
	PCID     string // empty: the table does not say
	// ModTime is the modification time of the file in nanoseconds since 1970, truncated to microseconds. 0: the table
	// does not say.
	ModTime int64
}

// Class says what a failure means for the records of the request (design, "What a failure means").
type Class uint8

const (
	Outage      Class = iota + 1 // there was no answer, or not one of the database: wait and try again
	Credentials                  // the key is not accepted: as an outage, until the operator corrects it
	Setup                        // the table is not as gfxsync needs it: as an outage, until the operator corrects it
	Contention                   // another transaction was in the way: try again
	TooMuch                      // the request was too large or took too long: send fewer rows
	Rejected                     // the database refuses a row of the request
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

// RemoteError is a failure of a request. It holds no secret.
type RemoteError struct {
	Class      Class
	Ambiguous  bool          // either the remote or a record of the request may be the cause
	Status     int           // HTTP status; 0 if there was no answer
	Code       string        // SQLSTATE or PGRST code; empty if the answer had none
	Message    string        // what the remote said, or why there was no answer
	Hint       string        // what the operator can do; may be empty
	OtherKey   string        // columns of the unique key that refused a row, if it is not the upsert's key
	RetryAfter time.Duration // how long the remote asked to wait; 0 if it did not
	Err        error         // the cause; may be nil
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

// ClassOf returns the class of a RemoteError. Any other error counts as an outage, so that the records wait.
func ClassOf(err error) Class {
	var re *RemoteError
	if errors.As(err, &re) {
		return re.Class
	}
	return Outage
}

// ErrNoDigest says that a remote cannot sum up its hashes.
var ErrNoDigest = errors.New("the remote has no digest view")

// Digest sums up the hashes of a table by the value of their first two hex digits. For each value it holds the number
// of rows and the XOR of the first 16 digits of their hashes (design, "Remote diff without reading the table").
type Digest [256]struct {
	Rows int64
	XOR  uint64
}
