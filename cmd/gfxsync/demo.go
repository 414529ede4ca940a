package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/local"
)

// The times of the demo are shorter than an agent's in earnest, so that nobody has to wait for it.
const (
	demoFlush      = time.Second
	demoSettle     = time.Second
	demoProbeFirst = 200 * time.Millisecond
	demoProbeLast  = time.Second
	demoScan       = 2 * time.Second
	// demoPatience is how long a chapter waits for what must happen before it calls that missing, on a busy PC as well.
	demoPatience = 2 * time.Minute
)

// errMissing says that something which must happen did not: the demo goes on, and ends with exit code 1.
var errMissing = errors.New("MISSING")

// demo tells the whole story on made-up sessions: a real agent and a real folder, with a SQLite file in the place of Supabase.
type demo struct {
	out       io.Writer
	dir       string // everything below is in it
	watchDir  string
	tableFile string
	stateFile string
	logFile   string

	log   *slog.Logger
	cable *cable
	cfg   reconcile.Config
	agent *demoAgent   // nil while nobody watches
	state *state.State // the demo's own view into the agent's, as gfxsync status has it
	fail  context.CancelCauseFunc

	chapters []chapter
	seed     int
	files    []*demoFile
	chapter  string // that is being told
	saves    []*save
}

// chapter is a part of the story: it does something, waits for what must follow, and says what it measured.
type chapter struct {
	title string
	tell  func(*demo, context.Context) error
}

var chapters = []chapter{
	{"New files", (*demo).newFiles},
	{"Modified files", (*demo).modifiedFiles},
	{"Outage", (*demo).outage},
	{"Nobody watches", (*demo).nobodyWatches},
	{"A broken file", (*demo).brokenFile},
	{"A gap found by the reconciler", (*demo).gap},
	{"Hands for graphics", (*demo).hands},
	{"verify", (*demo).verify},
}

func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show the whole story on made-up sessions in a temporary folder; needs no settings",
		Action: func(c *cli.Context) error {
			ctx, fail := context.WithCancelCause(c.Context)
			defer fail(nil)
			d, err := newDemo(p.stdout, fail)
			if err != nil {
				return fmt.Errorf("prepare the demo: %w", err)
			}
			return d.run(ctx)
		},
	}
}

func newDemo(out io.Writer, fail context.CancelCauseFunc) (*demo, error) {
	dir, err := os.MkdirTemp("", "gfxsync-demo-*")
	if err != nil {
		return nil, err
	}
	d := &demo{
		out: out, dir: dir, fail: fail, chapters: chapters,
		watchDir: filepath.Join(dir, "output"), tableFile: filepath.Join(dir, "gfx_sessions.db"),
		stateFile: filepath.Join(dir, "sync_queue", "pending.db"), logFile: filepath.Join(dir, "gfxsync.log"),
	}
	for _, folder := range demoFolders {
		err = errors.Join(err, os.MkdirAll(filepath.Join(d.watchDir, folder), 0o755))
	}
	return d, err
}

// run tells the chapters and then draws up the account. It returns errRemains if anything was lost or did not happen.
func (d *demo) run(ctx context.Context) error {
	d.introduce()
	began := time.Now()
	complete, err := d.story(ctx)
	if err != nil {
		return err
	}
	d.head("The account")
	account, err := d.drawUp(ctx)
	if err != nil {
		return err
	}
	account.print(d.out)
	d.say("The demo took %s.", short(time.Since(began)))
	d.goodbye()
	if !complete || !account.clean() {
		return errRemains
	}
	return nil
}

// story runs the agent through all chapters, and stops it in order whatever happens. It is complete if every chapter was.
func (d *demo) story(ctx context.Context) (complete bool, err error) {
	logFile, err := os.Create(d.logFile)
	if err != nil {
		return false, err
	}
	d.log = slog.New(slog.NewTextHandler(logFile, nil))
	defer func() { err = errors.Join(err, d.close(), logFile.Close()) }()
	if err := d.open(ctx); err != nil {
		return false, fmt.Errorf("start the demo's agent: %w", err)
	}
	complete = true
	for i, c := range d.chapters {
		d.chapter = c.title
		d.head(fmt.Sprintf("%d. %s", i+1, c.title))
		err := c.tell(d, ctx)
		switch {
		case errors.Is(err, errMissing):
			complete = false
			d.say("%v", err)
		case ctx.Err() != nil:
			return false, fmt.Errorf("the demo was stopped: %w", context.Cause(ctx))
		case err != nil:
			return false, fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return complete, nil
}

func (d *demo) open(ctx context.Context) error {
	table, err := local.Open(ctx, d.tableFile)
	if err != nil {
		return err
	}
	d.cable = newCable(table)
	scan, err := reconcile.ParseSchedule("@every " + demoScan.String())
	if err != nil {
		return err
	}
	d.cfg = reconcile.Config{
		Roots: []hashindex.Root{{Dir: d.watchDir}}, QueueDB: d.stateFile, Remote: d.cable, SettleLimit: demoSettle, PCID: "demo", Logger: d.log,
		Delivery: store.DeliveryOptions{FlushInterval: demoFlush, ProbeFirst: demoProbeFirst, ProbeLast: demoProbeLast},
		// The table is compared when the agent starts, and when the demo asks for it.
		Schedules: reconcile.Schedules{Scan: scan},
	}
	if err := d.startAgent(ctx); err != nil {
		return err
	}
	d.state, err = state.OpenExisting(ctx, d.stateFile)
	return err
}

func (d *demo) close() error {
	err := d.stopAgent()
	if d.state != nil {
		err = errors.Join(err, d.state.Close())
	}
	if d.cable != nil {
		err = errors.Join(err, d.cable.Close())
	}
	return err
}

// demoAgent is an agent that runs.
type demoAgent struct {
	*reconcile.Agent
	stop func() // and wait until it has
}

func (d *demo) startAgent(ctx context.Context) error {
	agent, err := reconcile.Open(ctx, d.cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := agent.Run(ctx); err != nil {
			d.fail(err)
		}
	}()
	d.agent = &demoAgent{Agent: agent, stop: func() { cancel(); <-done }}
	return nil
}

func (d *demo) stopAgent() error {
	if d.agent == nil {
		return nil
	}
	d.agent.stop()
	err := d.agent.Close()
	d.agent = nil
	return err
}

func (d *demo) status(ctx context.Context) (reconcile.Status, error) {
	return reconcile.ReadStatus(ctx, d.state)
}

// until waits for something that must happen, looking every few milliseconds.
func until(ctx context.Context, what string, happened func() (bool, error)) error {
	patience := time.NewTimer(demoPatience)
	defer patience.Stop()
	look := time.NewTicker(3 * time.Millisecond)
	defer look.Stop()
	for {
		if yes, err := happened(); yes || err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-patience.C:
			return fmt.Errorf("%w: waited in vain for %s: %s", errMissing, demoPatience, what)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// statusUntil waits for a status that must come.
func (d *demo) statusUntil(ctx context.Context, what string, happened func(*reconcile.Status) bool) error {
	return until(ctx, what, func() (bool, error) {
		st, err := d.status(ctx)
		return err == nil && happened(&st), err
	})
}
