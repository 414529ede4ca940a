package doctor

import (
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/hot"
	"github.com/gfxsync/gfxsync/store"
)

func TestEventsDependOnWhereTheFolderIs(t *testing.T) {
	local := hashindex.FileSystem{Place: hashindex.Local}
	smb := hashindex.FileSystem{Place: hashindex.Network, Name: "SMB"}
	fuse := hashindex.FileSystem{Place: hashindex.Program, Name: "FUSE"}
	often := reconcile.Schedules{Scan: schedule(t, "@every 30s"), Quick: schedule(t, "@every 10m")}
	later := reconcile.Schedules{Quick: schedule(t, "@every 10m")}
	auto, off := reconcile.HotScans{Mode: hot.Auto, Interval: time.Second}, reconcile.HotScans{Mode: hot.Off}
	slower := reconcile.HotScans{Mode: hot.On, Interval: 5 * time.Second}
	for name, tc := range map[string]struct {
		on      hashindex.FileSystem
		s       Setup
		verdict store.Verdict
		says    []string
	}{
		"a disk of this machine": {local, Setup{}, store.OK, []string{"at once"}},
		"a share": {
			smb,
			Setup{Schedules: often, HotScans: auto},
			store.OK,
			[]string{
				"network share (SMB)", "no event tells of what other machines write",
				"lists the folders in which something changed lately every second",
				"all folders by the scan schedule, @every 30s",
			},
		},
		"a share, listed every five seconds": {
			smb, Setup{Schedules: later, HotScans: slower}, store.OK, []string{"every 5s", "reconcile schedule, @every 10m"},
		},
		"a share without hot scans": {
			smb,
			Setup{Schedules: often, HotScans: off},
			store.Warn,
			[]string{"found by the scan schedule, @every 30s", "GFX_SYNC_HOT_SCAN"},
		},
		"a share without a schedule": {
			smb, Setup{HotScans: auto}, store.Fail, []string{"scan schedule, which is empty", "set GFX_SYNC_SCAN_SCHEDULE"},
		},
		"a share without anything": {
			smb, Setup{HotScans: off}, store.Fail, []string{"scan schedule, which is empty", "set GFX_SYNC_SCAN_SCHEDULE"},
		},
		"a mount of a program": {
			fuse, Setup{Schedules: often, HotScans: auto}, store.OK, []string{"FUSE mount", "every second", "@every 30s"},
		},
		"a mount of a program without hot scans": {
			fuse, Setup{Schedules: often, HotScans: off}, store.Warn, []string{"FUSE mount", "scan schedule, @every 30s"},
		},
		"nobody knows": {hashindex.FileSystem{}, Setup{Schedules: often}, store.Skipped, []string{"not tested"}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, events("/mnt/gfx", tc.on, tc.s), "events", tc.verdict, tc.says...)
		})
	}
}
