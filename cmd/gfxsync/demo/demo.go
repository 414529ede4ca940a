// Package demo shows on made-up sessions what gfxsync does: an agent, a folder, and a SQLite file instead of Supabase.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	_ "modernc.org/sqlite" // by which the demo itself reads the table

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
)

// The agent of the demo waits less than an agent does by default, so that the demo takes seconds.
const (
	flushInterval = time.Second
	settleLimit   = time.Second
	probeFirst    = 200 * time.Millisecond
	probeLast     = time.Second
	scanInterval  = 2 * time.Second
)

// ErrLost says that the demo ran to its end, and that something was lost or did not happen.
var ErrLost = errors.New("something was lost")

type demo struct {
	out       io.Writer
	watchDir  string
	tableFile string

	cfg   reconcile.Config
	cable *cable
	state *state.State   // what gfxsync status reads
	table *sql.DB        // the table, read without the code of the agent
	atEnd []func() error // in reverse order

	agent     *reconcile.Agent
	stopAgent func() error // may be called again
	fail      context.CancelCauseFunc

	files   []*file
	saves   []*save
	chapter string // the title of the current chapter
}

// Run tells the whole story and prints it. It returns ErrLost if anything was lost or did not happen.
func Run(ctx context.Context, out io.Writer) error { return run(ctx, out, chapters) }

func run(ctx context.Context, out io.Writer, chapters []chapter) (err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	d := &demo{out: out, fail: fail}
	defer func() {
		for _, f := range slices.Backward(d.atEnd) {
			err = errors.Join(err, f())
		}
	}()
	if err := attempt(func() { d.open(ctx) }); err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	begun, lost := time.Now(), false
	for i, c := range chapters {
		d.chapter = c.title
		fmt.Fprintf(d.out, "\n%d. %s\n", i+1, c.title)
		err := attempt(func() { c.tell(d, ctx) })
		switch {
		case errors.Is(err, errMissing):
			lost = true
			d.say("%v", err)
		case ctx.Err() != nil:
			return fmt.Errorf("the demo was stopped: %w", context.Cause(ctx))
		case err != nil:
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	fmt.Fprintf(d.out, "\nThe demo took %s. Everything is kept. To look:\n", short(time.Since(begun)))
	// The shells of all systems take a path in double quotes.
	d.say(`sqlite3 "%s" "SELECT session_id, hand_count, file_name FROM gfx_sessions_current"`, d.tableFile)
	d.say(`sqlite3 "%s" "%s"`, d.tableFile, latestHand)
	d.say(`gfxsync status --queue-db "%s"`, d.cfg.QueueDB)
	if lost {
		return ErrLost
	}
	return nil
}

// open makes the folder and the table, prints where they are, and starts the agent.
func (d *demo) open(ctx context.Context) {
	dir := must(os.MkdirTemp("", "gfxsync-demo-*"))
	d.watchDir, d.tableFile = filepath.Join(dir, "output"), filepath.Join(dir, "gfx_sessions.db")
	queueDB := filepath.Join(dir, "sync_queue", "pending.db")
	log := opened(d, must(os.Create(filepath.Join(dir, "gfxsync.log"))))
	for _, folder := range folders {
		check(os.MkdirAll(d.abs(folder), 0o755))
	}
	fmt.Fprintln(d.out, "gfxsync demo: made-up PokerGFX sessions, a real agent, and a SQLite file in the place of "+
		"Supabase.")
	d.say("folder  %s", dir)
	d.say("watched %s", d.watchDir)
	d.say("table   %s", d.tableFile)
	d.say("queue   %s", queueDB)
	d.say("log     %s", log.Name())
	d.say("Times are shorter than by default: modified files wait %s for others (5s), half a file may stay %s (5s),",
		flushInterval, settleLimit)
	d.say("a dead link is tried after %s to %s (1s to 15s), and the folder is scanned every %s (30s).",
		probeFirst, probeLast, scanInterval)

	d.cable = &cable{Remote: opened(d, must(local.Open(ctx, d.tableFile)))}
	d.table = opened(d, must(sql.Open("sqlite", d.tableFile)))
	d.cfg = reconcile.Config{
		Roots: []hashindex.Root{{Dir: d.watchDir}}, QueueDB: queueDB, Remote: d.cable, SettleLimit: settleLimit,
		Delivery: store.DeliveryOptions{FlushInterval: flushInterval, ProbeFirst: probeFirst, ProbeLast: probeLast},
		// The agent compares the table when it starts and when the demo asks for it.
		Schedules: reconcile.Schedules{Scan: must(reconcile.ParseSchedule("@every " + scanInterval.String()))},
		PCID:      "demo", Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	d.startAgent(ctx)
	d.state = opened(d, must(state.OpenExisting(ctx, queueDB)))
}

// opened has c closed at the end of the demo.
func opened[C io.Closer](d *demo, c C) C {
	d.atEnd = append(d.atEnd, c.Close)
	return c
}

// startAgent starts an agent. If the agent fails, the demo stops.
func (d *demo) startAgent(ctx context.Context) {
	agent := must(reconcile.Open(ctx, d.cfg))
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		if err := agent.Run(ctx); err != nil {
			d.fail(err)
		}
		close(done)
	}()
	d.agent = agent
	d.stopAgent = sync.OnceValue(func() error {
		cancel()
		<-done
		return agent.Close()
	})
	d.atEnd = append(d.atEnd, d.stopAgent)
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, "   "+format+"\n", args...) }
