package store

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// Extras are values for columns that the tables of earlier agents have. gfxsync's own table does not have them. Every
// upsert sends all of them, so that a row keeps nothing of an older version.
type Extras struct {
	// Payouts is a JSON array of integers, in the bytes of the file, whose memory it shares. It is empty if the file
	// has no such array. If any element is not a 64-bit integer, the whole array counts as absent: without that
	// element, the others would be in the wrong place.
	Payouts string
	// TotalDurationSeconds is the sum of the hands' durations, truncated to seconds, at most math.MaxInt32. A duration
	// that cannot be read counts as 0.
	TotalDurationSeconds int64
	// SessionStartTime is the start of the first hand whose start can be read.
	SessionStartTime *time.Time
	// SessionEndTime is the end of the last hand whose start can be read. A duration that cannot be read counts as 0.
	SessionEndTime *time.Time
}

const (
	columnPayouts    = "payouts"
	columnSyncStatus = "sync_status"
)

var syncStatus = json.RawMessage(`"synced"`)

var extraColumns = []column{
	{
		name: columnPayouts,
		get:  func(r *Record) any { return payoutsJSON(r.Payouts) },
		set:  func(r *Record, b []byte) error { r.Payouts = payoutsOf(gjson.ParseBytes(b)); return nil },
	},
	field("total_duration_seconds", func(r *Record) *int64 { return &r.TotalDurationSeconds }),
	field("session_start_time", func(r *Record) **time.Time { return &r.SessionStartTime }),
	field("session_end_time", func(r *Record) **time.Time { return &r.SessionEndTime }),
	{
		name: columnSyncStatus,
		get:  func(*Record) any { return syncStatus },
		set:  func(*Record, []byte) error { return nil },
	},
}

// ExtraColumns returns the names of the columns of Extras and of sync_status. It is normal that a table lacks them.
func ExtraColumns() []string {
	names := make([]string, 0, len(extraColumns))
	for _, c := range extraColumns {
		names = append(names, c.name)
	}
	return names
}

// ExtraText returns the JSON that the record sends for one of the ExtraColumns.
func (r *Record) ExtraText(name string) string {
	for _, c := range extraColumns {
		if c.name == name {
			return string(appendValue(nil, c.get(r)))
		}
	}
	return ""
}

// extrasOf reads the extras from a file's JSON.
func extrasOf(raw []byte) Extras {
	var r Record
	r.readFields(raw)
	return r.Extras
}

func payoutsJSON(payouts string) json.RawMessage {
	if payouts == "" {
		return json.RawMessage("[]")
	}
	return json.RawMessage(payouts)
}

// payoutsOf returns an array of integers in the bytes of the file. For anything else, and for an empty array, it
// returns an empty string.
func payoutsOf(v gjson.Result) string {
	if !v.IsArray() {
		return ""
	}
	n, ok := 0, true
	v.ForEach(func(_, amount gjson.Result) bool {
		n++
		ok = amount.Type == gjson.Number && isInteger(amount.Raw)
		return ok
	})
	if n == 0 || !ok {
		return ""
	}
	return v.Raw
}

func isInteger(number string) bool {
	if len(number) > len("-9223372036854775808") {
		return false // ParseInt would copy the whole text into its error
	}
	_, err := strconv.ParseInt(number, 10, 64)
	return err == nil
}

// maxDuration is the largest number of seconds that a column of type integer takes.
const maxDuration = math.MaxInt32 * time.Second

// addHand adds a hand's start and duration to the session's.
func (e *Extras) addHand(total *time.Duration, start, duration string) {
	d, _ := parseDuration(duration)
	*total = min(*total+d, maxDuration)
	at := parseTime(start)
	if at == nil {
		return
	}
	if e.SessionStartTime == nil {
		e.SessionStartTime = at
	}
	end := at.Add(d)
	if e.SessionEndTime = &end; end.Year() > 9999 {
		e.SessionEndTime = at
	}
}

// durationUnits are the units of ISO 8601, in order. The key says whether they come after the T. Years and months are
// not among them, because their length varies.
var durationUnits = map[bool]string{false: "WD", true: "HMS"}

var unitLength = map[byte]time.Duration{
	'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second,
}

// parseDuration parses a duration of ISO 8601 of at most maxDuration, such as PT1M30.5S. Only the seconds may have a
// fraction.
func parseDuration(s string) (total time.Duration, ok bool) {
	s, ok = strings.CutPrefix(s, "P")
	if !ok || s == "" || len(s) > 64 {
		return 0, false
	}
	units, inTime := durationUnits[false], false
	for s != "" {
		if s[0] == 'T' && !inTime {
			if units, inTime, s = durationUnits[true], true, s[1:]; s == "" {
				return 0, false
			}
		}
		end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if end < 1 {
			return 0, false
		}
		at := strings.IndexByte(units, s[end])
		n, err := strconv.ParseFloat(s[:end], 64)
		if at < 0 || err != nil || s[end] != 'S' && strings.Contains(s[:end], ".") {
			return 0, false
		}
		length := unitLength[s[end]]
		if n > float64(maxDuration)/float64(length) {
			return 0, false
		}
		total += time.Duration(math.Round(n * float64(length)))
		units, s = units[at+1:], s[end+1:]
	}
	return total, total <= maxDuration
}

// modifiedAtLayout gives all times the same number of digits. So the texts sort as the times do.
const modifiedAtLayout = "2006-01-02T15:04:05.000000Z"

// modifiedAt returns the column file_modified_at. It has microseconds, as in PostgreSQL, truncated towards 1970.
func modifiedAt(ns int64) any {
	if ns == 0 {
		return nil
	}
	return time.UnixMicro(ns / 1000).UTC().Format(modifiedAtLayout)
}

func parseModifiedAt(b []byte) (int64, error) {
	var at *time.Time
	if err := json.Unmarshal(bytes.TrimSpace(b), &at); err != nil || at == nil {
		return 0, err
	}
	return at.UnixMicro() * 1000, nil
}
