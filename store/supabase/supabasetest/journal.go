package supabasetest

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Request is what the server noted of a request.
type Request struct {
	Method    string
	Path      string
	Query     url.Values
	Header    http.Header
	BodyBytes int
	Rows      int // objects in the body of a POST, rows in the answer of others
	Status    int // 0 while it is worked on, and when it was never answered
	At        time.Time
}

// journalSize bounds what a long random test keeps.
const journalSize = 10_000

type journal struct {
	mu      sync.Mutex
	entries []*Request
}

func (j *journal) add(r *Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.entries) >= journalSize {
		j.entries = slices.Delete(j.entries, 0, journalSize/10)
	}
	j.entries = append(j.entries, r)
}

func (j *journal) update(f func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f()
}

// Requests returns what was received since the start or the last ResetRequests,
// oldest first; of very many the newest 9,000 at least.
func (s *Server) Requests() []Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	all := make([]Request, len(s.journal.entries))
	for i, r := range s.journal.entries {
		all[i] = *r
	}
	return all
}

// ResetRequests forgets what was received so far.
func (s *Server) ResetRequests() {
	s.journal.update(func() { s.journal.entries = nil })
}
