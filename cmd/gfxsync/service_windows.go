package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
)

var managerFlags, installFlags []cli.Flag

// servicePreset returns the default that a setting has for a service; empty: the one that it has for all.
func servicePreset(string, bool) string { return "" }

// setServiceDefaults sets what depends on other settings: a service has no standard error to log to.
func (s *settings) setServiceDefaults() {
	s.logFile = cmp.Or(s.logFile, filepath.Join(filepath.Dir(s.queueDB), "gfxsync.log"))
}

// mayHaveKeyFile says whether the service may find its key in a file of its own.
func mayHaveKeyFile(bool) bool { return false }

// servicePassword returns the password of an account, if it has one: from the environment, or asked for.
func (p *program) servicePassword(account string) (string, error) {
	if !service.NeedsPassword(account) {
		return "", nil
	}
	if password, ok := p.lookupEnv(passwordVariable); ok && password != "" {
		return password, nil
	}
	stdin := int(os.Stdin.Fd())
	if !term.IsTerminal(stdin) {
		return "", fmt.Errorf("the password of %s is not known: set %s, or run this where it can be asked for",
			quoted(account), passwordVariable)
	}
	fmt.Fprintf(p.stderr, "Password of %s: ", account)
	password, err := term.ReadPassword(stdin)
	fmt.Fprintln(p.stderr)
	if err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	return string(password), nil
}

// runService runs the agent as a service of Windows, or, if a person has started it, as gfxsync run does.
func (p *program) runService(c *cli.Context) error {
	err := service.Run(func(ctx context.Context, changes *service.Changes) error {
		if p.served != nil {
			p.served.Store(true)
		}
		s, err := p.configureAgent(c, agentSettings...)
		if err != nil {
			return err
		}
		return p.runAgent(ctx, s, c.Bool(noWatchFlag.Name), changes, nil)
	}, func(err error) bool { return errors.Is(err, errSettings) })
	if errors.Is(err, service.ErrNoManager) {
		return p.runInForeground(c)
	}
	return err
}
