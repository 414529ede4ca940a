package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
)

// maxStatements is how many prepared statements a connection keeps. gfxsync has about a hundred statements. Only a few
// of them run for every file.
const maxStatements = 64

// stmtCache holds the prepared statements of one connection by their text. SQLite takes longer to prepare a statement
// than to run it on one or two rows. A connection is used by one goroutine at a time, so there is no lock.
type stmtCache struct {
	conn   sqliteConn
	cached map[string]*prepared
}

type prepared struct {
	sqliteStmt
	used bool // its rows are being read
}

// mayCache reports whether a text is one statement that does all its work when it runs. A PRAGMA may do its work when
// it is prepared (SQLite documentation, "PRAGMA Statements"). Preparing a text of several statements prepares only the
// first.
func mayCache(query string) bool {
	for verb := range strings.FieldsSeq(query) {
		switch strings.ToUpper(verb) {
		case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
			return !strings.Contains(query, ";")
		}
		break
	}
	return false
}

// get returns a prepared statement. The caller runs it and then calls free. It returns nil if the statement cannot be
// cached, or if its rows are still being read. The caller then runs it without the cache.
func (s *stmtCache) get(ctx context.Context, query string) (*prepared, error) {
	if p, ok := s.cached[query]; ok {
		if p.used {
			return nil, nil
		}
		p.used = true
		return p, nil
	}
	if !mayCache(query) {
		return nil, nil
	}
	if len(s.cached) >= maxStatements {
		if err := s.evict(); err != nil {
			return nil, err
		}
	}
	inner, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p := &prepared{inner.(sqliteStmt), true}
	if s.cached == nil {
		s.cached = map[string]*prepared{}
	}
	s.cached[query] = p
	return p, nil
}

func (p *prepared) free() { p.used = false }

// evict removes one statement that is not in use.
func (s *stmtCache) evict() error {
	for query, p := range s.cached {
		if !p.used {
			delete(s.cached, query)
			return p.Close()
		}
	}
	return nil
}

func (s *stmtCache) close() error {
	var err error
	for _, p := range s.cached {
		err = errors.Join(err, p.Close())
	}
	s.cached = nil
	return err
}

// cachedRows are the rows of a cached statement.
type cachedRows struct {
	driver.Rows
	stmt *prepared
}

func (r *cachedRows) Close() error {
	defer r.stmt.free()
	return r.Rows.Close()
}
