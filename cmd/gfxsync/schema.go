package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/supabase"
)

const schemaDescription = `Prints the SQL, for the SQL editor of the Supabase dashboard or for psql. It may be applied
at any time, and again: over a table that is there it adds what is missing, changes no row, and takes no lock where
there is nothing to do.

--concurrently prints it for a large table in use: indexes are built while rows come in. That form is for psql -f,
outside a transaction.

--hands adds the tables gfx_hands, gfx_hand_players, gfx_events and gfx_players, and a trigger by which the database
fills them from the sessions, in the same transaction. Tables that are there are used as they are. After it was applied
to a table with rows, run gfxsync reconcile once: it has them expanded.

--migration writes it to supabase/migrations/TIME_gfxsync.sql of the Supabase project that the current folder is in, as
"supabase migration new gfxsync" names the file, and prints the file's path. Nothing is written if the project's newest
such file says the same already.

Without --on-conflict, a new table is unique on file_hash, and a table that is unique on session_id, on file_hash, or on
gfx_pc_id and file_hash stays as it is. With it, the table will be unique on those columns.

` + realtimeDescription

func (p *program) schemaCommand() *cli.Command {
	return &cli.Command{
		Name:        "schema",
		Usage:       "print the SQL of the table, its indexes, functions and views; it may be applied twice",
		Description: schemaDescription,
		Flags: slices.Concat(flags(remoteSettings), []cli.Flag{
			&cli.BoolFlag{
				Name:  "concurrently",
				Usage: "for a large table in use: build indexes while rows come in (psql only)",
			},
			&cli.BoolFlag{
				Name:  "hands",
				Usage: "also the tables of hands, players and events, which the database fills from each session",
			},
			&cli.BoolFlag{
				Name:  "migration",
				Usage: "write it as a migration of the Supabase project around the current folder",
			},
			jsonFlag,
		}, realtimeFlags()),
		Action: func(c *cli.Context) error {
			s, err := p.configure(c, remoteSettings)
			if err != nil {
				return err
			}
			name, sql := schemaSQL(c, s)
			switch migration := c.Bool("migration"); {
			case c.Bool("concurrently") && migration:
				return fmt.Errorf("%w: --concurrently and --migration exclude each other: the Supabase CLI applies a "+
					"migration in one transaction, in which no index can be built concurrently; apply what "+
					"--concurrently prints with psql first, and then the migration, which finds nothing left to do",
					errSettings)
			case migration:
				file, err := writeMigration(name, sql, time.Now())
				if err != nil {
					return err
				}
				return p.printSchema(c, schemaJSON{File: file}, file+"\n")
			default:
				return p.printSchema(c, schemaJSON{SQL: sql}, sql)
			}
		},
	}
}

// schemaJSON has the SQL, or the file that it was written to.
type schemaJSON struct {
	SQL  string `json:"sql,omitempty"`
	File string `json:"file,omitempty"`
}

func (p *program) printSchema(c *cli.Context, asJSON schemaJSON, text string) error {
	if c.Bool(jsonFlag.Name) {
		return printJSON(p.stdout, asJSON)
	}
	_, err := io.WriteString(p.stdout, text)
	return err
}

// schemaSQL returns the SQL, and the name of a migration with it.
func schemaSQL(c *cli.Context, s *settings) (name, sql string) {
	realtime, alone := realtimeSQL(c, s)
	if alone {
		return "gfxsync_realtime", realtime
	}
	var keys []store.ConflictKey
	if key, ok := s.conflict.Key(); ok {
		keys = append(keys, key)
	}
	parts := supabase.SchemaParts{Concurrently: c.Bool("concurrently"), Hands: c.Bool("hands")}
	return "gfxsync", parts.SQL(s.schema, s.table, keys...) + realtime
}

// writeMigration writes the SQL to a new migration with this name and returns the path of the file. It writes nothing
// if the newest migration with this name is the same.
func writeMigration(name, sql string, now time.Time) (string, error) {
	project, err := supabaseProject()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(project, "supabase", "migrations")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of the migrations: %w", err)
	}
	earlier, err := filepath.Glob(filepath.Join(dir, "*_"+name+".sql"))
	if err != nil {
		return "", fmt.Errorf("list the migrations: %w", err)
	}
	if len(earlier) > 0 {
		newest := slices.Max(earlier)
		if text, err := os.ReadFile(newest); err == nil && string(text) == sql {
			return newest, nil
		}
	}
	path := filepath.Join(dir, now.UTC().Format("20060102150405")+"_"+name+".sql")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", fmt.Errorf("write the migration: %w", err)
	}
	_, err = file.WriteString(sql)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("write the migration: %w", errors.Join(err, os.Remove(path)))
	}
	return path, nil
}

// supabaseProject finds the project as the Supabase CLI does: it is the nearest folder with a supabase/config.toml,
// from the current folder upwards (github.com/supabase/cli, internal/utils/misc.go, getProjectRoot).
func supabaseProject() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the current folder: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		_, err := os.Stat(filepath.Join(dir, "supabase", "config.toml"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for the Supabase project: %w", err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%w: --migration: neither %s nor a folder above it is a Supabase project (there is "+
				"no supabase/config.toml): go to the project's folder, or run supabase init there first",
				errSettings, start)
		}
	}
}
