package doctor

import (
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/hot"
	"github.com/gfxsync/gfxsync/store"
)

// events says how soon the changes in a folder are found, by the operating system's events or without them.
func events(dir string, on hashindex.FileSystem, s Setup) store.Finding {
	f := store.Finding{Part: "events", Verdict: store.OK}
	switch on.Place {
	case hashindex.Local:
		f.Text = "on a disk of this machine: changes are reported at once"
		return f
	case hashindex.Network:
		f.Text = fmt.Sprintf("%s is a network share (%s): no event tells of what other machines write", dir, on.Name)
	case hashindex.Program:
		f.Text = fmt.Sprintf("%s is a %s mount, perhaps of a network share: no event tells of what is written behind "+
			"it", dir, on.Name)
	default:
		f.Verdict = store.Skipped
		f.Text = fmt.Sprintf("not tested: this system does not tell whether %s is a network share", dir)
		return f
	}
	schedule, ever := firstSchedule(s.Schedules)
	scans := s.HotScans.WithDefaults()
	if scans.Mode == hot.Off {
		f.Verdict = store.Warn
		f.Text += "; that is found by the " + schedule
		f.Hint = "set GFX_SYNC_HOT_SCAN to auto: then most saves are found within a second"
	} else {
		f.Text += fmt.Sprintf("; gfxsync lists the folders in which something changed lately %s, and all folders by "+
			"the %s", every(scans.Interval), schedule)
	}
	if !ever {
		f.Verdict, f.Hint = store.Fail, "set GFX_SYNC_SCAN_SCHEDULE, for example to @every 30s"
	}
	return f
}

func every(d time.Duration) string {
	if d == time.Second {
		return "every second"
	}
	return "every " + d.String()
}

// firstSchedule names the schedule of the passes that find a change without an event. Ever says whether there is
// one.
func firstSchedule(s reconcile.Schedules) (name string, ever bool) {
	for _, one := range []struct {
		name string
		reconcile.Schedule
	}{{"scan", s.Scan}, {"reconcile", s.Quick}, {"full", s.Full}} {
		if spec := one.String(); spec != "" {
			return one.name + " schedule, " + spec, true
		}
	}
	return "scan schedule, which is empty", false
}
