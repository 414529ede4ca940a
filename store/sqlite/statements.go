package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
)

// maxStatements is how many prepared statements a connection keeps. gfxsync has about a hundred, of which a few make up
// the work on a file.
const maxStatements = 64

// statements are the prepared statements of one connection, by their text. To parse and plan a statement takes SQLite
// longer than to run it on a row or two, and the same few are run for every file. A connection is used by one goroutine
// at a time.
type statements struct {
	conn sqliteConn
	kept map[string]*prepared
}

type prepared struct {
	sqliteStmt
	used bool // its rows are being read
}

// mayKeep says whether a statement does all its work when it is run. A PRAGMA may do it when it is prepared (SQLite
// documentation, "PRAGMA Statements"), and of several statements in one text only the first is prepared.
func mayKeep(query string) bool {
	for verb := range strings.FieldsSeq(query) {
		switch strings.ToUpper(verb) {
		case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
			return !strings.Contains(query, ";")
		}
		break
	}
	return false
}

// get returns the statement, whose run must be followed by free; nil if it is to be run without being kept, because it
// is of another kind or its rows are still being read.
func (s *statements) get(ctx context.Context, query string) (*prepared, error) {
	if p, ok := s.kept[query]; ok {
		if p.used {
			return nil, nil
		}
		p.used = true
		return p, nil
	}
	if !mayKeep(query) {
		return nil, nil
	}
	if len(s.kept) >= maxStatements {
		if err := s.dropOne(); err != nil {
			return nil, err
		}
	}
	inner, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p := &prepared{inner.(sqliteStmt), true}
	if s.kept == nil {
		s.kept = map[string]*prepared{}
	}
	s.kept[query] = p
	return p, nil
}

func (p *prepared) free() { p.used = false }

// dropOne drops any that is not in use: the next use prepares it again.
func (s *statements) dropOne() error {
	for query, p := range s.kept {
		if !p.used {
			delete(s.kept, query)
			return p.Close()
		}
	}
	return nil
}

func (s *statements) close() error {
	var err error
	for _, p := range s.kept {
		err = errors.Join(err, p.Close())
	}
	s.kept = nil
	return err
}

// keptRows are the rows of a statement that is kept.
type keptRows struct {
	driver.Rows
	of *prepared
}

func (r *keptRows) Close() error {
	defer r.of.free()
	return r.Rows.Close()
}
