package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/store/supabase"
)

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "print the SQL of the table and its digest view, for the SQL editor of Supabase; it may be applied twice",
		Flags: flags(remoteSettings),
		Action: func(c *cli.Context) error {
			s, err := p.configure(c, remoteSettings)
			if err != nil {
				return err
			}
			key, _ := s.conflict.Key() // a new table is by hash, unless the setting says otherwise
			_, err = fmt.Fprint(p.stdout, supabase.SchemaSQL(s.schema, s.table, key))
			return err
		},
	}
}
