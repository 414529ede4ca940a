package supabase_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

const handsFunction = `CREATE FUNCTION gfx_session_hands(gfx_sessions) RETURNS integer LANGUAGE sql STABLE AS
	$$ SELECT CASE WHEN jsonb_typeof($1.raw_json->'Hands') = 'array' THEN jsonb_array_length($1.raw_json->'Hands')
		WHEN $1.raw_json IS NOT NULL THEN 0 END $$`

func bySession(t *testing.T, s *supabasetest.Server, log *logBuffer) *supabase.Remote {
	t.Helper()
	return keyed(t, s, store.BySession, log)
}

// The number of hands comes from the content, with the function or without it. It never comes from the column
// hand_count.
func TestHandsAreCountedInTheContent(t *testing.T) {
	t.Parallel()
	s := supabasetest.New(t)
	lists := map[int]string{100: `{"1":{},"2":{}}`, 101: `null`, 102: `"[1,2]"`, 103: `[null]`, 104: `[null,[],3]`}
	want := []int{}
	var rows []store.SessionRow
	for session := range 110 {
		n := []int{0, 1, 2, 14, 15, 16, 17, 31, 32, 33, 180, 300}[session%12]
		list := "[" + strings.TrimSuffix(strings.Repeat("{},", n), ",") + "]"
		switch session {
		case 100, 101, 102:
			n, list = 0, lists[session]
		case 103, 104:
			n, list = []int{1, 3}[session-103], lists[session]
		}
		s.Exec(t, `INSERT INTO gfx_sessions (session_id, file_hash, raw_json, hand_count)
			VALUES ($1, $2, $3::text::jsonb, 9999)`,
			session, fmt.Sprint(session), `{"Hands":`+list+`}`)
		rows, want = append(rows, store.SessionRow{Session: int64(session)}), append(want, n)
	}
	rows, want = append(rows, store.SessionRow{Session: 5000}), append(want, 0) // this session has no row any more
	var log logBuffer
	r := bySession(t, s, &log)
	check := func(name string, most int) {
		t.Helper()
		s.ResetRequests()
		got, err := r.CountHands(t.Context(), rows)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v\nwant %v", name, got, err, want)
		}
		if n := len(s.Requests()); n > most {
			t.Errorf("%s: %d requests for %d rows, want at most %d", name, n, len(rows), most)
		}
	}
	check("without the function", 45)
	check("again", 44)
	if n := strings.Count(log.String(), "gfx_session_hands"); n != 1 {
		t.Errorf("the function was missed %d times, want once:\n%s", n, log.String())
	}
	s.Exec(t, handsFunction)
	r = bySession(t, s, &log)
	check("with the function", 3)
	s.Exec(t, `REVOKE EXECUTE ON FUNCTION gfx_session_hands FROM public, service_role`)
	r = bySession(t, s, &log)
	check("with a function that may not be used", 45)
	s.Exec(t, `DROP FUNCTION gfx_session_hands; ALTER TABLE gfx_sessions ALTER raw_json TYPE json`)
	r = bySession(t, s, &log)
	check("in json", 46)
}

func TestRowsTellWhenTheirFilesWereWritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, typ, value string
		want             int64
	}{
		{"with a time zone", "timestamptz", "2025-10-16T17:28:39.123456+09:00", 1760603319_123456_000},
		{"without", "timestamp", "2025-10-16T08:28:39.1", 1760603319_100000_000},
		{"none", "timestamptz", "", 0},
		{"never", "timestamptz", "infinity", 0},
		{"no column", "", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(
				`CREATE TABLE gfx_sessions (session_id bigint UNIQUE, file_hash text, raw_json jsonb)`))
			s.Exec(t, `INSERT INTO gfx_sessions VALUES (1, 'a', '{}'), (2, 'b', null)`)
			if tt.typ != "" {
				s.Exec(t, `ALTER TABLE gfx_sessions ADD file_modified_at `+tt.typ)
			}
			if tt.value != "" {
				s.Exec(t, `UPDATE gfx_sessions SET file_modified_at = '`+tt.value+`'`)
			}
			r := bySession(t, s, &logBuffer{})
			want := []store.SessionRow{{Session: 1, FileHash: "a", ModTime: tt.want}}
			for range 2 {
				page, err := r.Sessions(t.Context(), math.MinInt64, 10)
				if err != nil || !slices.Equal(page, want) {
					t.Errorf("%+v, %v, want %+v: a row without content is none", page, err, want)
				}
			}
			if of, err := r.SessionRows(t.Context(), []int64{1, 2}); err != nil || !slices.Equal(of, want) {
				t.Errorf("%+v, %v, want %+v", of, err, want)
			}
		})
	}
}

// Some servers refuse a comparison with an empty text or with the smallest number. Rows with nulls are left out even
// without it.
func TestTheFirstPageComparesWithNothing(t *testing.T) {
	t.Parallel()
	var queries []string
	r := answering(t, func(w http.ResponseWriter, req *http.Request) {
		queries = append(queries, req.URL.RawQuery)
		_, _ = w.Write([]byte("[]"))
	})
	if _, err := r.Hashes(t.Context(), "", 5); err != nil {
		t.Error(err)
	}
	if _, err := r.Sessions(t.Context(), math.MinInt64, 5); err != nil {
		t.Error(err)
	}
	for i, column := range []string{"file_hash", "session_id"} {
		if strings.Contains(queries[i], "gt.") || !strings.Contains(queries[i], column+"=not.is.null") {
			t.Errorf("the first page asks for %s", queries[i])
		}
	}
	if _, err := r.Hashes(t.Context(), "a", 5); err != nil || !strings.Contains(queries[2], "file_hash=gt.a") {
		t.Errorf("the next page asks for %s: %v", queries[2], err)
	}
}

func TestRowsWithoutAKeyAreAnError(t *testing.T) {
	t.Parallel()
	r := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`[{"file_hash":null,"session_id":null}]`))
	})
	_, hashes := r.Hashes(t.Context(), "", 5)
	_, sessions := r.Sessions(t.Context(), math.MinInt64, 5)
	for column, err := range map[string]error{"file_hash": hashes, "session_id": sessions} {
		if re := remoteError(t, err, store.Outage); !strings.Contains(re.Message, "without "+column) || re.Hint == "" {
			t.Errorf("%v: which column, and what is to be done?", re)
		}
	}
}

// A server that ignores the filter answers that a session has a hand at every index.
func TestASearchForHandsEnds(t *testing.T) {
	t.Parallel()
	requests := 0
	r := answering(t, func(w http.ResponseWriter, req *http.Request) {
		if requests++; strings.Contains(req.URL.Query().Get("select"), "gfx_session_hands") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"code":"42703","message":"column gfx_sessions.gfx_session_hands does not exist"}`))
			return
		}
		_, _ = w.Write([]byte(`[{"session_id":1}]`))
	})
	_, err := r.CountHands(t.Context(), []store.SessionRow{{Session: 1}})
	if re := remoteError(t, err, store.Outage); re.Hint == "" || requests > 70 {
		t.Errorf("%v after %d requests", err, requests)
	}
}
