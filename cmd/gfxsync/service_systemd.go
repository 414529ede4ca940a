//go:build !windows

package main

import (
	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
)

var (
	managerFlags = []cli.Flag{userFlag}
	installFlags = []cli.Flag{keyFileFlag}
)

// servicePreset returns the default that a setting has for a service; empty: the one that it has for all.
func servicePreset(flag string, user bool) string {
	if flag == "queue-db" && !user {
		return service.StateDirectory + "/pending.db"
	}
	return ""
}

// setServiceDefaults sets what depends on other settings: nothing, for the log of a service is in the journal.
func (s *settings) setServiceDefaults() {}

// mayHaveKeyFile says whether the service may find its key in a file of its own.
func mayHaveKeyFile(user bool) bool { return !user }

// servicePassword returns the password of an account: systemd needs none.
func (p *program) servicePassword(string) (string, error) { return "", nil }

func (p *program) runService(c *cli.Context) error { return p.runInForeground(c) }
