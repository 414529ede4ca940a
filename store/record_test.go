package store_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gfxsync/gfxsync/store"
)

// jsonText draws the text of a JSON value. It may have white space anywhere, numbers of any length and strings with any
// characters.
func jsonText(t *rapid.T, depth int) string {
	space := func() string { return rapid.StringMatching(`[ \t\r\n]{0,2}`).Draw(t, "space") }
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return rapid.StringMatching(`-?[1-9][0-9]{0,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?`).Draw(t, "number")
	case 1:
		b, err := json.Marshal(rapid.String().Draw(t, "string"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	case 2:
		return rapid.SampledFrom([]string{
			`"<>&"`, `"\u003c\ud83c\udca1\u0001"`, "\"\u2028한\"", `"\"raw_json\":"`, `"}"`,
		}).Draw(t, "text")
	case 3:
		return rapid.SampledFrom([]string{"null", "true", "false", "0", "-0", "1E400", "638961999170907267"}).Draw(t,
			"word")
	case 4:
		return "[" + space() + jsonText(t, depth-1) + space() + "," + jsonText(t, depth-1) + "]"
	default:
		return jsonObject(t, depth-1)
	}
}

func jsonObject(t *rapid.T, depth int) string {
	space := rapid.StringMatching(`[ \t\r\n]{0,2}`)
	var members []string
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		key := rapid.SampledFrom([]string{`"ID"`, `"raw_json"`, `"file_hash"`, `"a<b"`, `""`}).Draw(t, "key")
		members = append(members, space.Draw(t, "s")+key+space.Draw(t, "s")+":"+jsonText(t, depth))
	}
	return "{" + strings.Join(members, ",") + space.Draw(t, "s") + "}"
}

func anyRecord(t *rapid.T) store.Record {
	text := rapid.String()
	r := store.Record{
		FileHash: text.Draw(t, "hash"), FileName: text.Draw(t, "name"), TableType: text.Draw(t, "type"),
		EventTitle: text.Draw(t, "title"), SoftwareVersion: text.Draw(t, "version"),
		HandCount:   rapid.Int().Draw(t, "hands"),
		PlayerCount: rapid.Int().Draw(t, "players"), NASPath: text.Draw(t, "path"), GFXPCID: text.Draw(t, "pc"),
		SyncSource: text.Draw(t, "source"),
	}
	if rapid.Bool().Draw(t, "has id") {
		id := rapid.Int64().Draw(t, "id")
		r.SessionID = &id
	}
	if rapid.Bool().Draw(t, "has time") {
		at := time.Unix(rapid.Int64Range(-60_000_000_000, 250_000_000_000).Draw(t, "at"), 123456700).UTC()
		r.SessionCreatedAt = &at
	}
	r.ModTime = rapid.Int64Range(-1e15, 9e15).Draw(t, "modified") * 1000
	r.Payouts = rapid.SampledFrom([]string{"", "[0]", "[1, 2 ,9223372036854775807]", "[\n-5]"}).Draw(t, "payouts")
	r.TotalDurationSeconds = rapid.Int64().Draw(t, "duration")
	space := rapid.StringMatching(`[ \t\r\n]{0,3}`)
	r.RawJSON = []byte(space.Draw(t, "before") + jsonObject(t, 3) + space.Draw(t, "after"))
	return r
}

// A record in the queue must arrive with exactly the bytes of the file.
func TestRecordSurvivesItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyRecord(t)
		b := want.AppendJSON(nil, nil)
		var got store.Record
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if string(got.RawJSON) != string(want.RawJSON) {
			t.Fatalf("RawJSON = %q, want %q", got.RawJSON, want.RawJSON)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("record = %+v, want %+v", got, want)
		}
	})
}

func TestRecordJSONHasTheColumnsOfTheTableButThoseLeftOut(t *testing.T) {
	r := mustMake(t, "a.json", `{"ID":1}`)
	without := map[string]bool{"gfx_pc_id": true, "player_count": true, "payouts": true}
	var object map[string]json.RawMessage
	b := r.AppendJSON([]byte("["), without)
	if err := json.Unmarshal(b[1:], &object); err != nil || b[0] != '[' {
		t.Fatalf("%s: %v", b, err)
	}
	all := slices.Concat(store.Columns(), store.ExtraColumns())
	for _, name := range all {
		if _, ok := object[name]; ok == without[name] {
			t.Errorf("column %s: there is %v, left out is %v", name, ok, without[name])
		}
	}
	if len(object) != len(all)-len(without) {
		t.Errorf("%d columns in %s", len(object), b)
	}
	var got store.Record
	if err := json.Unmarshal(b[1:], &got); err != nil {
		t.Fatal(err)
	}
	if got.GFXPCID != "" || got.FileHash != r.FileHash || string(got.RawJSON) != `{"ID":1}` {
		t.Errorf("read back: %+v", got)
	}
}

func TestRecordWithoutIDAndTimeSaysNull(t *testing.T) {
	r := mustMake(t, "a.json", `{}`)
	var object map[string]any
	if err := json.Unmarshal(r.AppendJSON(nil, nil), &object); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"session_id", "session_created_at", "file_modified_at", "session_start_time", "session_end_time",
	} {
		if v, ok := object[name]; !ok || v != nil {
			t.Errorf("%s = %v, %v, want null", name, v, ok)
		}
	}
}

func TestRecordValuesStandInTheOrderOfColumns(t *testing.T) {
	r := mustMake(t, "d/a.json",
		`{"ID":638961999170907267,"Type":"MAIN_TABLE","CreatedDateTimeUTC":"2025-10-16T17:28:39.5+09:00"}`)
	values := r.Values()
	if len(values) != len(store.Columns()) {
		t.Fatalf("%d values for %d columns", len(values), len(store.Columns()))
	}
	want := map[string]any{
		"file_hash": "00ff", "file_name": "a.json", "nas_path": "d/a.json", "table_type": "MAIN_TABLE",
		"session_created_at": "2025-10-16T08:28:39.5Z", "raw_json": string(r.RawJSON),
	}
	for name, value := range want {
		if got := values[slices.Index(store.Columns(), name)]; got != value {
			t.Errorf("%s = %#v, want %#v", name, got, value)
		}
	}
}

func TestRecordThatIsCutOffIsNoRecord(t *testing.T) {
	r := mustMake(t, "a.json", `{"ID":1}`)
	b := r.AppendJSON(nil, nil)
	raw := strings.Index(string(b), `"raw_json":`)
	for _, n := range []int{0, 1, raw, raw + len(`"raw_json":`)} {
		if err := new(store.Record).UnmarshalJSON(b[:n]); err == nil {
			t.Errorf("%q passes for a record", b[:n])
		}
	}
}
