package reconcile

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/hostile"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// run has an agent work in the place until the test ends.
func (p *place) run(t *testing.T) *Agent {
	t.Helper()
	a, err := Open(t.Context(), p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// Whatever lies in the folder, each file becomes a row, or is named with a reason before it is sent: exactly those
// that PostgreSQL would refuse. The sessions between them arrive all the same.
func TestHostileFilesStopNothing(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, supabase.SchemaSQL("public", "gfx_sessions", store.ByHash))
	s.cfg.Delivery.QueueInterval, s.cfg.Delivery.BatchSize = 10*time.Millisecond, 100
	good := map[string]bool{}
	for _, hash := range s.writeSessions(t, 50) {
		good[hash] = true
	}
	files := append(hostile.Files(), hostile.Large(1<<17)...)
	for i, f := range files {
		s.write(t, fmt.Sprintf("%c/%d %s.json", 'a'+i%26, i, f.Name), f.Content)
	}
	want := s.verdicts(t, files)
	a := s.run(t)
	var st Status
	eventually(t, "every file has its place", func() bool {
		var err error
		if st, err = ReadStatus(t.Context(), a.state); err != nil {
			t.Fatal(err)
		}
		return st.Files == len(files)+50 && st.Pending == 0 && st.Queued == 0 && a.Idle()
	})
	if st.Synced+st.Invalid+len(dump(t, s.cfg.QueueDB, `SELECT path FROM files WHERE state = 'dead'`)) != st.Files {
		t.Errorf("%d files, but %+v", st.Files, st)
	}
	if st.Link != linkOnline {
		t.Errorf("the link is %s: %s", st.Link, st.LinkError)
	}
	rows := map[string]bool{}
	for _, hash := range s.rows(t) {
		rows[hash] = true
	}
	for hash := range good {
		if !rows[hash] {
			t.Errorf("the session %s has not arrived", hash)
		}
	}
	s.checkVerdicts(t, files, want, rows)
}

// A row that makes PostgreSQL fail in its own way, or think for longer than anybody waits, looks like an outage.
func TestRowsThatLookLikeAnOutageKeepNobodyBack(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, supabase.SchemaSQL("public", "gfx_sessions", store.ByHash))
	s.server.Exec(t, `CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.event_title = 'slow' THEN PERFORM pg_sleep(8); RAISE EXCEPTION 'made up, late'; END IF;
		IF NEW.event_title ~ '^[0-9A-Z]{5}$' THEN RAISE EXCEPTION 'made up' USING ERRCODE = NEW.event_title; END IF;
		RETURN NEW; END $$`)
	s.server.Exec(t, `CREATE TRIGGER stumble BEFORE INSERT ON gfx_sessions FOR EACH ROW EXECUTE FUNCTION stumble()`)
	s.remote.Table = supabaseAt(t, s.server.URL, s.server.SecretKey, 5*time.Second)
	// Few in a request: each that holds the slow row takes the whole timeout. And what was given up goes on in PostgreSQL, with locks on
	// its rows, for less than the next timeout.
	s.cfg.Delivery.QueueInterval, s.cfg.Delivery.BatchSize = 10*time.Millisecond, 4
	s.writeSessions(t, 20)
	bad := []string{"slow", "XX000", "54001", "53200", "P0004", "38000"}
	for _, title := range bad {
		s.write(t, "a "+title+".json", []byte(`{"EventTitle":"`+title+`"}`))
	}
	s.run(t)
	eventually(t, "each has its place", func() bool {
		return len(dump(t, s.cfg.QueueDB, `SELECT path FROM files WHERE state = 'dead'`)) == len(bad) && len(s.rows(t)) == 20
	})
	for _, reason := range dump(t, s.cfg.QueueDB, `SELECT error FROM files WHERE state = 'dead'`) {
		if !strings.Contains(reason, "made up") && !strings.Contains(reason, "deadline") {
			t.Errorf("a record is dead because of %q", reason)
		}
	}
}

// verdicts asks PostgreSQL itself, record by record, what is to become of the files: "invalid", "dead" or "synced".
func (s *subject) verdicts(t *testing.T, files []hostile.File) (want []hashindex.State) {
	t.Helper()
	for i, f := range files {
		r, err := store.MakeRecord(store.Origin{Source: fileid.ID{Path: "x.json"}, FileHash: fmt.Sprint(i)}, f.Content)
		if err != nil {
			want = append(want, hashindex.Invalid)
			continue
		}
		_, err = s.server.DB().Exec(t.Context(), `SELECT r.* FROM json_to_recordset($1::text::json) AS
			r (raw_json jsonb, event_title text, software_version text, session_id bigint, session_created_at timestamptz)`,
			"["+strings.ToValidUTF8(string(r.AppendJSON(nil, nil)), "")+"]")
		if err != nil {
			want = append(want, hashindex.Dead)
			continue
		}
		want = append(want, hashindex.Synced)
	}
	return want
}

func (s *subject) checkVerdicts(t *testing.T, files []hostile.File, want []hashindex.State, rows map[string]bool) {
	t.Helper()
	type place struct{ state, reason string }
	places := map[string]place{}
	for _, line := range dump(t, s.cfg.QueueDB, `SELECT file_hash, state, error FROM files`) {
		hash, rest, _ := strings.Cut(line, "|")
		state, reason, _ := strings.Cut(rest, "|")
		places[hash] = place{state, reason}
	}
	counts := map[hashindex.State]int{}
	for i, f := range files {
		hash := hashindex.XXH3.Sum(f.Content)
		p := places[hash]
		counts[want[i]]++
		if p.state != string(want[i]) {
			t.Errorf("%s is %s (%s), want %s", f.Name, p.state, p.reason, want[i])
		}
		if rows[hash] != (p.state == string(hashindex.Synced)) {
			t.Errorf("%s is %s, and a row is there: %v", f.Name, p.state, rows[hash])
		}
		if p.state != string(hashindex.Synced) && p.reason == "" {
			t.Errorf("%s is %s without a reason", f.Name, p.state)
		}
	}
	for _, state := range []hashindex.State{hashindex.Synced, hashindex.Invalid} {
		if counts[state] < 100 {
			t.Errorf("%d files are %s: the corpus is no test of that", counts[state], state)
		}
	}
	if counts[hashindex.Dead] != 0 {
		t.Errorf("PostgreSQL refuses %d files, which were to be invalid before they are sent", counts[hashindex.Dead])
	}
	t.Logf("%d hostile files: %v", len(files), counts)
}
