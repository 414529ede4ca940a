package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
)

var (
	fullFlag          = &cli.BoolFlag{Name: "full", Usage: "hash every file anew"}
	acceptMissingFlag = &cli.BoolFlag{Name: "accept-missing", Usage: "take an empty folder for what it seems: its files were removed"}
)

func (p *program) reconcileCommand() *cli.Command {
	groups := [][]setting{remoteSettings, fileSettings, deliverySettings, passSettings, stateSettings, quietLogSettings}
	return &cli.Command{
		Name:  "reconcile",
		Usage: "compare folder, index and table once, and send what is missing",
		Flags: append(flags(groups...), fullFlag, jsonFlag, acceptMissingFlag,
			&cli.BoolFlag{Name: "dry-run", Usage: "only name what would be sent"}),
		Action: p.withRemote(groups, func(c *cli.Context) tableUse {
			if c.Bool("dry-run") {
				return foreseeTable
			}
			return makeTable
		}, func(c *cli.Context, cfg reconcile.Config) error {
			opts := reconcile.PassOptions{AcceptMissing: c.Bool("accept-missing")}
			if c.Bool("dry-run") {
				return p.dryRun(c, cfg, opts)
			}
			progress, done := p.progress(c.Bool("json"))
			r, err := reconcile.Reconcile(c.Context, cfg, modeOf(c), opts, progress)
			done()
			if err != nil {
				return err
			}
			return p.conclude(c, r, exitRemain)
		}),
	}
}

func (p *program) verifyCommand() *cli.Command {
	groups := [][]setting{remoteSettings, fileSettings, deliverySettings, passSettings, stateSettings, quietLogSettings}
	compare := func(*cli.Context) tableUse { return compareTable }
	return &cli.Command{
		Name:  "verify",
		Usage: "compare folder, index and table, and change nothing",
		Flags: append(flags(groups...), fullFlag, jsonFlag),
		Action: p.withRemote(groups, compare, func(c *cli.Context, cfg reconcile.Config) error {
			s, err := openState(c.Context, cfg.QueueDB)
			if err != nil {
				return err
			}
			progress, done := p.progress(c.Bool("json"))
			r, err := reconcile.Verify(c.Context, &reconcile.Survey{Config: cfg, State: s, Progress: progress}, modeOf(c))
			done()
			if err := errors.Join(err, s.Close()); err != nil {
				return err
			}
			return p.conclude(c, r, exitFailed)
		}),
	}
}

func modeOf(c *cli.Context) reconcile.Mode {
	if c.Bool("full") {
		return reconcile.Full
	}
	return reconcile.Quick
}

// withRemote makes an action of a function that needs folder, index and table, which it uses so.
func (p *program) withRemote(
	groups [][]setting, use func(*cli.Context) tableUse, f func(*cli.Context, reconcile.Config) error,
) cli.ActionFunc {
	return func(c *cli.Context) error {
		s, err := p.configure(c, groups...)
		if err != nil {
			return err
		}
		if err := s.validate(); err != nil {
			return err
		}
		log, closeLog := p.logger(s)
		remote, err := s.openTable(c.Context, log, use(c))
		if err == nil {
			err = errors.Join(f(c, s.agentConfig(remote, log)), remote.Close())
		}
		return errors.Join(err, closeLog())
	}
}

// dryRun names what a reconcile would send.
func (p *program) dryRun(c *cli.Context, cfg reconcile.Config, opts reconcile.PassOptions) error {
	s, forget, err := foreseeState(c.Context, cfg.QueueDB)
	if err != nil {
		return err
	}
	survey := &reconcile.Survey{Config: cfg, State: s, Found: func(found reconcile.Problem) {
		if !c.Bool("json") {
			fmt.Fprintf(p.stdout, "would send %s (%s)\n", named(found.Root, found.Path), found.Kind)
		}
	}}
	r, err := survey.Run(c.Context, modeOf(c), opts)
	if err := errors.Join(err, s.Close(), forget()); err != nil {
		return err
	}
	return p.conclude(c, r, exitRemain)
}

// conclude prints a report and returns what makes the exit code.
func (p *program) conclude(c *cli.Context, r *reconcile.Report, incomplete int) error {
	if c.Bool("json") {
		if err := printJSON(p.stdout, r); err != nil {
			return err
		}
	} else {
		printReport(p.stdout, r)
	}
	switch {
	case r.Outcome == reconcile.RootUnavailable, r.Outcome == reconcile.RemoteUnusable:
		return fmt.Errorf("%s: %s", r.Outcome, r.Hindrance())
	case r.Outcome == reconcile.Incomplete && incomplete == exitFailed:
		return fmt.Errorf("could not compare everything: %s", r.Hindrance())
	case !r.InSync:
		return errRemains
	default:
		return nil
	}
}

func verdict(r *reconcile.Report) string {
	switch {
	case r.Outcome != reconcile.Complete:
		return string(r.Outcome)
	case r.InSync:
		return "in sync"
	default:
		return "not in sync"
	}
}

func printReport(w io.Writer, r *reconcile.Report) {
	t := newTable(w)
	t.AppendRow(table.Row{"result", verdict(r)})
	for _, root := range r.Roots {
		t.AppendRow(table.Row{strings.TrimSpace("folder " + root.Label), folderText(&root)})
	}
	t.AppendRow(table.Row{"differed", fmt.Sprintf("%d new, %d changed, %d gone", r.Added, r.Changed, r.Gone)})
	t.AppendRow(table.Row{"hashed", fmt.Sprintf("%s files, %s", humanize.Comma(r.Hashed), humanize.IBytes(uint64(r.BytesHashed)))})
	t.AppendRow(table.Row{"table", fmt.Sprintf("%d missing, %d of other agents, %d superseded", r.RemoteMissing, r.RemoteOnly, r.Superseded)})
	t.AppendRow(table.Row{"sent", fmt.Sprintf("%d; %d rows renamed, %d superseded rows deleted",
		r.Uploaded, r.Renamed, r.Deleted)})
	t.AppendRow(table.Row{"remain", fmt.Sprintf("%d on their way, %d queued, %d dead", r.Pending, r.Queued, r.Dead)})
	t.AppendRow(table.Row{"invalid", fmt.Sprint(r.Invalid)})
	if r.Expansion != nil {
		t.AppendRow(table.Row{"hands", handsText(r.Expansion)})
	}
	t.AppendRow(table.Row{"took", fmt.Sprintf("%v, %d requests", time.Duration(r.DurationMS)*time.Millisecond, r.Requests)})
	t.Render()
	for _, problem := range r.Problems {
		fmt.Fprintln(w, problem)
	}
}

// handsText tells of the rows that the database makes of the sessions.
func handsText(e *store.Expansion) string {
	text := fmt.Sprintf("%s of %s sessions", humanize.Comma(e.Hands), humanize.Comma(e.Sessions))
	if e.Stale > 0 {
		text += fmt.Sprintf("; %s sessions are not up to date: gfxsync reconcile has them expanded",
			humanize.Comma(e.Stale))
	}
	if e.Errors > 0 {
		text += fmt.Sprintf("; %s could not be expanded: see the table gfx_expand_errors", humanize.Comma(e.Errors))
	}
	if e.Repeated > 0 {
		text += fmt.Sprintf("; %s gave way to a later one of the same number", humanize.Comma(e.Repeated))
	}
	return text
}

func folderText(r *reconcile.RootReport) string {
	if r.Error != "" {
		return r.Dir + ": " + r.Error
	}
	text := fmt.Sprintf("%s files in %s", humanize.Comma(int64(r.Files)), r.Dir)
	if r.Unread > 0 {
		text += fmt.Sprintf("; %s folders or files could not be read, and nothing in them is synced: %s",
			humanize.Comma(int64(r.Unread)), r.UnreadFirst)
	}
	return text
}

// named is how a file is called where there may be several roots.
func named(root, path string) string { return store.Source{Root: root, Path: path}.String() }

// plainEvery is how often progress is told where there is no terminal to draw on.
const plainEvery = 10 * time.Second

// progress shows how far a pass has come on standard error: by a bar on a terminal, by a line now and then elsewhere.
func (p *program) progress(quiet bool) (tell func(reconcile.Progress), done func()) {
	if f, ok := p.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return progressBar(f)
	}
	if quiet {
		return nil, func() {}
	}
	told := time.Now()
	return func(now reconcile.Progress) {
		if time.Since(told) >= plainEvery {
			told = time.Now()
			fmt.Fprintf(p.stderr, "%s of %s files, %s\n", humanize.Comma(now.Files), humanize.Comma(now.Total), humanize.IBytes(uint64(now.Bytes)))
		}
	}, func() {}
}

func progressBar(w io.Writer) (tell func(reconcile.Progress), done func()) {
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("files"), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond))
	tell = func(now reconcile.Progress) {
		// One more than there are: a full bar takes nothing more, and the deliveries are still to come.
		bar.ChangeMax64(now.Total + 1)
		bar.Describe(humanize.IBytes(uint64(now.Bytes)))
		// A terminal that cannot be drawn on is no reason to stop.
		_ = bar.Set64(now.Files)
	}
	return tell, func() { _ = bar.Finish() }
}
