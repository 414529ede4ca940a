package reconcile

import (
	"slices"
	"testing"
)

// versions makes a place with three files, of which s.json has had two versions, and returns the hashes of these.
func versions(t *testing.T) (p *place, older, newer string) {
	t.Helper()
	p = tempPlace(t)
	p.writeSessions(t, 2)
	older = p.session(t, "s.json", 100, 1)
	p.reconcile(t, Quick)
	newer = p.session(t, "s.json", 100, 2)
	if r := p.reconcile(t, Quick); r.Superseded != 1 || r.Deleted != 0 {
		t.Fatalf("superseded: %d, deleted: %d, want 1 and, not being asked for, 0", r.Superseded, r.Deleted)
	}
	p.cfg.DeleteSuperseded = true
	return p, older, newer
}

func (p *place) wantDeleted(t *testing.T, mode Mode, want int) *Report {
	t.Helper()
	r := p.reconcile(t, mode)
	wantSync(t, r, true)
	if r.Deleted != want {
		t.Errorf("deleted: %d, want %d", r.Deleted, want)
	}
	return r
}

func (p *place) wantRow(t *testing.T, hash string, want bool) {
	t.Helper()
	if has := slices.Contains(p.hashes(t), hash); has != want {
		t.Errorf("the table has %s: %v, want %v", hash, has, want)
	}
}

func TestRowsOfOlderVersionsAreDeletedWhereThatIsAskedFor(t *testing.T) {
	p, older, newer := versions(t)

	p.wantDeleted(t, Quick, 1)
	p.wantRow(t, older, false)
	p.wantRow(t, newer, true)
	p.wantDeleted(t, Full, 0)
	if n := p.remote.counted("delete"); n != 1 {
		t.Errorf("%d requests to delete, want 1", n)
	}
}

func TestManyOlderVersionsAreDeleted(t *testing.T) {
	p := tempPlace(t)
	const files = 2*supersededStep + 7
	for hands := range 3 {
		for i, path := range slices.Sorted(keys(p.writeSessions(t, files))) {
			p.session(t, path, i, hands+1)
		}
		p.reconcile(t, Quick)
	}
	p.cfg.DeleteSuperseded = true
	p.wantDeleted(t, Quick, 2*files)
	if rows := len(p.hashes(t)); rows != files {
		t.Errorf("%d rows, want %d", rows, files)
	}
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestRowsThatStay(t *testing.T) {
	for name, prepare := range map[string]func(p *place, older string){
		"another file has the older content":        func(p *place, _ string) { p.session(t, "copy.json", 100, 1) },
		"another file with it is below a directory": func(p *place, _ string) { p.session(t, "deep/er/copy.json", 100, 1) },
		"the file has gone back to it": func(p *place, _ string) {
			p.session(t, "s.json", 100, 1)
			p.reconcile(t, Quick) // the newer is the older one now
			p.remove(t, "s.json") // and of a file that is gone, all versions stay
		},
		"the file is gone": func(p *place, _ string) { p.remove(t, "s.json") },
		"another agent's": func(p *place, older string) {
			onFile(t, p.cfg.QueueDB, `UPDATE remote_hashes SET own = 0 WHERE file_hash = '`+older+`'`)
		},
		"the file is invalid now": func(p *place, _ string) { p.write(t, "s.json", []byte("{")) },
	} {
		t.Run(name, func(t *testing.T) {
			p, older, _ := versions(t)
			if name == "the file has gone back to it" {
				p.cfg.DeleteSuperseded = false
			}
			prepare(p, older)
			p.cfg.DeleteSuperseded = true
			p.wantDeleted(t, Quick, 0)
			p.wantRow(t, older, true)
			if n := p.remote.counted("delete"); n > 0 {
				t.Errorf("%d requests to delete", n)
			}
		})
	}
}

func TestAnOlderVersionStaysUntilTheNewerIsSeenToBeThere(t *testing.T) {
	p, older, newer := versions(t)
	p.forget(t, newer)
	lost := false
	p.remote.onCall(func(call string) {
		// The pass has sent it again; now it is lost once more, before the pass looks.
		if call == "has" && !lost {
			lost = true
			p.forget(t, newer)
		}
	})
	p.wantDeleted(t, Quick, 0)
	p.wantRow(t, older, true)
	p.remote.onCall(nil)
	p.wantDeleted(t, Quick, 1)
	p.wantRow(t, older, false)
	p.wantRow(t, newer, true)
}

func TestWhileTheRemoteCannotBeAskedNothingIsDeleted(t *testing.T) {
	for _, call := range []string{"digest", "has"} {
		p, older, _ := versions(t)
		p.remote.failing[call] = true
		if r := p.try(t, Quick, PassOptions{}); r.Outcome != Incomplete || r.InSync || r.Deleted != 0 {
			t.Errorf("%s fails: %+v", call, r)
		}
		p.wantRow(t, older, true)
		delete(p.remote.failing, call)
		p.wantDeleted(t, Quick, 1)
		p.wantRow(t, older, false)
	}
}

// What a crash between the two steps of a deletion leaves is a row that nobody knows.
func TestAFailedDeletionLeavesARowTooMany(t *testing.T) {
	p, older, newer := versions(t)
	p.remote.failing["delete"] = true
	if r := p.try(t, Quick, PassOptions{}); r.Outcome != Incomplete || r.InSync {
		t.Errorf("the deletion fails: %+v", r)
	}
	p.wantRow(t, older, true)
	p.wantRow(t, newer, true)
	delete(p.remote.failing, "delete")
	p.wantDeleted(t, Quick, 0) // it is taken for a row of another agent
	p.session(t, "s.json", 100, 1)
	p.wantDeleted(t, Quick, 1) // of the version with two hands, now older
	p.wantRow(t, older, true)
	p.wantRow(t, newer, false)
}
