package main

import (
	"time"

	"github.com/gfxsync/gfxsync/reconcile/hot"
)

// hotScanSettings say how changes are found where events do not tell of them.
var hotScanSettings = []setting{
	{
		env: []string{"GFX_SYNC_HOT_SCAN"}, flag: "hot-scan", preset: "auto",
		usage:    "list the folders in which something changed lately: auto, where events do not tell; on; off",
		expected: "auto, on or off",
		parse: func(s *settings, v string) bool {
			var word string
			ok := parseWord(&word, v, "auto", "on", "off")
			s.hotScans.Mode = hot.Mode(word)
			return ok
		},
	},
	{
		env: []string{"GFX_SYNC_HOT_INTERVAL"}, flag: "hot-interval", preset: "1",
		usage: "how often they are listed", expected: durationExpected + ", from 100ms to 1h",
		parse: func(s *settings, v string) bool {
			return parseDuration(&s.hotScans.Interval, v, 100*time.Millisecond, time.Hour)
		},
	},
	{
		env: []string{"GFX_SYNC_HOT_FOR"}, flag: "hot-for", preset: "6h",
		usage: "how long after a change", expected: durationExpected + ", from 1m to 168h",
		parse: func(s *settings, v string) bool {
			return parseDuration(&s.hotScans.For, v, time.Minute, 7*24*time.Hour)
		},
	},
}
