package store

import (
	"context"
	"errors"
	"fmt"
)

// Expander is a remote whose database makes rows of the hands of each session, as gfxsync schema --hands has it do.
// Errors are as Upsert's, but that the lack of a right is of class Setup as well.
type Expander interface {
	// Expansion says how far these rows are those of the sessions. It fails with ErrNoExpansion if the database makes
	// none.
	Expansion(ctx context.Context) (Expansion, error)
	// Expand has one step made, which ends within seconds. It brings up to date what is stale. With again it goes through
	// all sessions above after, in their order, and compares every hand with its session.
	Expand(ctx context.Context, again bool, after int64) (ExpandStep, error)
	// ExpandErrors returns at most limit of the hands that could not be expanded.
	ExpandErrors(ctx context.Context, limit int) ([]ExpandError, error)
}

// ErrNoExpansion says that a remote has no tables of hands, or does not fill them.
var ErrNoExpansion = errors.New("the database does not expand sessions into hands")

// Expansion is the state of the rows that are made from the sessions.
type Expansion struct {
	Sessions int64 `json:"sessions"`
	Hands    int64 `json:"hands"`    // rows of gfx_hands
	Stale    int64 `json:"stale"`    // sessions whose hands are not those of their best version
	Errors   int64 `json:"errors"`   // hands that could not be expanded
	Repeated int64 `json:"repeated"` // hands that gave way to a later one of the same number
}

// ExpandStep is what one step has done.
type ExpandStep struct {
	Expanded  int64 `json:"expanded"`  // sessions whose rows were changed, if not all of a session's yet
	Remaining int64 `json:"remaining"` // sessions that are left for further steps
	Last      int64 `json:"last"`      // the last session that was finished; 0 if there was none
}

// ExpandError is a hand that could not be expanded.
type ExpandError struct {
	Session  int64  `json:"session_id"`
	Position int    `json:"position"` // in the file's list of hands, from 0; -1: the session as a whole
	HandNum  string `json:"hand_num"`
	Code     string `json:"sqlstate"`
	Message  string `json:"message"`
}

// Name says which hand it is.
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
