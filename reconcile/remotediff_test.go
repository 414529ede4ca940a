package reconcile

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/diff"
)

// eachSubject runs a test on every kind of table.
func eachSubject(t *testing.T, test func(t *testing.T, s *subject, view bool)) {
	for name, open := range subjects {
		t.Run(name, func(t *testing.T) { test(t, open(t), digestViews[name]) })
	}
}

func TestEqualTablesCostOneRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	eachSubject(t, func(t *testing.T, s *subject, view bool) {
		const own = 5
		total := 100_000
		if raced {
			total = 3_000
		}
		most := total/diff.Page + 2           // an attempt at the digest, and the empty page at the end
		differing, afterwards := most, most+1 // five rows more than a full page
		if view {
			most, differing, afterwards = 1, 11, 1
		}
		mine := s.sessionsApart(t, own)
		s.reconcile(t, Quick)
		bulk := md5s(total - own)
		s.insert(t, bulk...)
		s.know(t, bulk...)
		s.compared()
		count := func(what string, most int, mode Mode, pass func(*testing.T, Mode) *Report) *Report {
			t.Helper()
			begin := time.Now()
			r := pass(t, mode)
			n := s.compared()
			t.Logf("%s: %d requests in %v", what, n, time.Since(begin).Round(time.Millisecond))
			if n > most {
				t.Errorf("%s: %d requests, want at most %d", what, n, most)
			}
			return r
		}
		wantSync(t, count("survey of equal tables", most, Quick, s.survey), true)
		wantSync(t, count("pass over equal tables", most, Quick, s.reconcile), true)

		others := othersApart(own, mine)
		s.lose(t, mine...)
		s.insert(t, others...)
		r := count("survey of ten differing rows", differing, Quick, s.survey)
		wantSync(t, r, false)
		if r.RemoteMissing != own || r.RemoteOnly != own {
			t.Errorf("the survey says missing: %d, others: %d, want %d of each", r.RemoteMissing, r.RemoteOnly, own)
		}
		r = count("pass over ten differing rows", differing, Quick, s.reconcile)
		wantSync(t, r, true)
		if r.RemoteMissing != own || r.RemoteOnly != own || r.Uploaded != own {
			t.Errorf("the pass says missing: %d, others: %d, uploaded: %d, want %d of each", r.RemoteMissing, r.RemoteOnly, r.Uploaded, own)
		}
		s.wantAll(t, slices.Concat(mine, others, bulk)...)
		wantSync(t, count("survey afterwards", afterwards, Quick, s.survey), true)
		if n := s.remote.Requests(); n == 0 {
			t.Error("the table counts no requests")
		}
	})
}

// A server may hold back rows without a word: only an empty answer is the end.
func TestADiffThroughShortPages(t *testing.T) {
	t.Parallel()
	eachSubject(t, func(t *testing.T, s *subject, _ bool) {
		mine := s.sessionsApart(t, 6)
		s.reconcile(t, Quick)
		bulk := md5s(400)
		s.insert(t, bulk...)
		s.know(t, bulk...)
		s.remote.pageSize = 3
		if s.server != nil {
			s.remote.pageSize = 0
			s.server.SetMaxRows(3)
		}
		wantSync(t, s.survey(t, Quick), true)
		others := othersApart(6, mine)
		s.lose(t, mine...)
		s.insert(t, others...)
		if r := s.survey(t, Quick); r.RemoteMissing != 6 || r.RemoteOnly != 6 {
			t.Errorf("the survey says missing: %d, others: %d, want 6 of each", r.RemoteMissing, r.RemoteOnly)
		}
		if r := s.reconcile(t, Quick); r.RemoteMissing != 6 || r.RemoteOnly != 6 || r.Uploaded != 6 || !r.InSync {
			t.Errorf("the pass says %+v, want 6 missing, 6 others, 6 uploaded", r)
		}
		s.wantAll(t, slices.Concat(mine, others, bulk)...)
	})
}

func TestRowsThatAppearWhileTheTableIsReadAreNoneLost(t *testing.T) {
	for _, pass := range []string{"survey", "pass"} {
		t.Run(pass, func(t *testing.T) {
			s := withoutDigest(&subject{place: tempPlace(t)})
			mine := slices.Collect(maps.Values(s.writeSessions(t, 40)))
			s.reconcile(t, Quick)
			s.remote.pageSize = 3
			inserted := 0
			s.remote.onCall(func(call string) {
				if call == "hashes" && inserted < 20 {
					inserted++
					s.insert(t, fmt.Sprintf("%032x", inserted), fmt.Sprintf("8%031x", inserted), fmt.Sprintf("f%031x", inserted))
				}
			})
			run := s.reconcile
			if pass == "survey" {
				run = s.survey
			}
			r := run(t, Quick)
			wantSync(t, r, true)
			if r.RemoteMissing != 0 || r.Uploaded != 0 || inserted < 10 {
				t.Errorf("missing: %d, uploaded: %d, want none (%d times inserted)", r.RemoteMissing, r.Uploaded, inserted)
			}
			s.remote.onCall(nil)
			if s.reconcile(t, Quick); len(s.rows(t)) != len(mine)+3*inserted {
				t.Errorf("%d rows, want %d", len(s.rows(t)), len(mine)+3*inserted)
			}
		})
	}
}

// sending has the agent upload a new file after each page that is read, before it is compared.
func (s *subject) sending(t *testing.T, w *worker) (sent *int) {
	sent = new(int)
	s.remote.change(func() {
		s.remote.after = func() {
			if *sent < 10 {
				*sent++
				s.sendNew(t, w, *sent)
			}
		}
	})
	return sent
}

func (s *subject) sendNew(t *testing.T, w *worker, number int) {
	key := fileid.ID{Path: fmt.Sprintf("new%d.json", number)}
	s.session(t, key.Path, 1000+number, 1)
	changes{w.Agent, ""}.Changed(key.Path, time.Now())
	eventually(t, "the new file is synced", func() bool {
		e, _, err := w.state.Index.Get(context.Background(), key)
		return err == nil && e.State == hashindex.Synced
	})
}

func TestWhatIsUploadedWhileTheTableIsReadIsNotLost(t *testing.T) {
	for _, pass := range []string{"survey", "pass"} {
		t.Run(pass, func(t *testing.T) {
			s := withoutDigest(&subject{place: tempPlace(t)})
			s.writeSessions(t, 60)
			s.reconcile(t, Quick)
			s.remote.pageSize = 20
			w := s.work(t)
			before := w.counts()
			sent := s.sending(t, w)
			var r *Report
			if pass == "survey" {
				r = s.survey(t, Quick)
			} else {
				r = w.pass(deadline(t), Quick, PassOptions{}, nil)
			}
			if r.RemoteMissing != 0 || !r.InSync || *sent < 3 {
				t.Errorf("missing: %d, in sync: %v, %d files", r.RemoteMissing, r.InSync, *sent)
			}
			// An upload is counted after it is written down.
			eventually(t, "each file is uploaded once", func() bool {
				return w.counts().uploaded-before.uploaded == int64(*sent)
			})
		})
	}
}

func TestRowsOfOtherAgentsAreCountedAndLeftAlone(t *testing.T) {
	eachSubject(t, func(t *testing.T, s *subject, view bool) {
		mine := s.sessionsApart(t, 5)
		others := othersApart(20, nil)
		s.insert(t, others...)
		s.cfg.DeleteSuperseded = true
		for i := range 2 {
			s.compared()
			r := s.reconcile(t, Quick)
			wantSync(t, r, true)
			if r.RemoteOnly != len(others) || r.RemoteMissing != 0 || r.Deleted != 0 {
				t.Errorf("pass %d: others: %d, missing: %d, deleted: %d", i, r.RemoteOnly, r.RemoteMissing, r.Deleted)
			}
			if n := s.compared(); view && i > 0 && n != 1 {
				t.Errorf("pass %d: %d requests, want 1: they are known", i, n)
			}
			s.wantAll(t, slices.Concat(mine, others)...)
		}
	})
}

func TestMalformedHashesAreNoDrift(t *testing.T) {
	eachSubject(t, func(t *testing.T, s *subject, _ bool) {
		mine := s.sessionsApart(t, 5)
		strange := []string{
			"", "a", "abc", "zz", strings.Repeat("z", 32), strings.Repeat("A", 32), "0123456789ABCDEF0123456789abcdef", strings.ToUpper(mine[0]),
			"0123456789abcdefZZ", mine[1] + " ", " " + mine[2], "한글", mine[3][:15], "'; --", "a,b", `"q"`, "%", "(x)",
		}
		strange = append(strange, strings.Repeat("5", 64)) // well formed, of an agent with SHA-256
		s.insert(t, strange...)
		for i := range 3 {
			s.compared()
			r := s.reconcile(t, Quick)
			wantSync(t, r, true)
			if r.RemoteMissing != 0 || r.RemoteOnly != 1 || (i > 0 && r.Uploaded != 0) {
				t.Errorf("pass %d: missing: %d, others: %d, uploaded: %d", i, r.RemoteMissing, r.RemoteOnly, r.Uploaded)
			}
			t.Logf("pass %d: %d requests", i, s.compared())
			s.wantAll(t, slices.Concat(mine, strange)...)
		}
		wantSync(t, s.survey(t, Full), true)
	})
}

func TestWhatTheTableOrTheIndexHasForgotten(t *testing.T) {
	t.Parallel()
	all := `DELETE FROM gfx_sessions`
	for name, test := range map[string]struct {
		table, index string
		uploads      int64
	}{
		"a third of the rows":  {`DELETE FROM gfx_sessions WHERE id % 3 = 0`, ``, 20},
		"all rows":             {all, ``, 60},
		"what the remote had":  {``, `DELETE FROM remote_hashes`, 0},
		"both":                 {all, `DELETE FROM remote_hashes`, 60},
		"all files":            {``, `DELETE FROM files`, 0},
		"all files, all rows":  {all, `DELETE FROM files`, 60},
		"who uploaded the row": {``, `UPDATE remote_hashes SET own = 0`, 0},
	} {
		for _, view := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, view %v", name, view), func(t *testing.T) {
				p := tempPlace(t)
				p.remote.noDigest = !view
				mine := slices.Collect(maps.Values(p.writeSessions(t, 60)))
				p.reconcile(t, Quick)
				onFile(t, p.tableDB, test.table)
				onFile(t, p.cfg.QueueDB, test.index)
				r := p.reconcile(t, Quick)
				wantSync(t, r, true)
				if r.Uploaded != test.uploads {
					t.Errorf("%d uploads, want %d", r.Uploaded, test.uploads)
				}
				p.wantRows(t, mine...)
				wantSync(t, p.survey(t, Full), true)
			})
		}
	}
}

// syncBuffer is a log that an agent writes and the test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestTheLackOfADigestIsSaidOnce(t *testing.T) {
	p := tempPlace(t)
	p.remote.noDigest = true
	var log syncBuffer
	p.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	w := p.work(t)
	for range 3 {
		w.pass(t.Context(), Quick, PassOptions{}, nil)
	}
	if n := strings.Count(log.String(), "page by page"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log.String())
	}
}
