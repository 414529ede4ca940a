package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/doctor"
	"github.com/gfxsync/gfxsync/store"
)

var watchForFlag = &cli.StringFlag{
	Name:  "watch-for",
	Usage: "wait for the next save for up to `DURATION` (60s), and say which way it was noticed and how fast",
}

// maxWatchFor bounds --watch-for, so that a slip of the pen does not make the command wait for days.
const maxWatchFor = 24 * time.Hour

func parseWatchFor(c *cli.Context) (time.Duration, error) {
	if !c.IsSet(watchForFlag.Name) {
		return 0, nil
	}
	var d time.Duration
	text := c.String(watchForFlag.Name)
	limits := duration(func(*settings) *time.Duration { return &d }, time.Millisecond, maxWatchFor, "24h")
	if !limits.parse(nil, text) {
		return 0, fmt.Errorf("%w: --%s is %s: expected %s", errSettings, watchForFlag.Name, quoteValue(text),
			limits.expected)
	}
	return d, nil
}

// waitForSave waits for a save in each root. On standard error it says so, unless the findings are printed as JSON.
func (p *program) waitForSave(c *cli.Context, s *settings, limit time.Duration) []store.Finding {
	return doctor.WaitForSave(c.Context, s.machine(), limit, func(root hashindex.Root) {
		if !c.Bool(jsonFlag.Name) {
			fmt.Fprintf(p.stderr, "waiting up to %v for the next save in %s: save a hand in PokerGFX, or copy a file "+
				"there\n", limit, root.Dir)
		}
	})
}
