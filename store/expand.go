package store

import (
	"context"
	"errors"
	"fmt"
)

// Expander is a remote whose database expands sessions: it makes rows of the hands of each session. gfxsync schema
// --hands prints the SQL for it. Errors are those of Upsert, but a missing right is of class Setup.
type Expander interface {
	// Expansion returns how many sessions are expanded. It fails with ErrNoExpansion if the database does not expand
	// sessions.
	Expansion(ctx context.Context) (Expansion, error)
	// Expand makes the database work for a few seconds. It expands stale sessions. If again is true, it compares every
	// hand of all sessions above after instead, in ascending order.
	Expand(ctx context.Context, again bool, after int64) (ExpandStep, error)
	// ExpandErrors returns at most limit hands that could not be expanded.
	ExpandErrors(ctx context.Context, limit int) ([]ExpandError, error)
}

// ErrNoExpansion says that a remote does not expand sessions.
var ErrNoExpansion = errors.New("the database does not expand sessions into hands")

// Expansion is the state of the rows that the database makes from the sessions.
type Expansion struct {
	Sessions int64 `json:"sessions"`
	Hands    int64 `json:"hands"`    // rows of gfx_hands
	Stale    int64 `json:"stale"`    // sessions whose hands are not those of their winner
	Errors   int64 `json:"errors"`   // hands that could not be expanded
	Repeated int64 `json:"repeated"` // hands that are left out because a later one has the same number
}

// ExpandStep is the result of one call of Expand.
type ExpandStep struct {
	Expanded  int64 `json:"expanded"`  // sessions whose rows were changed, in part or in full
	Remaining int64 `json:"remaining"` // sessions that are left for further steps
	Last      int64 `json:"last"`      // the last session that was finished; 0 if there was none
}

// ExpandError is a hand that could not be expanded.
type ExpandError struct {
	Session  int64  `json:"session_id"`
	Position int    `json:"position"` // index in the file's list of hands; -1: the whole session
	HandNum  string `json:"hand_num"`
	Code     string `json:"sqlstate"`
	Message  string `json:"message"`
}

// Name returns a name of the hand for people.
func (e *ExpandError) Name() string {
	switch {
	case e.Position < 0:
		return fmt.Sprintf("session %d", e.Session)
	case e.HandNum == "":
		return fmt.Sprintf("session %d, hand at position %d", e.Session, e.Position)
	default:
		return fmt.Sprintf("session %d, hand %s at position %d", e.Session, e.HandNum, e.Position)
	}
}
