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

// Extras are what a file tells for columns that the table of an earlier agent has and gfxsync's own has not. Every
// upsert sends all of them, so that a rewritten row keeps nothing of an older version.
type Extras struct {
	// Payouts is a JSON array of integers as the file has it, with which it shares memory. Empty: the file has no such
	// array. An element that is no integer of 64 bits makes the whole array count as absent, because without it the
	// others would move up.
	Payouts string
	// TotalDurationSeconds is the sum of the hands' durations, truncated to seconds, at most math.MaxInt32. Hands whose
	// duration cannot be read count as 0.
	TotalDurationSeconds int64
	// SessionStartTime is when the first hand of the file began of which that can be read.
	SessionStartTime *time.Time
	// SessionEndTime is when the last such hand ended: its start and its duration, where that can be read.
	SessionEndTime *time.Time
}

// Columns that may be absent without a loss: production tables have them, gfxsync's own has not.
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

// ExtraColumns returns the names of the columns that a record fills only where the table has them. Their absence is
// normal.
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

// payoutsOf returns an array of integers as it is written, and nothing for anything else and for an empty array.
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
		return false // ParseInt would copy it all into its error
	}
	_, err := strconv.ParseInt(number, 10, 64)
	return err == nil
}

// maxDuration is what a column of type integer takes.
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

// durationUnits are those of ISO 8601 before and after the T, in their order. Years and months have no certain length.
var durationUnits = map[bool]string{false: "WD", true: "HMS"}

var unitLength = map[byte]time.Duration{
	'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second,
}

// parseDuration reads a duration of ISO 8601 such as PT1M30.5S, of less than 68 years. A fraction is for the seconds
// alone.
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

// modifiedAtLayout has as many digits for every time, so that times sort as their texts do.
const modifiedAtLayout = "2006-01-02T15:04:05.000000Z"

// modifiedAt is the column file_modified_at: microseconds, as PostgreSQL keeps them, truncated towards 1970.
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
