package reconcile

import (
	"context"
	"slices"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
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

// A row whose deletion failed is known as superseded until it is gone.
func TestAFailedDeletionIsTriedAgainByTheNextPass(t *testing.T) {
	p, older, newer := versions(t)
	p.remote.failing["delete"] = true
	for range 2 {
		r := p.try(t, Quick, PassOptions{})
		if r.Outcome != Incomplete || r.InSync || r.Deleted != 0 || r.Superseded != 1 {
			t.Errorf("the deletion fails: %+v", r)
		}
		p.wantRow(t, older, true)
		p.wantRow(t, newer, true)
	}
	delete(p.remote.failing, "delete")
	p.wantDeleted(t, Quick, 1)
	p.wantRow(t, older, false)
	p.wantRow(t, newer, true)
	if r := p.wantDeleted(t, Full, 0); r.Superseded != 0 || r.RemoteOnly != 0 || r.Uploaded != 0 {
		t.Errorf("afterwards: %+v", r)
	}
}

// The server has deleted the row, but the answer was lost, or the agent killed before it could write that down.
func TestADeletionWhoseAnswerIsLostSendsNothingAgain(t *testing.T) {
	p, older, newer := versions(t)
	p.remote.onCall(func(call string) {
		if call == "delete" {
			p.forget(t, older)
		}
	})
	p.remote.failing["delete"] = true
	if r := p.try(t, Quick, PassOptions{}); r.Outcome != Incomplete || r.Deleted != 0 {
		t.Errorf("the answer is lost: %+v", r)
	}
	p.remote.onCall(nil)
	delete(p.remote.failing, "delete")
	r := p.wantDeleted(t, Quick, 0)
	if r.Uploaded != 0 || r.RemoteMissing != 0 || r.Superseded != 0 {
		t.Errorf("the next pass: %+v", r)
	}
	p.wantRow(t, older, false)
	p.wantRow(t, newer, true)
}

// keeping is a remote that acknowledges every deletion, and deletes all but some rows; of these it may refuse to.
type keeping struct {
	store.Table
	kept   map[string]bool
	refuse bool
}

func (k *keeping) OfPC(string) store.Table { return k }

func (k *keeping) Delete(ctx context.Context, hashes []string) error {
	free := slices.DeleteFunc(slices.Clone(hashes), func(h string) bool { return k.kept[h] })
	if len(free) < len(hashes) && k.refuse {
		return &store.RemoteError{Class: store.Rejected, Code: "23503", Message: "another table refers to it"}
	}
	return k.Table.Delete(ctx, free)
}

// Rows that the server does not delete are neither counted as deleted nor forgotten, and the others go.
func TestOnlyRowsThatAreGoneCountAsDeleted(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		p := tempPlace(t)
		const files = 2*supersededStep + 7
		var older []string
		for hands := range 2 {
			for i, path := range slices.Sorted(keys(p.writeSessions(t, files))) {
				hash := p.session(t, path, i, hands+1)
				if hands == 0 {
					older = append(older, hash)
				}
			}
			p.reconcile(t, Quick)
		}
		slices.Sort(older)
		remote := &keeping{Table: p.remote, kept: map[string]bool{older[0]: true, older[files-1]: true}, refuse: refuse}
		p.cfg.Remote, p.cfg.DeleteSuperseded = remote, true
		for _, want := range []int{files - 2, 0} {
			if r := p.try(t, Quick, PassOptions{}); r.Deleted != want || r.Superseded != 2 || r.Outcome != Incomplete {
				t.Errorf("refusing: %v: %d deleted, want %d: %+v", refuse, r.Deleted, want, r)
			}
		}
		clear(remote.kept)
		p.wantDeleted(t, Quick, 2)
		if rows := len(p.hashes(t)); rows != files {
			t.Errorf("%d rows, want %d", rows, files)
		}
	}
}

// What the function of the schema has deleted is no difference, and is not sent again; what a present file has is.
func TestRowsThatTheServerDeletedAsSupersededStayAway(t *testing.T) {
	s := onPostgres(t, supabase.SchemaSQL("public", "gfx_sessions", store.ByHash))
	var versions []string
	for hands := 1; hands <= 4; hands++ {
		versions = append(versions, s.session(t, "s.json", 100, hands))
		s.session(t, "other.json", 7, hands)
		s.reconcile(t, Quick)
	}
	deleted := s.server.QueryStrings(t, `select gfx_sessions_delete_superseded('0 s')`)
	if deleted[0] != "6" {
		t.Fatalf("%s rows deleted, want 6", deleted[0])
	}
	if r := s.survey(t, Quick); !r.InSync || r.RemoteMissing != 0 || r.RemoteOnly != 0 {
		t.Errorf("verify: %+v", r)
	}
	for _, mode := range []Mode{Quick, Full} {
		if r := s.reconcile(t, mode); !r.InSync || r.Uploaded != 0 || r.RemoteMissing != 0 || r.Superseded != 0 {
			t.Errorf("reconcile: %+v", r)
		}
	}
	if rows := s.server.Count(t, "gfx_sessions"); rows != 2 {
		t.Errorf("%d rows, want one for each session", rows)
	}

	// A file with an older content is sent, for it is there, and its row is superseded once more.
	s.session(t, "s.json", 100, 2)
	if r := s.reconcile(t, Quick); !r.InSync || r.Uploaded != 1 {
		t.Errorf("an older version is back: %+v", r)
	}
	deleted = s.server.QueryStrings(t, `select gfx_sessions_delete_superseded('0 s')`)
	if r := s.reconcile(t, Quick); deleted[0] != "1" || r.RemoteMissing != 1 || r.Uploaded != 1 {
		t.Errorf("its row is deleted (%s): %+v", deleted[0], r)
	}
	if got := s.server.QueryStrings(t, `select file_hash from gfx_sessions_current where session_id = (
		select session_id from gfx_sessions where file_hash = $1)`,
		versions[1]); len(got) != 1 || got[0] != versions[3] {
		t.Errorf("readers see %q, want the version with the most hands", got)
	}
}
