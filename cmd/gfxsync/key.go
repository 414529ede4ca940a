package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/envfile"
	"github.com/gfxsync/gfxsync/store/supabase"
)

const keySetDescription = `Asks for the key, and does not show what is typed. If standard input is no terminal, the key is
read from there. It replaces the key in the file of settings that is in use, or in that of --env-file, which may be a
new one. The file is for its owner alone if it is new, and keeps its rights otherwise. On Windows the key is sealed:
only this machine can read it.`

func (p *program) keyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "replace the key of Supabase in the file of settings",
		Subcommands: []*cli.Command{{
			Name:        "set",
			Usage:       "replace the key in the file of settings by one that is typed, or read from standard input",
			Description: keySetDescription, Flags: append(flags(), jsonFlag), Action: p.setKey,
		}},
	}
}

// keyNames returns the variables that may hold the key, the one in the documentation first.
func keyNames() []string {
	i := slices.IndexFunc(remoteSettings, func(s setting) bool { return s.parse == nil })
	return remoteSettings[i].env
}

func (p *program) setKey(c *cli.Context) error {
	if err := refuseArguments(c); err != nil {
		return err
	}
	file, err := p.envFileToWrite(c)
	if err != nil {
		return err
	}
	text, err := p.askKey(c.Context)
	if err != nil {
		return err
	}
	key, err := supabase.ParseKey(text)
	if at := key.Expires(); err == nil && !at.IsZero() && at.Before(time.Now()) {
		err = fmt.Errorf("%w: it has expired, on %s", supabase.ErrKey, at.Local().Format(time.DateOnly))
	}
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	sealed, err := envfile.Seal(strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	names := keyNames()
	if err := file.Set(names[0], sealed, names[1:]...); err != nil {
		return err
	}
	if err := file.Write(); err != nil {
		return fmt.Errorf("the key could not be written, and the file is as it was: %w", err)
	}
	return p.printKeySet(c, file, key)
}

// envFileToWrite is the file of settings in use. A file that is named need not be there.
func (p *program) envFileToWrite(c *cli.Context) (*envfile.File, error) {
	file, err := p.readEnvFile(c)
	if path, _ := p.namedEnvFile(c); errors.Is(err, fs.ErrNotExist) && path != "" {
		return envfile.New(path), nil
	}
	if err == nil && file == nil {
		return nil, fmt.Errorf("%w: no file of settings is in use (%s): name one with --env-file FILE", errSettings,
			strings.Join(p.envPlaces, ", "))
	}
	return file, err
}

// maxKeyInput is more than any key has.
const maxKeyInput = 64 << 10

// askKey reads the key from the terminal, without showing it, or from standard input. A read of either cannot be
// interrupted, so a command that is stopped leaves it behind, and gives the terminal back as it was.
func (p *program) askKey(ctx context.Context) (string, error) {
	fd := int(p.stdin.Fd())
	read := func() ([]byte, error) { return io.ReadAll(io.LimitReader(p.stdin, maxKeyInput)) }
	restore := func() error { return nil }
	if term.IsTerminal(fd) {
		before, err := term.GetState(fd)
		if err != nil {
			return "", fmt.Errorf("read the key: %w", err)
		}
		restore = func() error { return term.Restore(fd, before) }
		read = func() ([]byte, error) { return term.ReadPassword(fd) }
		fmt.Fprint(p.stderr, "Secret key of the Supabase project (it is not shown): ")
		defer fmt.Fprintln(p.stderr)
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", fmt.Errorf("read the key: %w", r.err)
		}
		return string(r.text), nil
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), restore())
	}
}

func (p *program) printKeySet(c *cli.Context, file *envfile.File, key supabase.Key) error {
	wins := ""
	for _, name := range keyNames() {
		if v, ok := p.lookupEnv(name); ok && strings.TrimSpace(v) != "" {
			wins = name
			break
		}
	}
	if c.Bool(jsonFlag.Name) {
		return printJSON(p.stdout, struct {
			File     string `json:"settings_file"`
			Kind     string `json:"kind"`
			WinsOver string `json:"environment,omitempty"` // the variable of the environment that wins over the file
		}{file.Path, key.Kind(), wins})
	}
	_, err := fmt.Fprintf(p.stdout, "The key in %s is now this %s. An agent that runs takes it at its next start; "+
		"gfxsync check tries it.\n", pathText("", file.Path), key.Kind())
	if wins != "" && err == nil {
		_, err = fmt.Fprintf(p.stdout, "! %s is set in the environment too, and wins over the file: unset it.\n", wins)
	}
	return err
}
