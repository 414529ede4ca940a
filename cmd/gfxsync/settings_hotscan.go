package main

import (
	"time"

	"github.com/gfxsync/gfxsync/reconcile/hot"
)

// hotScanSettings say how changes are found where events do not tell of them.
var hotScanSettings = inCategory("Hot scans", []setting{
	{
		env: []string{"GFX_SYNC_HOT_SCAN"}, flag: "hot-scan", preset: "auto",
		usage: "list hot folders, in which something changed lately: auto, where events do not tell; on; off",
		value: word(func(s *settings) *string { return (*string)(&s.hotScans.Mode) },
			string(hot.Auto), string(hot.On), string(hot.Off)),
	},
	{
		env: []string{"GFX_SYNC_HOT_INTERVAL"}, flag: "hot-interval",
		usage: "how often hot folders are listed", preset: "1s",
		value: duration(func(s *settings) *time.Duration { return &s.hotScans.Interval },
			100*time.Millisecond, time.Hour, "1h"),
	},
	{
		env: []string{"GFX_SYNC_HOT_FOR"}, flag: "hot-for",
		usage: "for how long a folder is hot after a change", preset: "6h",
		value: duration(func(s *settings) *time.Duration { return &s.hotScans.For },
			time.Minute, 7*24*time.Hour, "168h"),
	},
})
