package reconcile

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

// strictTable has more constraints than gfxsync knows of, and a row of another agent that is in the way.
const strictTable = `
	drop view gfx_sessions_current;
	alter table gfx_sessions alter column session_id type integer;
	alter table gfx_sessions add constraint one_path unique (nas_path);
	alter table gfx_sessions add constraint no_rehearsal check (event_title <> 'rehearsal');
	create index titles on gfx_sessions (event_title);
	insert into gfx_sessions (file_hash, raw_json, nas_path) values ('of another agent', '{}', 's300.json');`

// unstorable is what no table can hold, by the number of its file: it is never sent.
var unstorable = map[int]struct {
	content string
	reason  error
}{
	3:   {`{"Name":"a\u0000b"}`, store.ErrNUL},
	99:  {`{"Name":"\ud800"}`, store.ErrSurrogate},
	100: {`{"Pot":1e200000}`, store.ErrNumber},
}

// poison is what this table refuses, by the number of its file, and PostgreSQL's words for it.
var poison = map[int]struct{ content, words string }{
	250: {`{"ID":638961999170907267}`, "out of range for type integer"},
	300: {`{"Name":"the path of another agent's row"}`, `"one_path"`},
	451: {`{"EventTitle":"rehearsal"}`, `"no_rehearsal"`},
	499: {`{"EventTitle":"` + strings.Join(md5s(300), "") + `"}`, "54000"}, // longer than an index may hold
}

func TestPoisonousFilesDieAloneAndInPostgreSQLsWords(t *testing.T) {
	t.Parallel()
	s := onPostgres(t, supabase.SchemaSQL("public", "gfx_sessions", store.ByHash)+strictTable)
	s.cfg.MaxRetries = 5
	s.cfg.Delivery.QueueInterval = 100 * time.Millisecond
	for i := range 500 {
		content := poison[i].content + unstorable[i].content
		if content == "" {
			content = fmt.Sprintf(`{"ID":%d,"EventTitle":"Main Event"}`, i)
		}
		s.write(t, fmt.Sprintf("s%03d.json", i), []byte(content))
	}
	// Nothing is sent until all files are known: how many requests it takes to find the bad ones must not depend on
	// who is faster.
	known := make(chan struct{})
	s.remote.onCall(func(call string) {
		if call == "upsert" {
			<-known
		}
	})
	open := sync.OnceFunc(func() { close(known) })
	t.Cleanup(open)
	w := s.running(t)
	eventually(t, "all files are known", func() bool {
		counts, err := w.state.Index.Counts(t.Context())
		return err == nil && counts[hashindex.Pending] == 500-len(unstorable)
	})
	s.remote.onCall(nil)
	open()
	eventually(t, "what is poisonous is dead", func() bool {
		_, dead, err := w.state.Queue.Counts(t.Context())
		counts, cerr := w.state.Index.Counts(t.Context())
		return err == nil && cerr == nil && dead == len(poison) &&
			counts[hashindex.Invalid] == len(unstorable) && w.Idle()
	})
	if want := 500 - len(poison) - len(unstorable); s.server.Count(t, "gfx_sessions") != 1+want {
		t.Errorf("%d rows, want one of another agent and %d", s.server.Count(t, "gfx_sessions"), want)
	}
	requests := s.server.Requests()
	t.Logf("500 files, %d of them poison: %d requests in all", len(poison), len(requests))
	if len(requests) > 120 {
		t.Errorf("%d requests, want at most 120", len(requests))
	}
	for i, p := range poison {
		got := dump(t, s.cfg.QueueDB, fmt.Sprintf(`SELECT dead, retry_count, last_error FROM pending_sync WHERE file_path = 's%03d.json'`, i))
		if len(got) != 1 || !strings.HasPrefix(got[0], "1|5|") || !strings.Contains(got[0], p.words) {
			t.Errorf("s%03d.json in the queue: %q, want it dead after 5 refusals with the words %q", i, got, p.words)
		}
		if got := fileState(t, s.place, fmt.Sprintf("s%03d.json", i)); got != "dead" {
			t.Errorf("s%03d.json is %q in the index, want dead", i, got)
		}
	}

	for i, u := range unstorable {
		got := dump(t, s.cfg.QueueDB, fmt.Sprintf(`SELECT state, error FROM files WHERE path = 's%03d.json'`, i))
		if len(got) != 1 || got[0] != "invalid|"+u.reason.Error() {
			t.Errorf("s%03d.json in the index: %q, want it invalid because %v", i, got, u.reason)
		}
	}

	s.server.ResetRequests()
	s.write(t, "later.json", []byte(`{"ID":1000,"EventTitle":"Main Event"}`))
	w.scheduler.request(Scan)
	eventually(t, "a file that comes later arrives", func() bool { return fileState(t, s.place, "later.json") == "synced" })
	if n := len(s.server.Requests()); n != 1 {
		t.Errorf("%d requests for one more file: the dead are to be left alone", n)
	}
}

// fileState returns what the index says of a file, "" if it does not know it.
func fileState(t fataler, p *place, path string) string {
	t.Helper()
	return strings.Join(dump(t, p.cfg.QueueDB, `SELECT state FROM files WHERE path = '`+path+`'`), " ")
}
