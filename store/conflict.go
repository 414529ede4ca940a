package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ConflictKey is what makes two records the same row: the columns of the table's unique constraint that upserts go by.
type ConflictKey uint8

const (
	// ByHash is a table unique on file_hash: each content is a row.
	ByHash ConflictKey = iota
	// ByPCAndHash is a table unique on (gfx_pc_id, file_hash), which several GFX PCs share: each content is a row for
	// each PC.
	ByPCAndHash
	// BySession is a table unique on session_id: each session is one row, its best version.
	BySession
)

var conflictColumns = [...]string{ByHash: "file_hash", ByPCAndHash: "gfx_pc_id,file_hash", BySession: "session_id"}

// ConflictKeys returns all keys there are, the one that a table is written by if it is unique on several first.
func ConflictKeys() []ConflictKey { return []ConflictKey{BySession, ByHash, ByPCAndHash} }

// ParseConflictKey takes what String returns.
func ParseConflictKey(s string) (ConflictKey, error) {
	s = strings.ReplaceAll(s, " ", "")
	for k, columns := range conflictColumns {
		if s == columns {
			return ConflictKey(k), nil
		}
	}
	return 0, errors.New("expected file_hash, gfx_pc_id,file_hash or session_id")
}

// String returns the columns, separated by commas, as PostgREST's on_conflict takes them.
func (k ConflictKey) String() string { return conflictColumns[k] }

// Columns returns the columns of the constraint.
func (k ConflictKey) Columns() []string { return strings.Split(k.String(), ",") }

// rows says what a row of the table is.
func (k ConflictKey) rows() string {
	return [...]string{
		ByHash:      "one row per version of a file",
		ByPCAndHash: "one row per version of a file and GFX PC",
		BySession:   "one row per session",
	}[k]
}

// ConflictSetting is what the operator wants a table to be written by: a ConflictKey, or, the zero value, whatever the
// table is unique on.
type ConflictSetting struct {
	key   ConflictKey
	given bool
}

// OnConflict returns the setting that names a key.
func OnConflict(k ConflictKey) ConflictSetting { return ConflictSetting{key: k, given: true} }

// autoConflict is what the zero ConflictSetting is called.
const autoConflict = "auto"

// ParseConflictSetting takes what String returns.
func ParseConflictSetting(s string) (ConflictSetting, error) {
	if strings.EqualFold(strings.TrimSpace(s), autoConflict) {
		return ConflictSetting{}, nil
	}
	k, err := ParseConflictKey(s)
	if err != nil {
		return ConflictSetting{}, errors.New("expected auto, file_hash, gfx_pc_id,file_hash or session_id")
	}
	return OnConflict(k), nil
}

// String returns auto or the columns of the key.
func (s ConflictSetting) String() string {
	if !s.given {
		return autoConflict
	}
	return s.key.String()
}

// Key returns the key that the setting names; ok is false for auto.
func (s ConflictSetting) Key() (key ConflictKey, ok bool) { return s.key, s.given }

// TableRules is what decides by which key a table can be written, and which records it takes. The server alone knows
// it; it stays true until somebody alters the table.
type TableRules struct {
	// Unique are the keys that the table is unique on, in the order of ConflictKeys.
	Unique []ConflictKey `json:"unique"`
	// SessionRequired says that session_id is NOT NULL.
	SessionRequired bool `json:"session_required"`
}

// ConflictChoice is a key with the reason for it.
type ConflictChoice struct {
	Key     ConflictKey
	Setting ConflictSetting
	Rules   TableRules
}

// Choose returns the key to write the table by. A key that the setting names is taken as it is; ok is false if the
// setting is auto and the table is unique on no key. A table that is unique on session_id cannot take the second save
// of a session as a row of its own, whatever else it is unique on; one that is unique on file_hash cannot take the same
// content from a second PC.
func (s ConflictSetting) Choose(rules TableRules) (choice ConflictChoice, ok bool) {
	choice = ConflictChoice{Key: s.key, Setting: s, Rules: rules}
	if s.given {
		return choice, true
	}
	for _, k := range ConflictKeys() {
		if slices.Contains(rules.Unique, k) {
			choice.Key = k
			return choice, true
		}
	}
	return choice, false
}

// String says what a row is and why, in one line for operators.
func (c ConflictChoice) String() string {
	reason := fmt.Sprintf("because the table is unique on %s (GFX_SYNC_ON_CONFLICT=%s)", c.Key, c.Setting)
	if c.Setting.given {
		reason = fmt.Sprintf("as GFX_SYNC_ON_CONFLICT=%s says", c.Setting)
	}
	return c.Key.rows() + ", " + reason
}

// SessionRequired says whether a file without a session can be no row.
func (c ConflictChoice) SessionRequired() bool { return c.Key == BySession || c.Rules.SessionRequired }

// Refusal returns the unique key by which the table refuses rows that are written by the chosen one, and what happens
// then; ok is false if there is none. Always says whether that befalls every session sooner or later, or only contents
// that two GFX PCs have in common.
func (c ConflictChoice) Refusal() (other ConflictKey, what string, always, ok bool) {
	switch {
	case c.Key != BySession && slices.Contains(c.Rules.Unique, BySession):
		return BySession, "the second save of every session will be refused", true, true
	case c.Key == ByPCAndHash && slices.Contains(c.Rules.Unique, ByHash):
		return ByHash, "a file that a second GFX PC has too will be refused", false, true
	default:
		return c.Key, "", false, false
	}
}

// ConflictAdvice is how to have a table written by the key that its unique constraint is on.
func ConflictAdvice(k ConflictKey) string {
	return fmt.Sprintf("set GFX_SYNC_ON_CONFLICT=%s (or leave it at auto)", k)
}

// sortKey tells the record's row from others, and sorts rows in the same way for every agent. Of a session only one
// version is ever sent at a time (Ledger.Wanted).
func (r *Record) sortKey(k ConflictKey) string {
	switch {
	case k == ByPCAndHash:
		return r.GFXPCID + "\x00" + r.FileHash
	case k == BySession && r.SessionID != nil:
		return strconv.FormatInt(*r.SessionID, 10) + "\x00" + r.FileHash
	default:
		return r.FileHash
	}
}
