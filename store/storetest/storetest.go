// Package storetest has the tests that every implementation of store.Remote must pass.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sample"
)

// Subject is a remote with an empty table, and what the tests need to know about it.
type Subject struct {
	Remote store.Remote
	// Rows returns the rows of the table. Each is a JSON object of the columns of store.Columns, with raw_json as a
	// string.
	Rows func(t *testing.T) []string
	// BadJSON is a raw_json that the table does not accept.
	BadJSON string
	// Verbatim says that the table keeps raw_json byte for byte. Otherwise it keeps an equal JSON value.
	Verbatim bool
}

// row is a row of the table.
type row struct {
	FileHash         string     `json:"file_hash"`
	SessionID        *int64     `json:"session_id"`
	FileName         string     `json:"file_name"`
	TableType        string     `json:"table_type"`
	EventTitle       string     `json:"event_title"`
	SoftwareVersion  string     `json:"software_version"`
	HandCount        int        `json:"hand_count"`
	PlayerCount      int        `json:"player_count"`
	SessionCreatedAt *time.Time `json:"session_created_at"`
	NASPath          string     `json:"nas_path"`
	GFXPCID          string     `json:"gfx_pc_id"`
	SyncSource       string     `json:"sync_source"`
	FileModifiedAt   *time.Time `json:"file_modified_at"`
	RawJSON          string     `json:"raw_json"`
}

// Run runs the tests, each with a new subject. The function open must release the subject with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"an upsert makes a row of every record": everyColumn,
		"again is harmless":                     again,
		"the same hash is updated":              update,
		"one bad row fails them all":            allOrNothing,
		"many records in one request":           many,
		"ping":                                  ping,
		"a context that has ended":              canceled,
		"overlapping upserts at one time":       overlapping,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Record makes the record of a made-up session.
func Record(t *testing.T, seed, hands int) store.Record {
	t.Helper()
	s := sample.New(seed).Play(hands)
	return RecordOf(t, fmt.Sprintf("%032x", seed*1000+hands), "방송 1/"+s.FileName(), s.JSON())
}

// RecordOf makes the record of a file.
func RecordOf(t *testing.T, hash, path string, content []byte) store.Record {
	t.Helper()
	r, err := store.MakeRecord(store.Origin{
		Source: fileid.ID{Path: path}, FileHash: hash, GFXPCID: "GFX-PC", SyncSource: "storetest",
	}, content)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *Subject) rows(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	for _, text := range s.Rows(t) {
		var r row
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("row %s: %v", text, err)
		}
		if _, twice := rows[r.FileHash]; twice {
			t.Errorf("two rows of %s", r.FileHash)
		}
		rows[r.FileHash] = r
	}
	return rows
}

func (s *Subject) upsert(t *testing.T, records ...store.Record) {
	t.Helper()
	if err := s.Remote.Upsert(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// want fails unless the table has exactly these records.
func (s *Subject) want(t *testing.T, records ...store.Record) {
	t.Helper()
	rows := s.rows(t)
	if len(rows) != len(records) {
		t.Errorf("%d rows, want %d", len(rows), len(records))
	}
	for i := range records {
		r := &records[i]
		got, ok := rows[r.FileHash]
		if !ok {
			t.Errorf("no row of %s", r.FileHash)
			continue
		}
		if got.SessionCreatedAt != nil {
			// PostgreSQL keeps microseconds, and returns times in the time zone of the connection.
			utc := got.SessionCreatedAt.UTC().Round(time.Microsecond)
			got.SessionCreatedAt = &utc
		}
		if got.FileModifiedAt != nil {
			utc := got.FileModifiedAt.UTC()
			got.FileModifiedAt = &utc
		}
		s.wantRawJSON(t, got.RawJSON, string(r.RawJSON))
		if want := expected(r, got.RawJSON); !reflect.DeepEqual(got, want) {
			t.Errorf("row\n%s\nwant\n%s", show(got), show(want))
		}
	}
}

func expected(r *store.Record, raw string) row {
	var at *time.Time
	if r.SessionCreatedAt != nil {
		utc := r.SessionCreatedAt.UTC().Round(time.Microsecond)
		at = &utc
	}
	var modified *time.Time
	if r.ModTime != 0 {
		utc := time.UnixMicro(r.ModTime / 1000).UTC()
		modified = &utc
	}
	return row{
		r.FileHash, r.SessionID, r.FileName, r.TableType, r.EventTitle, r.SoftwareVersion, r.HandCount, r.PlayerCount,
		at, r.NASPath, r.GFXPCID, r.SyncSource, modified, raw,
	}
}

func show(r row) string {
	r.RawJSON = "…"
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (s *Subject) wantRawJSON(t *testing.T, got, want string) {
	t.Helper()
	if s.Verbatim && got != want {
		t.Errorf("raw_json = %q, want %q", got, want)
	}
	if !reflect.DeepEqual(decode(t, got), decode(t, want)) {
		t.Errorf("raw_json = %s, which is not the JSON of %s", got, want)
	}
}

// decode keeps numbers as they are written, because an ID has more digits than a float64.
func decode(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("raw_json %q: %v", text, err)
	}
	return v
}

func everyColumn(t *testing.T, s Subject) {
	full := Record(t, 3, 4)
	full.ModTime = time.Date(2025, 10, 16, 8, 28, 39, 123456789, time.UTC).UnixNano()
	if full.SessionID == nil || *full.SessionID < 1<<53 || full.SessionCreatedAt == nil || full.HandCount == 0 ||
		full.PlayerCount == 0 {
		t.Fatalf("the session made up is no test: %+v", full)
	}
	bare := RecordOf(t, strings.Repeat("f", 32), "b.json",
		[]byte(" {\"a\": \"<>&'\\\"\\\\ 한 \\ud83c\\udca1\", \"n\": 12345678901234567890123, \"f\": 1.50,\r\n\t\"e\": [] }\n"))
	s.upsert(t, full, bare)
	s.want(t, full, bare)
}

func again(t *testing.T, s Subject) {
	a, b := Record(t, 1, 1), Record(t, 2, 1)
	s.upsert(t, a, b)
	s.upsert(t, a, b)
	s.upsert(t, b)
	s.want(t, a, b)
}

func update(t *testing.T, s Subject) {
	a, b := Record(t, 1, 1), Record(t, 2, 1)
	s.upsert(t, a, b)
	a.NASPath, a.FileName, a.GFXPCID, a.SessionID = "moved/x.json", "x.json", "OTHER", nil
	s.upsert(t, a)
	s.want(t, a, b)
}

func allOrNothing(t *testing.T, s Subject) {
	before := Record(t, 9, 1)
	s.upsert(t, before)
	for at := range 3 {
		records := []store.Record{Record(t, 1, 1), Record(t, 2, 1), Record(t, 3, 1)}
		records[at].RawJSON = []byte(s.BadJSON)
		err := s.Remote.Upsert(t.Context(), records)
		var re *store.RemoteError
		if !errors.As(err, &re) || re.Class != store.Rejected {
			t.Errorf("bad row at %d: %v, want a RemoteError of the class Rejected", at, err)
		}
		s.want(t, before)
	}
	good := Record(t, 4, 1)
	s.upsert(t, good)
	s.want(t, before, good)
}

func many(t *testing.T, s Subject) {
	records := make([]store.Record, 500)
	for i := range records {
		records[i] = RecordOf(t, fmt.Sprintf("%032x", i), fmt.Sprintf("%d.json", i), fmt.Appendf(nil, `{"ID":%d}`, i))
	}
	s.upsert(t, records...)
	s.want(t, records...)
}

func ping(t *testing.T, s Subject) {
	for range 2 {
		if err := s.Remote.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	}
	s.want(t)
	s.upsert(t, Record(t, 1, 1))
	if err := s.Remote.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func canceled(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Remote.Upsert(ctx, []store.Record{Record(t, 1, 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Upsert: %v, want the context's error", err)
	}
	if err := s.Remote.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Ping: %v, want the context's error", err)
	}
	s.want(t)
	a := Record(t, 1, 1)
	s.upsert(t, a)
	s.want(t, a)
}

// overlapping lets several agents upsert overlapping sets. The only failure may be contention, after which the caller
// tries again.
func overlapping(t *testing.T, s Subject) {
	var all []store.Record
	for i := range 60 {
		all = append(all, RecordOf(t, fmt.Sprintf("%032x", i), fmt.Sprintf("%d.json", i),
			fmt.Appendf(nil, `{"ID":%d}`, i)))
	}
	var wg sync.WaitGroup
	for agent := range 4 {
		wg.Go(func() {
			for round := range 5 {
				from := (agent + round) * 5
				set := slices.Clone(all[from : from+20])
				err := s.Remote.Upsert(t.Context(), set)
				for tries := 0; err != nil && store.ClassOf(err) == store.Contention && tries < 20; tries++ {
					err = s.Remote.Upsert(t.Context(), set)
				}
				if err != nil {
					t.Errorf("agent %d, round %d: %v", agent, round, err)
				}
			}
		})
	}
	wg.Wait()
	s.want(t, all[:55]...)
}
