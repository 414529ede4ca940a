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

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/tidwall/gjson"
)

// Errors of MakeRecord. A half-written file also gives ErrEmpty or ErrNotJSON.
var (
	ErrEmpty     = errors.New("the file is empty")
	ErrNotJSON   = errors.New("the file is not complete JSON")
	ErrNotObject = errors.New("the file is JSON, but not an object")
	ErrNotUTF8   = errors.New("the file is not UTF-8")
	ErrTooDeep   = fmt.Errorf("the file is nested deeper than %d levels", maxDepth)
)

const (
	// maxDepth is the deepest nesting of a file. encoding/json stops at 10,000 levels, and must be able to read the
	// record and the request that contain the file.
	maxDepth = 9_990
	// maxPlayers bounds the number of players that are counted, and so the memory for it.
	maxPlayers = 10_000
)

// Origin is what a record holds besides the file's content.
type Origin struct {
	Source     fileid.ID
	FileHash   string
	GFXPCID    string
	SyncSource string
	ModTime    int64
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	gameID        = regexp.MustCompile(`(?i)GameID=(\d+)`)
	knownFields   = map[string]bool{
		"ID": true, "Type": true, "EventTitle": true, "SoftwareVersion": true, "CreatedDateTimeUTC": true,
		"Hands": true, "Payouts": true,
	}
	tableTypes = map[string]bool{"FEATURE_TABLE": true, "MAIN_TABLE": true, "FINAL_TABLE": true, "SIDE_TABLE": true}
)

// Names returns the columns nas_path and file_name of a file. The path is relative to its root.
func Names(filePath string) (nasPath, fileName string) {
	nasPath = fileid.Printable(filePath)
	return nasPath, path.Base(nasPath)
}

// MakeRecord makes the record of a file from its content (design, "The table"). A known field of an unexpected type
// counts as absent. MakeRecord fails only if the content is not a JSON object in UTF-8 (ErrEmpty, ErrNotJSON,
// ErrNotObject, ErrNotUTF8, ErrTooDeep), or if PostgreSQL cannot store it (ErrNUL, ErrSurrogate, ErrNumber). The record
// and its texts share the memory of content, so content must not change afterwards.
func MakeRecord(o Origin, content []byte) (Record, error) {
	raw := bytes.TrimPrefix(content, byteOrderMark)
	if err := checkObject(raw); err != nil {
		return Record{}, err
	}
	nasPath, fileName := Names(o.Source.Path)
	r := Record{
		FileHash:   o.FileHash,
		FileName:   fileName,
		NASPath:    nasPath,
		TableType:  "UNKNOWN",
		GFXPCID:    fileid.Printable(o.GFXPCID),
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

// readFields sets the fields of the record that come from the JSON.
func (r *Record) readFields(raw []byte) {
	// As PostgreSQL's jsonb does, keep the last of equal keys.
	last := map[string]gjson.Result{}
	// gjson.ParseBytes would copy the file. The texts of the record would then keep the copy in memory.
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
		return ErrTooDeep // must come before json.Valid, which fails at this depth
	case !json.Valid(body):
		return ErrNotJSON // must come before utf8.Valid, because half a file may end in half a letter
	case !utf8.Valid(body):
		return ErrNotUTF8
	case body[0] != '{':
		return ErrNotObject
	}
	return checkJSONB(body)
}

// isTooDeep reports whether more than maxDepth brackets are open at one time. The JSON may be incomplete.
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

// tableType returns the known table type in any spelling: final_table, Final Table and FINAL-TABLE are all FINAL_TABLE.
// Any other text is UNKNOWN.
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

// parseID parses a session ID. It does not go through a float64, which cannot hold 18 digits.
func parseID(digits string) *int64 {
	if len(digits) > len("-9223372036854775808") {
		return nil // ParseInt would copy the whole text into its error
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil
	}
	return &id
}

func parseTime(s string) *time.Time {
	if len(s) < len("2006-01-02T15:04:05Z") || len(s) > 64 {
		return nil // time.Parse would copy the whole text into its error
	}
	t, err := time.Parse(time.RFC3339, s)
	t = t.UTC() // before the year is checked, because in UTC it may be another year
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return &t
}

// readHands counts the hands and their distinct players. It also sets the times and the duration of the session.
func (r *Record) readHands(hands gjson.Result) {
	r.HandCount, r.PlayerCount, r.TotalDurationSeconds, r.SessionStartTime, r.SessionEndTime = 0, 0, 0, nil, nil
	if !hands.IsArray() {
		return
	}
	seen := map[string]struct{}{}
	var total time.Duration
	var players, start, duration gjson.Result // of the present hand
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

// playerName returns the name of a player, or else the seat: a table that is still being set up exports players without
// names.
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
