package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
)

func (p *program) serviceCommand() *cli.Command {
	subcommands := []*cli.Command{
		p.serviceInstallCommand(),
		{
			Name: "uninstall", Usage: "stop the service and remove it, but not what it has written",
			Action: p.withManager(p.uninstallService),
		},
		{
			Name: "start", Usage: "start the service",
			Action: p.withManager(changeService(service.Manager.Start)),
		},
		{
			Name: "stop", Usage: "stop the service until it is started again, or the machine is",
			Action: p.withManager(changeService(service.Manager.Stop)),
		},
		{
			Name: "restart", Usage: "stop the service and start it, with its settings as they are now",
			Action: p.withManager(changeService(service.Manager.Restart)),
		},
		{
			Name: "status", Usage: "say whether the service runs (exit code 0) or not (1), and why",
			Flags:  []cli.Flag{jsonFlag},
			Action: p.withManager(p.serviceStatus),
		},
	}
	for _, c := range subcommands {
		c.Flags = append(c.Flags, managerFlags...)
	}
	subcommands = append(subcommands, p.serviceRunCommand())
	for _, c := range subcommands {
		c.OnUsageError = usageError
	}
	return &cli.Command{
		Name: "service", Usage: "have the operating system run gfxsync", Subcommands: subcommands,
		OnUsageError: usageError,
	}
}

// withManager makes an action of a function that needs the service manager.
func (p *program) withManager(f func(*cli.Context, service.Manager) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return fmt.Errorf("%s is not an argument of this command; see --help", quoteValue(c.Args().First()))
		}
		m, err := p.serviceManager(c.Bool(userFlag.Name))
		if err != nil {
			return err
		}
		return f(c, m)
	}
}

// serviceManager returns the service manager of this machine.
func (p *program) serviceManager(user bool) (service.Manager, error) {
	if p.services != nil {
		return p.services(user)
	}
	return service.System(user)
}

func changeService(change func(service.Manager, context.Context) error) func(*cli.Context, service.Manager) error {
	return func(c *cli.Context, m service.Manager) error { return change(m, c.Context) }
}

func (p *program) uninstallService(c *cli.Context, m service.Manager) error {
	stays, err := m.Uninstall(c.Context)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "The service is removed. Its data and its settings stay:")
	for _, file := range stays {
		fmt.Fprintln(p.stdout, "  "+file)
	}
	return nil
}

func (p *program) serviceStatus(c *cli.Context, m service.Manager) error {
	st, err := m.Status(c.Context)
	if err != nil {
		return err
	}
	works := st.Running
	if st.Args != nil { // Windows does not know whether its services do their work
		if wrong := p.wrongSetting(st.Args); wrong != nil {
			works, st.Text = false, wrong.Error()
		}
	}
	if c.Bool("json") {
		err = printJSON(p.stdout, st)
	} else {
		_, err = fmt.Fprintln(p.stdout, serviceText(st, works))
	}
	if err == nil && !works {
		return errRemains
	}
	return err
}

// wrongSetting returns what is wrong with the settings of a service that runs with these arguments.
func (p *program) wrongSetting(args []string) (wrong error) {
	without := &program{lookupEnv: func(string) (string, bool) { return "", false }}
	app := &cli.App{
		Name: service.Name, Flags: append(flags(agentSettings...), noWatchFlag),
		Writer: io.Discard, ErrWriter: io.Discard,
		ExitErrHandler: func(*cli.Context, error) {}, OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			_, err := without.configureAgent(c, agentSettings...)
			return err
		},
	}
	return app.Run(append([]string{app.Name}, args...))
}

func serviceText(st service.Status, works bool) string {
	text := "The service runs"
	switch {
	case !st.Installed:
		return "The service is not installed: gfxsync service install does that."
	case !st.Running:
		text = "The service does not run"
	case !works:
		text = "The service waits, and begins by itself when this is mended"
	}
	if st.Text != "" {
		text += ": " + st.Text
	}
	return text + " [" + st.State + "]"
}

// errMayPass says that the service cannot work, for a reason that may pass by itself: it is to be started again.
type errMayPass struct{ error }

func (e errMayPass) Unwrap() error { return e.error }

func (p *program) serviceRunCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Usage: "what the service runs: gfxsync run, as the service manager wants it",
		Flags: append(flags(agentSettings...), noWatchFlag),
		Action: func(c *cli.Context) error {
			// A crash is to end the process by a signal, and not with the exit code of a wrong setting.
			debug.SetTraceback("crash")
			return p.runService(c)
		},
	}
}

// runInForeground runs the agent as systemd, or a person, has started it.
func (p *program) runInForeground(c *cli.Context) error {
	err := p.runNotifying(c)
	if err != nil && !errors.Is(err, errSettings) {
		return errMayPass{err}
	}
	return err
}
