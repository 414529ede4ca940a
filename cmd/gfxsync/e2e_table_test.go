//go:build unix

package main

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/sample"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

// judgement is what a table is worth, to one who knows every content that was ever written.
type judgement struct {
	lost     []string // contents that were to be there and are not
	altered  []string // rows that are not what was written under their hash
	invented []string // rows of contents that nobody wrote
	doubled  []string
}

func (j judgement) clean() bool {
	return len(j.lost)+len(j.altered)+len(j.invented)+len(j.doubled) == 0
}

func (j judgement) String() string {
	return fmt.Sprintf("lost %v, altered %v, invented %v, twice there %v", j.lost, j.altered, j.invented, j.doubled)
}

// judge compares gfx_sessions with the contents that were written, of which those in wanted must be there. PostgreSQL's jsonb keeps
// values, not bytes: it compares them itself.
func judge(
	t testing.TB, g *supabasetest.Server, writtenContents map[string][]byte, wanted map[string]bool,
) (j judgement) {
	t.Helper()
	rows := map[string]int{}
	for _, hash := range g.QueryStrings(t, `SELECT file_hash FROM gfx_sessions`) {
		rows[hash]++
	}
	for hash, n := range rows {
		if n > 1 {
			j.doubled = append(j.doubled, hash)
		}
		if writtenContents[hash] == nil {
			j.invented = append(j.invented, hash)
		}
	}
	for hash := range wanted {
		if rows[hash] == 0 {
			j.lost = append(j.lost, hash)
		}
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(writtenContents)), 500) {
		contents := make([]string, len(some))
		for i, hash := range some {
			contents[i] = string(writtenContents[hash])
		}
		j.altered = append(j.altered, g.QueryStrings(t, `
			SELECT file_hash FROM unnest($1::text[], $2::text[]) AS w (hash, content) JOIN gfx_sessions ON file_hash = hash
			WHERE raw_json IS DISTINCT FROM content::jsonb OR session_id::text IS DISTINCT FROM content::jsonb ->> 'ID'`, some, contents)...)
	}
	return j
}

// A judge that finds no fault must be able to.
func TestTheJudgeOfTheTableFindsFault(t *testing.T) {
	t.Parallel()
	g := supabasetest.New(t, supabasetest.WithSQL(`CREATE TABLE gfx_sessions (file_hash text, session_id bigint, raw_json jsonb)`))
	contents, hashes, wanted := map[string][]byte{}, []string{}, map[string]bool{}
	for i := range 6 {
		content := sample.New(i).Play(1).JSON()
		hash := hashindex.XXH3.Sum(content)
		contents[hash], wanted[hash] = content, true
		hashes = append(hashes, hash)
		g.Exec(t, `INSERT INTO gfx_sessions (file_hash, session_id, raw_json) VALUES ($1, ($2::jsonb ->> 'ID')::bigint, $2::jsonb)`, hash, string(content))
	}
	if j := judge(t, g, contents, wanted); !j.clean() {
		t.Errorf("of a table that is as it should be: %v", j)
	}
	g.Exec(t, `DELETE FROM gfx_sessions WHERE file_hash = $1`, hashes[0])
	g.Exec(t, `UPDATE gfx_sessions SET session_id = session_id + 1 WHERE file_hash = $1`, hashes[1])
	g.Exec(t, `UPDATE gfx_sessions SET raw_json = jsonb_set(raw_json, '{Type}', '"x"') WHERE file_hash = $1`, hashes[2])
	g.Exec(t, `INSERT INTO gfx_sessions (file_hash, session_id, raw_json) SELECT file_hash, session_id, raw_json FROM gfx_sessions WHERE file_hash = $1`, hashes[3])
	delete(contents, hashes[4])
	delete(wanted, hashes[4])
	j := judge(t, g, contents, wanted)
	altered := slices.Sorted(slices.Values(hashes[1:3]))
	if !slices.Equal(j.lost, hashes[:1]) || !slices.Equal(slices.Sorted(slices.Values(j.altered)), altered) ||
		!slices.Equal(j.doubled, hashes[3:4]) || !slices.Equal(j.invented, hashes[4:5]) {
		t.Errorf("%v, of %v", j, hashes)
	}
}
