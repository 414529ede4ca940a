package reconcile

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when passes are made. The zero value says never.
type Schedule struct {
	spec string
	cron cron.Schedule
}

// ParseSchedule takes five cron fields, a descriptor such as @daily, or @every DURATION (robfig/cron documentation).
// CRON_TZ=ZONE may stand before them, for another time zone than the local one. An empty text means never.
func ParseSchedule(spec string) (Schedule, error) {
	if spec == "" {
		return Schedule{}, nil
	}
	if strings.Contains(spec, "TZ=") && !strings.Contains(spec, " ") {
		// It makes the parser panic (robfig/cron v3.0.1).
		return Schedule{}, fmt.Errorf("parse the schedule %q: nothing stands behind the time zone", spec)
	}
	s, err := cron.ParseStandard(spec)
	if err != nil {
		return Schedule{}, fmt.Errorf("parse the schedule %q: %w", spec, err)
	}
	return Schedule{spec: spec, cron: s}, nil
}

// String returns what was parsed.
func (s Schedule) String() string { return s.spec }

// Schedules are the three depths of reconciliation, and when each is due.
type Schedules struct {
	Scan, Quick, Full Schedule
}

const (
	wakeTick = 5 * time.Second
	// asleep is how much longer than a tick a tick must have taken to call it sleep.
	asleep = 30 * time.Second
)

// noticeSleep asks for a pass when the PC wakes up: what happened on a share meanwhile raised no event.
func (a *Agent) noticeSleep(ctx context.Context) {
	// The monotonic clock stands still during sleep on some systems.
	noticeJumps(ctx, func() time.Time { return time.Now().Round(0) }, func(gap time.Duration) {
		a.log.Info("the clock has jumped: this PC was asleep, perhaps; looking again everywhere",
			"gap", gap.Round(time.Second))
		a.scheduler.request(Quick)
	})
}

// noticeJumps calls jumped when a clock has gone on by much more than a tick since the last tick, until ctx ends.
func noticeJumps(ctx context.Context, clock func() time.Time, jumped func(gap time.Duration)) {
	tick := time.NewTicker(wakeTick)
	defer tick.Stop()
	last := clock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := clock()
		if gap := now.Sub(last); gap > wakeTick+asleep {
			jumped(gap)
		}
		last = now
	}
}
