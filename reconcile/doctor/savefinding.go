package doctor

import (
	"fmt"
	"time"

	"github.com/gfxsync/gfxsync/reconcile/hot"
	"github.com/gfxsync/gfxsync/store"
)

// granularity is how coarse the time of a file may be (FAT).
const granularity = 2 * time.Second

// circumstances of a save that are not of the file.
type circumstances struct {
	begin    time.Time     // of the wait
	grace    time.Duration // how long the other way was waited for
	hot      hot.Mode
	interval time.Duration
	deaf     string // why the system tells of no changes; may be empty
	schedule string // that finds what nothing else finds
}

func (w *saveWait) circumstances(begin time.Time) circumstances {
	schedule, _ := firstSchedule(w.s.Schedules)
	return circumstances{
		begin, w.grace, w.listings.hot.Mode, w.listings.hot.Interval, w.watcher.Status().Error, schedule,
	}
}

// finding says which way a save was noticed, and how long after the time of the file.
func (v *save) finding(name string, c circumstances) store.Finding {
	f := store.Finding{Part: "save", Verdict: store.OK}
	event, listing := v.noticed[byEvent], v.noticed[byListing]
	switch {
	case !event.IsZero() && (listing.IsZero() || event.Before(listing)):
		f.Text = fmt.Sprintf("a save of %s was noticed by an event%s", name, v.after(event, c))
		if listing.IsZero() {
			f.Text += fmt.Sprintf(" (listing the folders in which something changed lately did not find it within %v)",
				c.grace)
		} else {
			f.Text += fmt.Sprintf(" (a listing would have found it %s)", v.later(listing, event, c))
		}
	case !event.IsZero():
		f.Text = fmt.Sprintf("a save of %s was noticed by listing the folder%s; an event told of it %s", name,
			v.after(listing, c), v.later(event, listing, c))
	default:
		f.Text = fmt.Sprintf("a save of %s was noticed by listing the folder%s; no event told of it", name,
			v.after(listing, c))
		if c.deaf != "" {
			f.Text += " (" + c.deaf + ")"
		}
		f = c.withoutEvents(f)
	}
	return v.withClock(f)
}

// withoutEvents says what finds a save of which no event tells.
func (c circumstances) withoutEvents(f store.Finding) store.Finding {
	if c.hot == hot.Off {
		f.Verdict = store.Warn
		f.Text += ", and GFX_SYNC_HOT_SCAN is off: gfxsync run finds it by the " + c.schedule
		f.Hint = "set GFX_SYNC_HOT_SCAN to auto"
		return f
	}
	f.Text += ": gfxsync run lists the folders in which something changed lately " + every(c.interval)
	return f
}

// timeTells says whether the time of the file is that of the save. It is not if the file was copied with its time, or
// if another clock is ahead.
func (v *save) timeTells(c circumstances) bool {
	return v.ahead() == 0 && !v.modified().Before(c.begin.Add(-granularity))
}

func (v *save) modified() time.Time { return time.Unix(0, v.stamp.ModTime) }

// ahead returns by how much the time of the file is ahead of this machine's clock.
func (v *save) ahead() time.Duration { return max(0, v.modified().Sub(v.looked)) }

// after says how long after the time of the file it was noticed, if that tells.
func (v *save) after(noticed time.Time, c circumstances) string {
	if v.timeTells(c) {
		return ", " + rounded(noticed.Sub(v.modified())) + " after its time"
	}
	if v.ahead() == 0 {
		return "; how long after the save is not known, because the file was copied with an older time"
	}
	return ""
}

// later says when the other way told of a save: after the time of the file, or after the first way.
func (v *save) later(noticed, first time.Time, c circumstances) string {
	if v.timeTells(c) {
		return "after " + rounded(noticed.Sub(v.modified()))
	}
	return rounded(noticed.Sub(first)) + " later"
}

// withClock says by how much the file server's clock is ahead.
func (v *save) withClock(f store.Finding) store.Finding {
	ahead := v.ahead()
	if ahead == 0 {
		return f
	}
	f.Text += fmt.Sprintf("; the time of the file is %s ahead of this machine's clock, so how long it took is not "+
		"known", rounded(ahead))
	if f.Verdict == store.OK {
		f.Verdict = store.Warn
		f.Hint = "let this machine and the one that has the files take their time from the same time server"
	}
	return f
}

// rounded returns a duration as people say it: 12ms, 810ms, 1.2s.
func rounded(d time.Duration) string {
	if d = max(d, 0); d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
