package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/reconcile"
)

// detectionText tells how changes in a folder are noticed, and how soon after the time of the file.
func detectionText(d *reconcile.Detection) string {
	var parts []string
	for _, by := range []struct {
		n    int
		name string
	}{{d.Event, "by events"}, {d.HotScans, "by hot scans"}, {d.Scan, "by scans"}} {
		if by.n > 0 {
			parts = append(parts, humanize.Comma(int64(by.n))+" "+by.name)
		}
	}
	text := "no change yet"
	if len(parts) > 0 {
		text = "the last changes: " + strings.Join(parts, ", ")
	}
	if d.P99MS > 0 {
		text += fmt.Sprintf("; %s after the save in the middle, 99%% within %s",
			milliseconds(d.P50MS), milliseconds(d.P99MS))
	}
	if d.ClockAheadMS > 0 {
		text += fmt.Sprintf("; the file server's clock is at least %s ahead", milliseconds(d.ClockAheadMS))
	}
	if d.Missed > 0 {
		text += fmt.Sprintf("; no event told of %s", english.Plural(d.Missed, "change", ""))
	}
	if d.HotScan {
		text += fmt.Sprintf("; hot scan of %s every %s", english.Plural(d.HotFolders, "folder", ""),
			milliseconds(d.IntervalMS))
	}
	return text
}

func milliseconds(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }
