package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/reconcile"
)

var (
	fullFlag          = &cli.BoolFlag{Name: "full", Usage: "hash every file anew"}
	acceptMissingFlag = &cli.BoolFlag{
		Name: "accept-missing", Usage: "take an empty folder for what it seems: its files were removed",
	}
)

func (p *program) reconcileCommand() *cli.Command {
	use := func(c *cli.Context, _ *settings) tableUse {
		if c.Bool("dry-run") {
			return emptyTable
		}
		return makeTable
	}
	return &cli.Command{
		Name:  "reconcile",
		Usage: "compare folder, index and table once, and send what is missing",
		Flags: append(flags(passCommandSettings...), fullFlag, jsonFlag, acceptMissingFlag,
			&cli.BoolFlag{Name: "dry-run", Usage: "only name what would be sent"}),
		Action: p.withRemote(use, func(c *cli.Context, cfg reconcile.Config) error {
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
	use := func(_ *cli.Context, s *settings) tableUse {
		if isMissing(s.queueDB) {
			return emptyTable // the agent makes both at its first start
		}
		return compareTable
	}
	return &cli.Command{
		Name:  "verify",
		Usage: "compare folder, index and table, and change nothing",
		Flags: append(flags(passCommandSettings...), fullFlag, jsonFlag),
		Action: p.withRemote(use, func(c *cli.Context, cfg reconcile.Config) error {
			s, remove, err := p.openStateToCompare(c.Context, cfg.QueueDB)
			if err != nil {
				return err
			}
			progress, done := p.progress(c.Bool("json"))
			survey := &reconcile.Survey{Config: cfg, State: s, Progress: progress}
			r, err := reconcile.Verify(c.Context, survey, modeOf(c))
			done()
			if err := errors.Join(err, s.Close(), remove()); err != nil {
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

// withRemote makes an action of a function that needs the folder, the index and the table.
func (p *program) withRemote(
	use func(*cli.Context, *settings) tableUse, f func(*cli.Context, reconcile.Config) error,
) cli.ActionFunc {
	return func(c *cli.Context) error {
		s, err := p.configureAgent(c, passCommandSettings...)
		if err != nil {
			return err
		}
		log, closeLog := p.logger(s)
		remote, err := s.openTable(c.Context, log, use(c, s))
		if err == nil {
			err = errors.Join(f(c, s.agentConfig(remote, log)), remote.Close())
		}
		return errors.Join(err, closeLog())
	}
}

// dryRun names what a reconcile would send.
func (p *program) dryRun(c *cli.Context, cfg reconcile.Config, opts reconcile.PassOptions) error {
	s, remove, err := p.openStateToCompare(c.Context, cfg.QueueDB)
	if err != nil {
		return err
	}
	survey := &reconcile.Survey{Config: cfg, State: s, Found: func(found reconcile.Problem) {
		if !c.Bool("json") {
			fmt.Fprintf(p.stdout, "would send %s (%s)\n", pathText(found.Root, found.Path), found.Kind)
		}
	}}
	r, err := survey.Run(c.Context, modeOf(c), opts)
	if err := errors.Join(err, s.Close(), remove()); err != nil {
		return err
	}
	return p.conclude(c, r, exitRemain)
}

// conclude prints a report, and returns the error that makes the exit code. A pass that could not compare everything
// has the exit code incomplete.
func (p *program) conclude(c *cli.Context, r *reconcile.Report, incomplete int) error {
	err := reportError(r, incomplete)
	if c.Bool("json") {
		return p.printReportJSON(r, err)
	}
	printReport(p.stdout, r)
	return err
}

func (p *program) printReportJSON(r *reconcile.Report, err error) error {
	told := struct {
		*reconcile.Report
		Error string `json:"error,omitempty"` // why the command has the exit code 2
	}{Report: r}
	if err != nil && !errors.Is(err, errRemains) {
		told.Error = err.Error()
		err = toldError{err}
	}
	return cmp.Or(printJSON(p.stdout, told), err)
}

func reportError(r *reconcile.Report, incomplete int) error {
	switch {
	case r.Outcome == reconcile.RootUnavailable, r.Outcome == reconcile.RemoteUnusable:
		return fmt.Errorf("%s: %s", r.Outcome, withoutOutcome(r.Hindrance()))
	case r.Outcome == reconcile.Incomplete && incomplete == exitFailed:
		return fmt.Errorf("could not compare everything: %s", r.Hindrance())
	case !r.InSync:
		return errRemains
	default:
		return nil
	}
}
