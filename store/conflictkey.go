package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ConflictKey is a unique constraint of the table that upserts use. Two records with the same values in its columns are
// the same row.
type ConflictKey uint8

const (
	// ByHash is unique on file_hash: there is one row for each content.
	ByHash ConflictKey = iota
	// ByPCAndHash is unique on (gfx_pc_id, file_hash), for a table that several GFX PCs share. There is one row for
	// each content of each PC.
	ByPCAndHash
	// BySession is unique on session_id. There is one row for each session, with its winner.
	BySession
)

var conflictColumns = [...]string{ByHash: "file_hash", ByPCAndHash: "gfx_pc_id,file_hash", BySession: "session_id"}

// ConflictKeys returns all keys. If a table is unique on several of them, the first in this order is used.
func ConflictKeys() []ConflictKey { return []ConflictKey{BySession, ByHash, ByPCAndHash} }

// ParseConflictKey parses the form of String.
func ParseConflictKey(s string) (ConflictKey, error) {
	s = strings.ReplaceAll(s, " ", "")
	for k, columns := range conflictColumns {
		if s == columns {
			return ConflictKey(k), nil
		}
	}
	return 0, errors.New("expected file_hash, gfx_pc_id,file_hash or session_id")
}

// String returns the columns, separated by commas. This is the form of PostgREST's parameter on_conflict.
func (k ConflictKey) String() string { return conflictColumns[k] }

// Columns returns the columns of the constraint.
func (k ConflictKey) Columns() []string { return strings.Split(k.String(), ",") }

// rows says, for people, what a row of the table is.
func (k ConflictKey) rows() string {
	return [...]string{
		ByHash:      "one row per version of a file",
		ByPCAndHash: "one row per version of a file and GFX PC",
		BySession:   "one row per session",
	}[k]
}

// ConflictSetting is the setting GFX_SYNC_ON_CONFLICT: a ConflictKey or auto. The zero value is auto, which uses the
// key that the table is unique on.
type ConflictSetting struct {
	key   ConflictKey
	given bool
}

// OnConflict returns the setting of a key.
func OnConflict(k ConflictKey) ConflictSetting { return ConflictSetting{key: k, given: true} }

const autoConflict = "auto"

// ParseConflictSetting parses the form of String.
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

// Key returns the key of the setting. For auto, ok is false.
func (s ConflictSetting) Key() (key ConflictKey, ok bool) { return s.key, s.given }

// TableRules are the rules of a table that matter for upserts. They come from the server, and stay the same until
// somebody alters the table.
type TableRules struct {
	// Unique holds the keys that the table is unique on, in the order of ConflictKeys.
	Unique []ConflictKey `json:"unique"`
	// SessionRequired says that session_id is NOT NULL.
	SessionRequired bool `json:"session_required"`
}

// ConflictChoice is the key that upserts use, and the reason for it.
type ConflictChoice struct {
	Key     ConflictKey
	Setting ConflictSetting
	Rules   TableRules
}

// Choose returns the key to use. If the setting has a key, that is the choice. For auto, it is the first of
// ConflictKeys that the table is unique on; ok is false if there is none. The order matters: a table that is unique on
// session_id cannot have a second row for a session, and one that is unique on file_hash cannot have a second row for a
// content.
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

// String says, in one line for operators, what a row is and why.
func (c ConflictChoice) String() string {
	reason := fmt.Sprintf("because the table is unique on %s (GFX_SYNC_ON_CONFLICT=%s)", c.Key, c.Setting)
	if c.Setting.given {
		reason = fmt.Sprintf("as GFX_SYNC_ON_CONFLICT=%s says", c.Setting)
	}
	return c.Key.rows() + ", " + reason
}

// SessionRequired reports whether the table takes no file without a session.
func (c ConflictChoice) SessionRequired() bool { return c.Key == BySession || c.Rules.SessionRequired }

// Refusal returns another unique key of the table that refuses some upserts by the chosen key, and says for people what
// will be refused. If there is no such key, ok is false. If always is true, every session is refused sooner or later;
// else only contents that two GFX PCs share.
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

// ConflictAdvice tells the operator how to make gfxsync use this key.
func ConflictAdvice(k ConflictKey) string {
	return fmt.Sprintf("set GFX_SYNC_ON_CONFLICT=%s (or leave it at auto)", k)
}

// sortKey returns a text that identifies the row of the record. All agents sort rows by it, so that their requests
// cannot deadlock. With BySession, only one version of a session is sent at a time (Ledger.Wanted), so the hash does no
// harm.
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
