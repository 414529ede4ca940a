package supabasetest

import (
	"sync"
	"time"
)

// A project's limits before anybody changes them: "Max rows" in the API
// settings, and the authenticator's statement_timeout, which service_role
// inherits. supabase.com/docs/guides/database/postgres/timeouts
const (
	defaultMaxRows          = 1000
	defaultStatementTimeout = 8 * time.Second
	noBodyLimit             = int64(-1)
)

type limits struct {
	maxRows   int
	bodyLimit int64
	timeout   time.Duration

	noOpenAPI    bool
	integerNames bool
	txOverride   bool
}

type settingsNow struct {
	mu  sync.Mutex
	now limits
}

func (s *settingsNow) reset() {
	s.change(func(l *limits) {
		*l = limits{maxRows: defaultMaxRows, bodyLimit: noBodyLimit, timeout: defaultStatementTimeout}
	})
}

func (s *settingsNow) change(f func(*limits)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.now)
}

func (s *settingsNow) get() limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// SetMaxRows sets the number of rows no answer exceeds, and no answer mentions.
func (s *Server) SetMaxRows(n int) { s.settings.change(func(l *limits) { l.maxRows = n }) }

// SetBodyLimit answers larger request bodies with 413 and an HTML page, as a
// proxy in front would; negative is no limit.
func (s *Server) SetBodyLimit(n int64) { s.settings.change(func(l *limits) { l.bodyLimit = n }) }

// SetStatementTimeout sets the statement_timeout of the API's roles; 0 is none.
func (s *Server) SetStatementTimeout(d time.Duration) {
	s.settings.change(func(l *limits) { l.timeout = d })
}

// SetOpenAPI says whether the root tells what tables there are. docs.postgrest.org,
// Configuration, openapi-mode: follow-privileges, the default, or disabled.
func (s *Server) SetOpenAPI(on bool) { s.settings.change(func(l *limits) { l.noOpenAPI = !on }) }

// SetIntegerNames says whether the root names the types of integers as PostgreSQL
// does. PostgREST before 14.8 did; since then they are int32 and int64.
func (s *Server) SetIntegerNames(on bool) {
	s.settings.change(func(l *limits) { l.integerNames = on })
}

// SetTxOverride says whether a request may ask for its transaction to be rolled
// back. docs.postgrest.org, Configuration, db-tx-end: commit, the default, or
// commit-allow-override.
func (s *Server) SetTxOverride(on bool) { s.settings.change(func(l *limits) { l.txOverride = on }) }
