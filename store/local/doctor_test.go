package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
	"github.com/gfxsync/gfxsync/store/storetest"
)

func TestCheck(t *testing.T) {
	r, there := open(t)
	if err := r.Upsert(t.Context(), []store.Record{storetest.Record(t, 1, 1)}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	damaged, foreign, empty := filepath.Join(dir, "damaged.db"), filepath.Join(dir, "foreign.db"), filepath.Join(dir, "empty.db")
	if err := os.WriteFile(damaged, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	query(t, foreign, `PRAGMA user_version = 99`)
	for _, tc := range []struct {
		name, path string
		verdict    store.Verdict
		says       string
	}{
		{"there", there, store.OK, there + ": 1 row"},
		{"absent", filepath.Join(dir, "new", "gfx.db"), store.OK, "can be made"},
		{"empty", empty, store.OK, "can be made"},
		{"below a file", filepath.Join(damaged, "gfx.db"), store.Fail, "GFX_SYNC_LOCAL_DB"},
		{"damaged", damaged, store.Fail, "damaged"},
		{"newer", foreign, store.Fail, "newer gfxsync"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := local.Check(t.Context(), tc.path)
			if f.Part != "local" || f.Verdict != tc.verdict || !strings.Contains(f.Text+f.Hint, tc.says) {
				t.Errorf("%+v", f)
			}
			if f.Verdict == store.Fail && f.Hint == "" {
				t.Error("what is the operator to do?")
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("the check has made a directory")
	}
}
