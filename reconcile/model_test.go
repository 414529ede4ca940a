package reconcile

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/sample"
)

// model is what the table must come to, known from what was done to the folder and to the table alone.
type model struct {
	files   map[string]*modelFile
	ever    map[string][]byte // the raw JSON of every valid content that was ever on disk, by hash
	foreign map[string]bool   // hashes of another agent's rows
	refused map[string]bool   // hashes that the remote did not accept at some time
	lost    map[string]bool   // hashes whose rows were deleted since index and table were last compared
	next    int               // seed of the next session, and number of the next file
}

// modelFile is a file that is on disk.
type modelFile struct {
	session *sample.Session
	content []byte // all of it
	whole   bool   // all of it is written
	valid   bool   // it is a session
	unseen  bool   // it was changed since its size and time were
}

func newModel() *model {
	return &model{
		files: map[string]*modelFile{}, ever: map[string][]byte{}, foreign: map[string]bool{},
		refused: map[string]bool{}, lost: map[string]bool{},
	}
}

func (m *model) number() int {
	m.next++
	return m.next
}

// put says that a file has this content now.
func (m *model) put(path string, f *modelFile) {
	m.files[path] = f
	if f.whole && f.valid {
		m.ever[hashindex.XXH3.Sum(f.content)] = bytes.TrimPrefix(f.content, []byte("\xef\xbb\xbf"))
	}
}

// rename moves a file, or every file below a directory.
func (m *model) rename(from, to string) {
	for _, path := range m.paths() {
		if path == from || strings.HasPrefix(path, from+"/") {
			f := m.files[path]
			delete(m.files, path)
			m.files[to+strings.TrimPrefix(path, from)] = f
		}
	}
}

func (m *model) paths() []string { return slices.Sorted(maps.Keys(m.files)) }

// promised returns the hashes of the contents on disk that must be rows after a pass, if the remote accepts them.
//
//	depth   does not see
//	-----   -------------------------------------------------------------------------
//	scan    rows that were deleted; and what a quick pass does not see
//	quick   a change that left size and time as they were; that a dead letter would be accepted by now
//	full    nothing
func (m *model) promised(depth Mode) map[string]bool {
	hashes := map[string]bool{}
	for _, f := range m.files {
		if !f.whole || !f.valid {
			continue
		}
		hash := hashindex.XXH3.Sum(f.content)
		switch {
		case depth != Full && (f.unseen || m.refused[hash]):
		case depth == Scan && m.lost[hash]:
		default:
			hashes[hash] = true
		}
	}
	return hashes
}

// outcome is what is seen when everything is quiet.
type outcome struct {
	depth    Mode
	report   *Report           // of the pass; nil after a scan
	survey   *Report           // of a full survey after a full pass
	rows     map[string]string // raw_json by hash
	waiting  []string          // hashes in the queue
	dead     []string
	rejected map[string]bool // hashes that the remote does not accept
}

// check says what of the outcome is not as it must be.
func (m *model) check(o *outcome) error {
	clean := true
	for hash := range m.promised(o.depth) {
		raw, ok := o.rows[hash]
		switch {
		case o.rejected[hash] && !ok:
			clean = false
		case !ok:
			return fmt.Errorf("after a %s pass the table lacks %s", o.depth, hash)
		case raw != string(m.ever[hash]) && !m.foreign[hash]:
			return fmt.Errorf("the row of %s holds %q, and the file %q", hash, raw, m.ever[hash])
		}
	}
	for hash := range o.rows {
		if m.ever[hash] == nil && !m.foreign[hash] {
			return fmt.Errorf("the table has %s, which was never on disk", hash)
		}
	}
	for _, hash := range slices.Concat(o.waiting, o.dead) {
		if clean = false; !o.rejected[hash] && (o.depth == Full || !m.refused[hash]) {
			return fmt.Errorf("after a %s pass %s is left in the queue", o.depth, hash)
		}
	}
	for name, r := range map[string]*Report{"report": o.report, "survey": o.survey} {
		if r == nil {
			continue
		}
		// What was refused may have lost its file since, and then no record either.
		known := o.depth == Full || len(m.refused) == 0
		if r.Outcome != Complete || known && r.InSync != clean || r.InSync && !clean {
			return fmt.Errorf("the %s says %s, in sync: %v, want %v: %+v", name, r.Outcome, r.InSync, clean, r)
		}
	}
	return nil
}
