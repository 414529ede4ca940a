package store

import (
	"errors"
	"strconv"
	"strings"
)

// ConflictKey is what makes two records the same row: the columns of the table's unique constraint that upserts go by.
type ConflictKey uint8

const (
	// ByHash is a table unique on file_hash: each content is a row.
	ByHash ConflictKey = iota
	// ByPCAndHash is a table unique on (gfx_pc_id, file_hash), which several GFX PCs share: each content is a row for each PC.
	ByPCAndHash
	// BySession is a table unique on session_id: each session is one row, its best version.
	BySession
)

var conflictColumns = [...]string{ByHash: "file_hash", ByPCAndHash: "gfx_pc_id,file_hash", BySession: "session_id"}

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

// sortKey tells the record's row from others, and sorts rows in the same way for every agent. Of a session only one version is ever
// sent at a time (Ledger.Wanted).
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
