package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/tidwall/gjson"
	"golang.org/x/text/unicode/norm"
)

// What MakeRecord may find wrong with a file. The first two are also what a half-written file looks like.
var (
	ErrEmpty     = errors.New("the file is empty")
	ErrNotJSON   = errors.New("the file is not complete JSON")
	ErrNotObject = errors.New("the file is JSON, but not an object")
	ErrNotUTF8   = errors.New("the file is not UTF-8")
	ErrTooDeep   = fmt.Errorf("the file is nested deeper than %d levels", maxDepth)
)

const (
	// maxDepth leaves room for the record and the request around a file: encoding/json, which must read a record that comes back
	// from the queue, ends at 10,000 levels.
	maxDepth = 9_990
	// maxPlayers is where the count of a file's players ends, so that it takes less memory than the file.
	maxPlayers = 10_000
)

// Origin is what a record says of itself besides the file's content.
type Origin struct {
	Source
	FileHash   string
	GFXPCID    string
	SyncSource string
	ModTime    int64
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	gameID        = regexp.MustCompile(`(?i)GameID=(\d+)`)
	knownFields   = map[string]bool{
		"ID": true, "Type": true, "EventTitle": true, "SoftwareVersion": true, "CreatedDateTimeUTC": true, "Hands": true,
		"Payouts": true,
	}
	tableTypes = map[string]bool{"FEATURE_TABLE": true, "MAIN_TABLE": true, "FINAL_TABLE": true, "SIDE_TABLE": true}
)

// Names returns what the columns nas_path and file_name say of a file at a path relative to its root.
func Names(filePath string) (nasPath, fileName string) {
	nasPath = printable(filePath)
	return nasPath, path.Base(nasPath)
}

// MakeRecord makes the record of a file from its content (design, "The table"). Only a content that is no JSON object
// in UTF-8, or one that PostgreSQL cannot store, is refused, with one of the errors of this package; a known field of
// an unexpected type counts as absent. The record shares content, texts included, and content must not change any
// more.
func MakeRecord(o Origin, content []byte) (Record, error) {
	raw := bytes.TrimPrefix(content, byteOrderMark)
	if err := checkObject(raw); err != nil {
		return Record{}, err
	}
	nasPath, fileName := Names(o.Path)
	r := Record{
		FileHash:   o.FileHash,
		FileName:   fileName,
		NASPath:    nasPath,
		TableType:  "UNKNOWN",
		GFXPCID:    printable(o.GFXPCID),
		SyncSource: o.SyncSource,
		ModTime:    o.ModTime,
		RawJSON:    raw,
	}
	r.readFields(raw)
	if r.SessionID == nil {
		if m := gameID.FindStringSubmatch(r.FileName); m != nil {
			r.SessionID = parseID(m[1])
		}
	}
	return r, nil
}

// readFields sets what the fields of the file tell.
func (r *Record) readFields(raw []byte) {
	// PostgreSQL's jsonb keeps the last of equal keys.
	last := map[string]gjson.Result{}
	// gjson.ParseBytes would copy the file, and the texts that are taken from it would keep the copy in memory beside the original.
	gjson.Parse(unsafe.String(unsafe.SliceData(raw), len(raw))).ForEach(func(key, value gjson.Result) bool {
		if name := key.String(); knownFields[name] {
			last[name] = value
		}
		return true
	})
	for name, value := range last {
		r.setField(name, value)
	}
}

func checkObject(raw []byte) error {
	body := bytes.TrimLeft(raw, " \t\r\n")
	switch {
	case len(body) == 0:
		return ErrEmpty
	case isTooDeep(body):
		return ErrTooDeep // before the next, which would call it incomplete
	case !json.Valid(body):
		return ErrNotJSON // before the next: half a file may end in half a letter
	case !utf8.Valid(body):
		return ErrNotUTF8
	case body[0] != '{':
		return ErrNotObject
	}
	return checkStorable(body)
}

// isTooDeep counts the brackets that are open at one time, in JSON or what there is of it.
func isTooDeep(b []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

func (r *Record) setField(key string, v gjson.Result) {
	switch key {
	case "ID":
		r.SessionID = nil
		if v.Type == gjson.Number || v.Type == gjson.String {
			r.SessionID = parseID(strings.Trim(v.Raw, `"`))
		}
	case "Type":
		r.TableType = tableType(v.Str)
	case "EventTitle":
		r.EventTitle = v.Str
	case "SoftwareVersion":
		r.SoftwareVersion = v.Str
	case "CreatedDateTimeUTC":
		r.SessionCreatedAt = parseTime(v.Str)
	case "Hands":
		r.readHands(v)
	case "Payouts":
		r.Payouts = payoutsOf(v)
	}
}

// tableType takes a type however it is written: final_table, Final Table and FINAL-TABLE are all FINAL_TABLE.
func tableType(s string) string {
	if len(s) <= 32 {
		words := strings.FieldsFunc(strings.ToUpper(s), func(c rune) bool {
			return c == '_' || c == '-' || unicode.IsSpace(c)
		})
		if known := strings.Join(words, "_"); tableTypes[known] {
			return known
		}
	}
	return "UNKNOWN"
}

// parseID takes the digits as they stand: the 18 of a session ID are more than a float64 holds.
func parseID(digits string) *int64 {
	if len(digits) > len("-9223372036854775808") {
		return nil // ParseInt would copy them all into its error
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil
	}
	return &id
}

func parseTime(s string) *time.Time {
	if len(s) < len("2006-01-02T15:04:05Z") || len(s) > 64 {
		return nil // of what is no time, Parse copies all into its error
	}
	t, err := time.Parse(time.RFC3339, s)
	t = t.UTC() // before the next: in UTC it may be another year
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return &t
}

// readHands counts the hands and their distinct players, and adds up what the hands tell of the session's time.
func (r *Record) readHands(hands gjson.Result) {
	r.HandCount, r.PlayerCount, r.TotalDurationSeconds, r.SessionStartTime, r.SessionEndTime = 0, 0, 0, nil, nil
	if !hands.IsArray() {
		return
	}
	seen := map[string]struct{}{}
	var total time.Duration
	var players, start, duration gjson.Result // of one hand at a time
	field := func(key, value gjson.Result) bool {
		switch key.Str {
		case "Players":
			players = value
		case "StartDateTimeUTC":
			start = value
		case "Duration":
			duration = value
		}
		return true
	}
	hands.ForEach(func(_, hand gjson.Result) bool {
		if r.HandCount < math.MaxInt32 {
			r.HandCount++
		}
		if hand.IsObject() {
			players, start, duration = gjson.Result{}, gjson.Result{}, gjson.Result{}
			hand.ForEach(field)
			r.addHand(&total, start.Str, duration.Str)
			addPlayers(seen, players)
		}
		return true
	})
	delete(seen, "")
	r.PlayerCount, r.TotalDurationSeconds = len(seen), int64(total/time.Second)
}

func addPlayers(seen map[string]struct{}, players gjson.Result) {
	if !players.IsArray() {
		return
	}
	players.ForEach(func(_, player gjson.Result) bool {
		seen[playerName(player)] = struct{}{}
		return len(seen) < maxPlayers
	})
}

// playerName falls back to the seat: a table that is still being set up exports players without names.
func playerName(p gjson.Result) string {
	for _, key := range []string{"LongName", "Name"} {
		if name := strings.TrimSpace(p.Get(key).Str); name != "" {
			return name
		}
	}
	if seat := p.Get("PlayerNum"); seat.Type == gjson.Number {
		return "seat " + seat.Raw
	}
	return ""
}

// printable is how a path is stored and shown: NFC, so that names typed on macOS and on Windows are equal, and valid UTF-8.
func printable(s string) string {
	return norm.NFC.String(strings.ToValidUTF8(withoutNUL(s), "\ufffd"))
}

// withoutNUL drops what PostgreSQL's text cannot hold (documentation, "Character Types").
func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }
