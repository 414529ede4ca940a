// Package store is where records go: the record made from a PokerGFX file, the offline queue, the delivery, and the remotes
// behind one small interface. It knows no watcher and no hash index; what became of a record it tells a Ledger.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Source says where a record came from: the label of a watched root and the path below it, '/'-separated, in the file system's
// own bytes.
type Source struct {
	Root string
	Path string
}

// String is how a file is called in logs and lists: by its path, after the label of its root if that has one. Without a
// path it is the root itself.
func (s Source) String() string {
	switch "" {
	case s.Root:
		return OneLine(s.Path)
	case s.Path:
		return s.Root
	}
	return s.Root + ":" + OneLine(s.Path)
}

// OneLine makes a text that others have had a hand in, such as a file's name, fit for a list that people read: what would break its lines,
// move a terminal's cursor or turn the direction of reading is shown as an escape sequence of Go.
func OneLine(s string) string {
	var b strings.Builder
	for _, r := range printable(s) {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Record is one row of gfx_sessions (design, "The table"). RawJSON is byte for byte what the file holds after a byte order
// mark, and is shared, never copied or changed.
type Record struct {
	FileHash         string
	SessionID        *int64 // nil: neither the file nor its name tells
	FileName         string
	TableType        string
	EventTitle       string
	SoftwareVersion  string
	HandCount        int
	PlayerCount      int
	SessionCreatedAt *time.Time // nil: the file does not tell
	NASPath          string
	GFXPCID          string
	SyncSource       string
	RawJSON          []byte
	// ModTime is the file's, in nanoseconds since 1970; the column file_modified_at keeps microseconds. 0: unknown.
	ModTime int64
	Extras
}

// Column names of gfx_sessions. The first two every table must have.
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

// Columns returns the names of the columns that a record fills, but for those of ExtraColumns, raw_json last.
func Columns() []string {
	names := make([]string, 0, len(columns)+1)
	for _, c := range columns {
		names = append(names, c.name)
	}
	return append(names, ColumnRawJSON)
}

// AppendJSON appends the record as a JSON object to dst, with the extra columns, leaving out the columns that without
// names. It does not go through json.Marshal as a whole, which would rewrite RawJSON.
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
		return append(dst, "null"...) // a time beyond year 9999 is all that can fail here
	}
	return append(dst, b...)
}

// UnmarshalJSON reads what AppendJSON wrote. Of what an older version wrote, the extra columns are read from raw_json.
// What stands behind the key raw_json, the last, is taken as it is, white space and all, and not looked into. The key
// cannot occur earlier: in a string its quotes would be escaped.
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

// Size returns about how many bytes the record takes in a request.
func (r *Record) Size() int64 {
	return int64(len(r.RawJSON)+len(r.EventTitle)+len(r.SoftwareVersion)) + 512 // a text of the file may be as long as the file
}

// Values returns the record's values in the order of Columns, for a database driver: RawJSON as text.
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
