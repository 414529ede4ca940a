package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

func origin(path string) store.Origin {
	return store.Origin{
		Source: fileid.ID{Root: "r", Path: path}, FileHash: "00ff", GFXPCID: "GFX-PC-1",
		SyncSource: "test",
	}
}

func mustMake(t *testing.T, path, content string) store.Record {
	t.Helper()
	r, err := store.MakeRecord(origin(path), []byte(content))
	if err != nil {
		t.Fatalf("MakeRecord(%q): %v", content, err)
	}
	return r
}

func sessionID(r store.Record) any {
	if r.SessionID == nil {
		return nil
	}
	return *r.SessionID
}

func TestMakeRecordOfARealLookingSession(t *testing.T) {
	s := sample.New(7).Play(3)
	content := s.JSON()
	r := mustMake(t, "day 1/"+s.FileName(), string(content))
	if got := sessionID(r); got != s.ID {
		t.Errorf("SessionID = %v, want %d", got, s.ID)
	}
	if r.HandCount != s.Hands() || r.PlayerCount != s.Players() {
		t.Errorf("hands, players = %d, %d, want %d, %d", r.HandCount, r.PlayerCount, s.Hands(), s.Players())
	}
	if r.TableType != s.Type || r.EventTitle != s.Title || r.SoftwareVersion != "PokerGFX 3.2" {
		t.Errorf("type, title, version = %q, %q, %q", r.TableType, r.EventTitle, r.SoftwareVersion)
	}
	if r.FileName != s.FileName() || r.NASPath != "day 1/"+s.FileName() {
		t.Errorf("FileName, NASPath = %q, %q", r.FileName, r.NASPath)
	}
	if r.FileHash != "00ff" || r.GFXPCID != "GFX-PC-1" || r.SyncSource != "test" {
		t.Errorf("FileHash, GFXPCID, SyncSource = %q, %q, %q", r.FileHash, r.GFXPCID, r.SyncSource)
	}
	if !bytes.Equal(r.RawJSON, content) {
		t.Error("RawJSON is not the file's content")
	}
	var want struct{ CreatedDateTimeUTC time.Time }
	if err := json.Unmarshal(content, &want); err != nil {
		t.Fatal(err)
	}
	if r.SessionCreatedAt == nil || !r.SessionCreatedAt.Equal(want.CreatedDateTimeUTC) {
		t.Errorf("SessionCreatedAt = %v, want %v", r.SessionCreatedAt, want.CreatedDateTimeUTC)
	}
}

func TestMakeRecordKeepsTheBytesAsTheyAre(t *testing.T) {
	for name, content := range map[string]string{
		"white space":    " {\r\n\t\"ID\" : 1 }\r\n",
		"markup":         `{"EventTitle":"<Day 2> & Final \u003c"}`,
		"big numbers":    `{"ID":638961999170907267,"n":12345678901234567890123,"f":0.10000000000000000001,"e":1E400}`,
		"duplicate keys": `{"a":1,"a":2}`,
		"no escaped NUL": `{"x":"\\u0000"}`,
		"surrogates":     `{"x":"\ud83c\udca1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if r := mustMake(t, "a.json", content); string(r.RawJSON) != content {
				t.Errorf("RawJSON = %q, want %q", r.RawJSON, content)
			}
		})
	}
}

func TestMakeRecordStripsTheByteOrderMark(t *testing.T) {
	r := mustMake(t, "a.json", "\xef\xbb\xbf{\"ID\":5}")
	if string(r.RawJSON) != `{"ID":5}` || sessionID(r) != int64(5) {
		t.Errorf("RawJSON, SessionID = %q, %v", r.RawJSON, sessionID(r))
	}
}

func TestMakeRecordRefusesWhatNoTableCanHold(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		want          error
	}{
		{"empty", "", store.ErrEmpty},
		{"white space", " \r\n\t", store.ErrEmpty},
		{"byte order mark alone", "\xef\xbb\xbf", store.ErrEmpty},
		{"zeros", strings.Repeat("\x00", 64), store.ErrNotJSON},
		{"text", "hello", store.ErrNotJSON},
		{"two objects", `{"ID":1}{"ID":2}`, store.ErrNotJSON},
		{"UTF-16", "\xff\xfe{\x00}\x00", store.ErrNotJSON},
		{"array", `[{"ID":1}]`, store.ErrNotObject},
		{"number", "638961999170907267", store.ErrNotObject},
		{"string", `"x"`, store.ErrNotObject},
		{"null", "null", store.ErrNotObject},
		{"CP949 in a title", "{\"EventTitle\":\"\xc6\xf7\xc4\xbf\"}", store.ErrNotUTF8},
		{"NUL in a title", `{"EventTitle":"a\u0000b"}`, store.ErrNUL},
		{"lone surrogate", `{"x":"\ud800"}`, store.ErrSurrogate},
		{"number beyond numeric", `{"x":1e200000}`, store.ErrNumber},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := store.MakeRecord(origin("a.json"), []byte(tt.content)); !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
		})
	}
}

// A session may be cut anywhere, even in the middle of a Korean letter. The caller must see that it is not complete,
// not that it is invalid.
func TestMakeRecordSeesThatAFileIsHalfWritten(t *testing.T) {
	content := append([]byte("\xef\xbb\xbf"), bytes.Replace(sample.New(1).Play(1).JSON(), []byte(`"EventTitle":"`),
		[]byte(`"EventTitle":"포커 <1> `), 1)...)
	mustMake(t, "a.json", string(content))
	for n := range content {
		_, err := store.MakeRecord(origin("a.json"), content[:n])
		if !errors.Is(err, store.ErrNotJSON) && !errors.Is(err, store.ErrEmpty) {
			t.Fatalf("the first %d of %d bytes, ending in %q: error = %v, want ErrNotJSON or ErrEmpty", n, len(content),
				content[max(0, n-8):n], err)
		}
	}
}

func TestMakeRecordTakesTheSessionIDExactly(t *testing.T) {
	for _, tt := range []struct {
		name, path, content string
		want                any
	}{
		{"number of 18 digits", "a.json", `{"ID":638961999170907267}`, int64(638961999170907267)},
		{"string", "a.json", `{"ID":"638961999170907267"}`, int64(638961999170907267)},
		{"escaped key", "a.json", `{"\u0049D":42}`, int64(42)},
		{"largest", "a.json", `{"ID":9223372036854775807}`, int64(9223372036854775807)},
		{"negative", "a.json", `{"ID":-5}`, int64(-5)},
		{"beyond int64", "a.json", `{"ID":9223372036854775808}`, nil},
		{"fraction", "a.json", `{"ID":1.5}`, nil},
		{"exponent", "a.json", `{"ID":6.38961999170907267E17}`, nil},
		{"empty string", "a.json", `{"ID":""}`, nil},
		{"words", "a.json", `{"ID":"abc"}`, nil},
		{"object", "a.json", `{"ID":{"ID":7}}`, nil},
		{"nested only", "a.json", `{"x":{"ID":7}}`, nil},
		{"missing", "a.json", `{}`, nil},
		{"from the name", "d/x GameID=638961999170907267.json", `{}`, int64(638961999170907267)},
		{"from the name, any case", "gameid=12.json", `{"ID":null}`, int64(12)},
		{"the file before the name", "GameID=12.json", `{"ID":13}`, int64(13)},
		{"not from the directory", "GameID=12/a.json", `{}`, nil},
		{"beyond int64 in the name", "GameID=12345678901234567890.json", `{}`, nil},
		{"last of equal keys", "a.json", `{"ID":1,"ID":2}`, int64(2)},
		{"last of equal keys is unusable", "a.json", `{"ID":1,"ID":true}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := sessionID(mustMake(t, tt.path, tt.content)); got != tt.want {
				t.Errorf("SessionID = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMakeRecordTakesKnownFieldsOfAnyType(t *testing.T) {
	for _, junk := range []string{"null", "true", "5", "-1.5e3", `""`, `"junk"`, "[]", "[1,[2]]", "{}", `{"a":{}}`} {
		content := strings.ReplaceAll(
			`{"ID":J,"Type":J,"EventTitle":J,"SoftwareVersion":J,"CreatedDateTimeUTC":J,"Payouts":J,"Other":J}`, "J",
			junk)
		r := mustMake(t, "a.json", content)
		if r.TableType != "UNKNOWN" || r.SessionCreatedAt != nil {
			t.Errorf("%s: TableType, SessionCreatedAt = %q, %v", junk, r.TableType, r.SessionCreatedAt)
		}
		if title := strings.Trim(junk, `"`); junk[0] == '"' && r.EventTitle != title || junk[0] != '"' &&
			r.EventTitle != "" {
			t.Errorf("%s: EventTitle = %q", junk, r.EventTitle)
		}
		if id := sessionID(r); id != nil && junk != "5" {
			t.Errorf("%s: SessionID = %v", junk, id)
		}
	}
}

func TestMakeRecordKnowsTheTableTypes(t *testing.T) {
	for _, known := range []string{"FEATURE_TABLE", "MAIN_TABLE", "FINAL_TABLE", "SIDE_TABLE"} {
		if got := mustMake(t, "a.json", `{"Type":"`+known+`"}`).TableType; got != known {
			t.Errorf("TableType = %q, want %q", got, known)
		}
	}
	for _, written := range []string{"final_table", "Final Table", "FINAL-TABLE", " final  table ", "fInAl_TaBlE"} {
		if got := mustMake(t, "a.json", `{"Type":"`+written+`"}`).TableType; got != "FINAL_TABLE" {
			t.Errorf("%q: TableType = %q, want FINAL_TABLE", written, got)
		}
	}
	for _, unknown := range []string{
		`{}`, `{"Type":"CASH"}`, `{"Type":"finaltable"}`, `{"Type":"FINAL_TABLE_2"}`, `{"Type":"_"}`,
		`{"Type":"MAIN_TABLE","Type":"x"}`, `{"Type":["MAIN_TABLE"]}`,
	} {
		if got := mustMake(t, "a.json", unknown).TableType; got != "UNKNOWN" {
			t.Errorf("%s: TableType = %q, want UNKNOWN", unknown, got)
		}
	}
}

func TestMakeRecordReadsTheTime(t *testing.T) {
	want := time.Date(2025, 10, 16, 8, 28, 39, 123456700, time.UTC)
	for text, want := range map[string]*time.Time{
		"2025-10-16T08:28:39.1234567Z":      &want,
		"2025-10-16T17:28:39.1234567+09:00": &want,
		"2025-10-16":                        nil,
		"0000-01-01T00:00:00Z":              nil,
		"yesterday":                         nil,
	} {
		r := mustMake(t, "a.json", `{"CreatedDateTimeUTC":"`+text+`"}`)
		switch got := r.SessionCreatedAt; {
		case want == nil && got != nil, want != nil && (got == nil || !got.Equal(*want) || got.Location() != time.UTC):
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestMakeRecordCountsHandsAndPlayers(t *testing.T) {
	for _, tt := range []struct {
		name, hands    string
		count, players int
	}{
		{"none", `[]`, 0, 0},
		{"object", `{"Players":[{"Name":"a"}]}`, 0, 0},
		{"text", `"x"`, 0, 0},
		{"hands that are none", `[1,null,"x",[],{}]`, 5, 0},
		{
			"distinct names over hands",
			`[{"Players":[{"Name":"a"},{"Name":"b"}]},{"Players":[{"Name":"b"},{"Name":"c"}]}]`, 2, 3,
		},
		{"long name first", `[{"Players":[{"LongName":"Ann A","Name":"A"},{"LongName":"Bob A","Name":"A"}]}]`, 1, 2},
		{"spaces do not tell apart", `[{"Players":[{"Name":" a "},{"Name":"a"}]}]`, 1, 1},
		{
			"seats where names are missing",
			`[{"Players":[{"Name":"","PlayerNum":2},{"PlayerNum":3},{"Name":" ","PlayerNum":3}]}]`, 1, 2,
		},
		{"neither name nor seat", `[{"Players":[{},{"PlayerNum":"2"},7]}]`, 1, 0},
		{"players of another type", `[{"Players":{"Name":"a"}},{"Players":3}]`, 2, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mustMake(t, "a.json", `{"Hands":`+tt.hands+`}`)
			if r.HandCount != tt.count || r.PlayerCount != tt.players {
				t.Errorf("hands, players = %d, %d, want %d, %d", r.HandCount, r.PlayerCount, tt.count, tt.players)
			}
		})
	}
	r := mustMake(t, "a.json", `{"Hands":[{"Players":[{"Name":"a"}]},{}],"Hands":[{}]}`)
	if r.HandCount != 1 || r.PlayerCount != 0 {
		t.Errorf("last of equal keys: hands, players = %d, %d, want 1, 0", r.HandCount, r.PlayerCount)
	}
}

func TestMakeRecordShowsNamesInNFC(t *testing.T) {
	const nfd, nfc = "\u1112\u1161\u11ab/\u1100\u1173\u11af.json", "한/글.json"
	r := mustMake(t, nfd, `{}`)
	if r.NASPath != nfc || r.FileName != "글.json" {
		t.Errorf("NASPath, FileName = %q, %q, want %q", r.NASPath, r.FileName, nfc)
	}
	r = mustMake(t, "b\xff/a\xfe.json", `{}`)
	if r.NASPath != "b\ufffd/a\ufffd.json" {
		t.Errorf("invalid UTF-8: NASPath = %q", r.NASPath)
	}
}
