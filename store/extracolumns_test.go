package store_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store"
)

// sent returns what the record sends for the extra columns and for the time of the file.
type sent struct {
	Modified *string         `json:"file_modified_at"`
	Payouts  json.RawMessage `json:"payouts"`
	Seconds  *int64          `json:"total_duration_seconds"`
	Start    *string         `json:"session_start_time"`
	End      *string         `json:"session_end_time"`
	Status   string          `json:"sync_status"`
}

func sends(t *testing.T, r store.Record) (s sent) {
	t.Helper()
	if err := json.Unmarshal(r.AppendJSON(nil, nil), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func TestRecordTellsWhatProductionTablesHold(t *testing.T) {
	const start, second = "2025-10-19T09:06:38.4320159Z", "2025-10-19T09:08:00Z"
	for _, tt := range []struct {
		name, content                string
		payouts                      string
		seconds                      int64
		sessionStart, sessionEndTime string
	}{
		{"nothing", `{}`, `[]`, 0, "null", "null"},
		{
			"a session",
			`{"Payouts":[3000000000, 5,0],"Hands":[{"StartDateTimeUTC":"` + start + `","Duration":"PT57.4S"},` +
				`{"StartDateTimeUTC":"` + second + `","Duration":"PT1M30.7S"}]}`,
			`[3000000000, 5,0]`, 148, start, "2025-10-19T09:09:30.7Z",
		},
		{"a hand without a duration", `{"Hands":[{"StartDateTimeUTC":"` + second + `"}]}`, `[]`, 0, second, second},
		{
			"hands that do not tell", `{"Hands":[7,{},{"StartDateTimeUTC":"` + second + `","Duration":"PT2S"},` +
				`{"StartDateTimeUTC":5,"Duration":[]}]}`,
			`[]`, 2, second, "2025-10-19T09:08:02Z",
		},
		{"no hands", `{"Hands":{"StartDateTimeUTC":"` + second + `"},"Payouts":{}}`, `[]`, 0, "null", "null"},
		{
			"the last of equal keys",
			`{"Hands":[{"Duration":"PT5S"}],"Hands":[],"Payouts":[1],"Payouts":null}`, `[]`, 0,
			"null", "null",
		},
		{"a payout that is no integer", `{"Payouts":[1,2.5,3]}`, `[]`, 0, "null", "null"},
		{"a payout beyond bigint", `{"Payouts":[1,9223372036854775808]}`, `[]`, 0, "null", "null"},
		{"payouts of other types", `{"Payouts":[1,"2",null]}`, `[]`, 0, "null", "null"},
		{
			"durations beyond integer", `{"Hands":[` + strings.Repeat(`{"Duration":"P24000D"},`, 2) + `{}]}`,
			`[]`, math.MaxInt32, "null", "null",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mustMake(t, "a.json", tt.content)
			s := sends(t, r)
			if string(s.Payouts) != tt.payouts || s.Seconds == nil || *s.Seconds != tt.seconds || s.Status != "synced" {
				t.Errorf("payouts %s, seconds %v, status %q, want %s, %d",
					s.Payouts, s.Seconds, s.Status, tt.payouts, tt.seconds)
			}
			if text(s.Start) != tt.sessionStart || text(s.End) != tt.sessionEndTime {
				t.Errorf("from %s to %s, want %s to %s", text(s.Start), text(s.End), tt.sessionStart, tt.sessionEndTime)
			}
		})
	}
}

func TestRecordReadsDurationsOfISO8601(t *testing.T) {
	for duration, want := range map[string]int64{
		"PT57.4094977S": 57, "PT3M57.716993S": 237, "PT35M37.2S": 2137, "PT1H": 3600, "P1DT1S": 86401, "P2W": 1209600,
		"PT0.999S": 0, "": 0, "P": 0, "PT": 0, "P1DT": 0, "1M": 0, "PT1": 0, "PT1S1M": 0, "PT1.5M": 0,
		"P1Y": 0, "P1M": 0, "-PT1S": 0, "PT-1S": 0, "PT1.2.3S": 0,
		"PT.S": 0, "P739542DT13H6M38.43S": 0, "PT999999999999999999999S": 0, "PT1S" + strings.Repeat(" ", 100): 0,
	} {
		if got := *sends(t, mustMake(t, "a.json", `{"Hands":[{"Duration":"`+duration+`"}]}`)).Seconds; got != want {
			t.Errorf("%q: %d s, want %d", duration, got, want)
		}
	}
}

func TestRecordSendsWhenTheFileWasModifiedInMicroseconds(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.Date(2025, 10, 16, 8, 28, 39, 123456789, time.UTC):                     "2025-10-16T08:28:39.123456Z",
		time.Date(2025, 10, 16, 17, 28, 39, 0, time.FixedZone("Seoul", 9*3600)):     "2025-10-16T08:28:39.000000Z",
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC).Add(time.Second): "1970-01-01T00:00:00.999999Z",
	} {
		o := origin("a.json")
		o.ModTime = at.UnixNano()
		r, err := store.MakeRecord(o, []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := text(sends(t, r).Modified); got != want {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	}
}

// A record that an older gfxsync has queued lacks the extra columns. They are read from its content.
func TestRecordOfAnOlderVersionIsReadAndSendsEveryColumn(t *testing.T) {
	const old = `{"file_hash":"00ff","session_id":5,"file_name":"a.json","table_type":"UNKNOWN","event_title":"",` +
		`"software_version":"","hand_count":1,"player_count":0,"session_created_at":null,"nas_path":"a.json",` +
		`"gfx_pc_id":"PC","sync_source":"gfxsync",` +
		`"raw_json":{"ID":5,"Payouts":[7],"Hands":[{"Duration":"PT5S","StartDateTimeUTC":"2025-10-19T09:08:00Z"}]}}`
	var r store.Record
	if err := json.Unmarshal([]byte(old), &r); err != nil {
		t.Fatal(err)
	}
	s := sends(t, r)
	if string(s.Payouts) != "[7]" || *s.Seconds != 5 || text(s.End) != "2025-10-19T09:08:05Z" ||
		s.Status != "synced" || s.Modified != nil {
		t.Errorf("%+v", s)
	}
	// the queue stores it in a column of its own
	r.ModTime = time.Date(2025, 10, 16, 8, 28, 39, 1500, time.UTC).UnixNano()
	if got := text(sends(t, r).Modified); got != "2025-10-16T08:28:39.000001Z" {
		t.Errorf("modified at %s", got)
	}
}
