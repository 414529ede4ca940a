package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/demo"
)

func (p *program) demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show the whole story on made-up sessions in a temporary folder; needs no settings",
		Action: func(c *cli.Context) error {
			if err := refuseArguments(c); err != nil {
				return err
			}
			err := demo.Run(c.Context, p.stdout)
			if errors.Is(err, demo.ErrLost) {
				return errRemains
			}
			return err
		},
	}
}
