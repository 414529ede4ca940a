// Package store makes records from PokerGFX files and delivers them to a remote, or keeps them in the offline queue. A
// remote is a small interface. The package does not know the watcher or the hash index: it tells a Ledger what became
// of each record.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Record is one row of gfx_sessions (design, "The table"). RawJSON holds the bytes of the file, without a byte order
// mark. It is shared and must not be changed.
type Record struct {
	FileHash         string
	SessionID        *int64 // nil: neither the file nor its name says
	FileName         string
	TableType        string
	EventTitle       string
	SoftwareVersion  string
	HandCount        int
	PlayerCount      int
	SessionCreatedAt *time.Time // nil: the file does not say
	NASPath          string
	GFXPCID          string
	SyncSource       string
	RawJSON          []byte
	// ModTime is the file's modification time in nanoseconds since 1970. The column file_modified_at keeps
	// microseconds. 0 means unknown.
	ModTime int64
	Extras
}

// Column names of gfx_sessions. Every table must have the first two.
const (
	ColumnFileHash   = "file_hash"
	ColumnRawJSON    = "raw_json"
	ColumnModifiedAt = "file_modified_at"
	ColumnFileName   = "file_name"
	ColumnNASPath    = "nas_path"
)

// column ties a column of the table to a field of Record.
type column struct {
	name string
	get  func(*Record) any
	set  func(*Record, []byte) error
}

func field[T any](name string, at func(*Record) *T) column {
	return column{
		name: name,
		get:  func(r *Record) any { return *at(r) },
		set:  func(r *Record, b []byte) error { return json.Unmarshal(b, at(r)) },
	}
}

var columns = []column{
	field(ColumnFileHash, func(r *Record) *string { return &r.FileHash }),
	field("session_id", func(r *Record) **int64 { return &r.SessionID }),
	field(ColumnFileName, func(r *Record) *string { return &r.FileName }),
	field("table_type", func(r *Record) *string { return &r.TableType }),
	field("event_title", func(r *Record) *string { return &r.EventTitle }),
	field("software_version", func(r *Record) *string { return &r.SoftwareVersion }),
	field("hand_count", func(r *Record) *int { return &r.HandCount }),
	field("player_count", func(r *Record) *int { return &r.PlayerCount }),
	field("session_created_at", func(r *Record) **time.Time { return &r.SessionCreatedAt }),
	field(ColumnNASPath, func(r *Record) *string { return &r.NASPath }),
	field("gfx_pc_id", func(r *Record) *string { return &r.GFXPCID }),
	field("sync_source", func(r *Record) *string { return &r.SyncSource }),
	{
		name: ColumnModifiedAt,
		get:  func(r *Record) any { return modifiedAt(r.ModTime) },
		set:  func(r *Record, b []byte) (err error) { r.ModTime, err = parseModifiedAt(b); return err },
	},
}

// Columns returns the names of the columns that a record fills, without those of ExtraColumns. The last is raw_json.
func Columns() []string {
	names := make([]string, 0, len(columns)+1)
	for _, c := range columns {
		names = append(names, c.name)
	}
	return append(names, ColumnRawJSON)
}

// AppendJSON appends the record to dst as a JSON object with all columns except those in without. The extra columns are
// included. The last column is raw_json. It does not use json.Marshal, which would rewrite RawJSON.
func (r *Record) AppendJSON(dst []byte, without map[string]bool) []byte {
	dst = append(dst, '{')
	for _, list := range [][]column{columns, extraColumns} {
		for _, c := range list {
			if !without[c.name] {
				dst = append(strconv.AppendQuote(dst, c.name), ':')
				dst = append(appendValue(dst, c.get(r)), ',')
			}
		}
	}
	dst = append(dst, `"raw_json":`...)
	return append(append(dst, r.RawJSON...), '}')
}

func appendValue(dst []byte, v any) []byte {
	if text, ok := v.(json.RawMessage); ok {
		return append(dst, text...)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...) // only a time beyond the year 9999 can fail here
	}
	return append(dst, b...)
}

// UnmarshalJSON decodes what AppendJSON wrote. If an older gfxsync wrote it, the extra columns are read from raw_json.
// The value of raw_json is taken byte for byte and is not checked. It begins after the first "raw_json": in the text:
// in a string before it, the quotes would be escaped.
func (r *Record) UnmarshalJSON(b []byte) error {
	head, raw, _ := bytes.Cut(b, []byte(`"raw_json":`))
	raw, ok := bytes.CutSuffix(raw, []byte("}"))
	if !ok {
		return errors.New("it does not end with raw_json")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(slices.Concat(bytes.TrimSuffix(head, []byte(",")), []byte("}")), &object); err != nil {
		return err
	}
	*r = Record{RawJSON: bytes.Clone(raw)}
	for _, list := range [][]column{columns, extraColumns} {
		for _, c := range list {
			v, ok := object[c.name]
			if !ok {
				continue
			}
			if err := c.set(r, v); err != nil {
				return fmt.Errorf("column %s: %w", c.name, err)
			}
		}
	}
	if _, ok := object[columnSyncStatus]; !ok {
		r.Extras = extrasOf(r.RawJSON)
	}
	return nil
}

// Size returns the approximate number of bytes that the record takes in a request.
func (r *Record) Size() int64 {
	// Besides RawJSON, the texts from the file may be as long as the file.
	return int64(len(r.RawJSON)+len(r.EventTitle)+len(r.SoftwareVersion)) + 512
}

// Values returns the record's values in the order of Columns, for a database driver. RawJSON is a string.
func (r *Record) Values() []any {
	values := make([]any, 0, len(columns)+1)
	for _, c := range columns {
		v := c.get(r)
		if t, ok := v.(*time.Time); ok && t != nil {
			v = t.UTC().Format(time.RFC3339Nano)
		}
		values = append(values, v)
	}
	return append(values, string(r.RawJSON))
}
