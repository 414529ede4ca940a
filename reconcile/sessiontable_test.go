package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gfxsync/gfxsync/store"
)

// sessionTable is a table with one row for each session, which remembers what its rows have been.
type sessionTable struct {
	store.Table // nil: what it does not have is not asked for

	mu        sync.Mutex
	rows      map[int64]store.Record
	been      map[int64][]store.Record // the rows that each session has had since a test last changed one
	down      bool
	afterDone int // so many upserts are done, and fail nevertheless
	rejects   map[string]bool
}

func newSessionTable() *sessionTable {
	return &sessionTable{rows: map[int64]store.Record{}, been: map[int64][]store.Record{}, rejects: map[string]bool{}}
}

func (s *sessionTable) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// put makes the row of a session what another agent or an operator has made it; nil removes it.
func (s *sessionTable) put(session int64, r *store.Record) {
	s.change(func() {
		delete(s.rows, session)
		s.been[session] = nil
		if r != nil {
			s.rows[session] = *r
			s.been[session] = []store.Record{*r}
		}
	})
}

func (s *sessionTable) row(session int64) (store.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[session]
	return r, ok
}

func (s *sessionTable) Rename(_ context.Context, hash, path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return outage("nobody answers")
	}
	for session, r := range s.rows {
		if r.FileHash == hash {
			r.NASPath, r.FileName = store.Names(path)
			s.rows[session] = r
		}
	}
	return nil
}

func (s *sessionTable) Upsert(_ context.Context, records []store.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return outage("nobody answers")
	}
	seen := map[int64]bool{}
	for i := range records {
		id := *records[i].SessionID
		if s.rejects[records[i].FileHash] || seen[id] {
			return &store.RemoteError{Class: store.Rejected, Code: "21000", Message: fmt.Sprintf("not acceptable; %d twice: %v", id, seen[id])}
		}
		seen[id] = true
	}
	for i := range records {
		id := *records[i].SessionID
		if s.rows[id].FileHash != records[i].FileHash {
			s.been[id] = append(s.been[id], records[i])
		}
		s.rows[id] = records[i]
	}
	if s.afterDone > 0 {
		s.afterDone--
		return outage("the answer was lost")
	}
	return nil
}

func (s *sessionTable) Ping(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return outage("nobody answers")
	}
	return nil
}

func (s *sessionTable) Sessions(ctx context.Context, after int64, limit int) (page []store.SessionRow, err error) {
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.rows)) {
		if r := s.rows[id]; id > after && len(page) < min(limit, 2) { // a short page is no sign of the end
			page = append(page, rowOf(&r))
		}
	}
	return page, nil
}

func (s *sessionTable) SessionRows(ctx context.Context, sessions []int64) (rows []store.SessionRow, err error) {
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	for _, id := range sessions {
		if r, ok := s.row(id); ok {
			rows = append(rows, rowOf(&r))
		}
	}
	return rows, nil
}

// rowOf keeps microseconds of a time, as PostgreSQL does.
func rowOf(r *store.Record) store.SessionRow {
	return store.SessionRow{
		Session: *r.SessionID, FileHash: r.FileHash, PCID: r.GFXPCID, ModTime: r.ModTime / 1000 * 1000,
	}
}

func (s *sessionTable) CountHands(ctx context.Context, rows []store.SessionRow) ([]int, error) {
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	hands := make([]int, len(rows))
	for i, row := range rows {
		r, _ := s.row(row.Session)
		hands[i] = r.HandCount
	}
	return hands, nil
}

func (s *sessionTable) Has(ctx context.Context, hashes []string) (have []string, err error) {
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if slices.Contains(hashes, r.FileHash) {
			have = append(have, r.FileHash)
		}
	}
	return have, nil
}

func (s *sessionTable) OfPC(string) store.Table { return s }
func (s *sessionTable) Requests() int64         { return 0 }
func (s *sessionTable) Close() error            { return nil }
