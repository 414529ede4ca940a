package doctor

import (
	"testing"

	"github.com/gfxsync/gfxsync/store"
)

func TestInotifyLimit(t *testing.T) {
	for _, tc := range []struct {
		folders int
		verdict store.Verdict
		says    string
	}{
		{1, store.OK, "1 folder to watch; all programs of this account together may watch 8000"},
		{6000, store.OK, ""},
		{6001, store.Warn, "sysctl -w fs.inotify.max_user_watches"},
		{8000, store.Warn, ""},
		{8001, store.Fail, "scan schedule alone"},
	} {
		expect(t, inotify(tc.folders, 8000), "inotify", tc.verdict, tc.says)
	}
	for _, f := range watchLimit(1) {
		if f.Verdict == store.Skipped {
			t.Errorf("%+v: the limit of this machine cannot be read", f)
		}
	}
}
