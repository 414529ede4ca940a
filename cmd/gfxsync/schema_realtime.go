package main

import (
	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/store/supabase"
)

const realtimeDescription = `--realtime prints the SQL that announces each new or changed hand on the private channel
gfx:hands of Supabase Realtime. --publication prints the SQL that adds the tables of the hands to the publication of
Realtime, for front ends that subscribe to postgres_changes. Each is printed alone, or after the SQL of --hands. Where
the database has no Realtime, they say so and change nothing.`

func realtimeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "realtime", Usage: "announce new hands to subscribers of Supabase Realtime"},
		&cli.BoolFlag{
			Name: "publication", Usage: "add the tables of the hands to the publication of Supabase Realtime",
		},
	}
}

// realtimeSQL returns the SQL of the flags for Realtime. Alone says that no other SQL is to be printed.
func realtimeSQL(c *cli.Context, s *settings) (sql string, alone bool) {
	if c.Bool("realtime") {
		sql += supabase.RealtimeSQL(s.schema, s.table)
	}
	if c.Bool("publication") {
		sql += supabase.PublicationSQL(s.schema, s.table)
	}
	return sql, sql != "" && !c.Bool("hands")
}
