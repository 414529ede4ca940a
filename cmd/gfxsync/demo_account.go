package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	_ "modernc.org/sqlite"
)

// account compares what was on disk with what is in the table.
type account struct {
	lines      []accountLine
	passing    int // saves that the demo overwrote at once
	folded     int // of those, how many gave way to a later save
	duplicates int // rows with a hash that another row has
	unexpected int // rows with a content that was never on disk as a whole
}

type accountLine struct {
	chapter       string
	written, kept int
	lost          []string // paths
}

// drawUp reads the table as anybody might, past the agent and all of its code, and looks up every save by its hash and its bytes.
func (d *demo) drawUp(ctx context.Context) (*account, error) {
	rows, duplicates, err := readTable(ctx, d.tableFile)
	if err != nil {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	a := &account{duplicates: duplicates}
	known := map[string]bool{}
	for _, s := range d.saves {
		known[s.hash] = true
		raw, ok := rows[s.hash]
		ok = ok && raw == string(s.content)
		if s.passing {
			a.passing++
			if !ok {
				a.folded++
			}
			continue
		}
		a.enter(s, ok)
	}
	for hash := range rows {
		if !known[hash] {
			a.unexpected++
		}
	}
	return a, nil
}

// enter counts a save; those of one chapter follow each other.
func (a *account) enter(s *save, ok bool) {
	if len(a.lines) == 0 || a.lines[len(a.lines)-1].chapter != s.chapter {
		a.lines = append(a.lines, accountLine{chapter: s.chapter})
	}
	line := &a.lines[len(a.lines)-1]
	line.written++
	if ok {
		line.kept++
	} else {
		line.lost = append(line.lost, s.path)
	}
}

func readTable(ctx context.Context, file string) (raw map[string]string, duplicates int, err error) {
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, `SELECT file_hash, raw_json FROM gfx_sessions`)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	raw = map[string]string{}
	for rows.Next() {
		var hash, text string
		if err := rows.Scan(&hash, &text); err != nil {
			return nil, 0, err
		}
		if _, again := raw[hash]; again {
			duplicates++
		}
		raw[hash] = text
	}
	return raw, duplicates, rows.Err()
}

func (a *account) total() accountLine {
	all := accountLine{chapter: "All"}
	for _, l := range a.lines {
		all.written += l.written
		all.kept += l.kept
		all.lost = append(all.lost, l.lost...)
	}
	return all
}

// clean says whether the table holds what it should and nothing else.
func (a *account) clean() bool {
	return len(a.total().lost) == 0 && a.duplicates == 0 && a.unexpected == 0
}

func (a *account) print(w io.Writer) {
	t := newTable(w)
	t.AppendHeader(table.Row{"", "written", "in the table", "lost"})
	for _, l := range append(a.lines, a.total()) {
		t.AppendRow(table.Row{"  " + l.chapter, l.written, l.kept, len(l.lost)})
	}
	t.Render()
	for _, path := range a.total().lost {
		fmt.Fprintf(w, "   LOST: %s\n", path)
	}
	fmt.Fprintf(w, "   Compared by hash and byte by byte. Rows that are there twice: %d; rows that nobody wrote: %d.\n", a.duplicates, a.unexpected)
	fmt.Fprintf(w, "   Not counted: %d saves that were overwritten within the time of a batch; %d of them gave way to a later one, as designed.\n",
		a.passing, a.folded)
}
