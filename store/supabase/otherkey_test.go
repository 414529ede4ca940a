package supabase_test

import (
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
	"github.com/gfxsync/gfxsync/store/supabase/supabasetest"
)

func TestARowThatAnotherUniqueConstraintRefuses(t *testing.T) {
	t.Parallel()
	const sessions = `alter table gfx_sessions add unique (session_id), add unique (file_hash)`
	for name, tc := range map[string]struct {
		sql   string
		by    store.ConflictKey
		again func(*store.Record) // changes the first row into the second
		other string
		hint  string
	}{
		"the second save of a session": {
			bare + sessions, store.ByHash, func(r *store.Record) { r.FileHash = strings.Repeat("0", 32) },
			"session_id", "the table is unique on session_id as well: set GFX_SYNC_ON_CONFLICT=session_id (or " +
				"leave it at auto)",
		},
		"the same content of a second PC": {
			bare + `alter table gfx_sessions add unique (file_hash, gfx_pc_id), add unique (file_hash)`,
			store.ByPCAndHash,
			func(r *store.Record) { r.GFXPCID = "PC02" }, "file_hash",
			"set GFX_SYNC_ON_CONFLICT=file_hash (or leave it at auto)",
		},
		"the same content as another session": {
			bare + sessions, store.BySession,
			func(r *store.Record) { *r.SessionID++ }, "file_hash", "",
		},
		"something else": {
			bare + `alter table gfx_sessions add unique (file_hash), add unique (gfx_pc_id)`, store.ByHash,
			func(r *store.Record) { r.FileHash = strings.Repeat("0", 32); *r.SessionID++ }, "gfx_pc_id", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := supabasetest.New(t, supabasetest.WithSQL(tc.sql))
			r := remoteAt(t, s.URL, s.SecretKey, func(o *supabase.Options) { o.Conflict = tc.by })
			row := madeUp(t)[0]
			session := *row.SessionID
			row.SessionID = &session
			if err := r.Upsert(t.Context(), []store.Record{row}); err != nil {
				t.Fatal(err)
			}
			tc.again(&row)
			re := remoteError(t, r.Upsert(t.Context(), []store.Record{row}), store.Rejected)
			if re.OtherKey != tc.other || tc.hint == "" && strings.Contains(re.Hint, "GFX_SYNC") ||
				!strings.Contains(re.Error(), tc.hint) {
				t.Errorf("%+v", re)
			}
		})
	}
}
