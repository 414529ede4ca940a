package main

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completionScripts are the scripts for the shells, named as the shells. Each asks "gfxsync __complete WORD…".
//
//go:embed completion
var completionScripts embed.FS

// completeName is the command that the scripts ask. Its arguments are the words so far, without that which is being
// typed.
const completeName = "__complete"

const completionDescription = `Prints a script that has a shell complete the commands and flags of gfxsync:

bash        gfxsync completion bash > /etc/bash_completion.d/gfxsync
zsh         gfxsync completion zsh > "${fpath[1]}/_gfxsync"
fish        gfxsync completion fish > ~/.config/fish/completions/gfxsync.fish
PowerShell  gfxsync completion powershell >> $PROFILE`

func (p *program) completionCommand() *cli.Command {
	c := &cli.Command{
		Name: "completion", ArgsUsage: "SHELL", Usage: "print a script that completes commands and flags in a shell",
		Description: completionDescription,
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		c.Subcommands = append(c.Subcommands, &cli.Command{
			Name: shell, Usage: "print the script for " + shell,
			Action: func(c *cli.Context) error {
				if err := refuseArguments(c); err != nil {
					return err
				}
				script, err := completionScripts.ReadFile("completion/" + shell)
				if err != nil {
					return err
				}
				_, err = p.stdout.Write(script)
				return err
			},
		})
	}
	return c
}

func (p *program) completeCommand() *cli.Command {
	return &cli.Command{
		Name: completeName, Hidden: true, SkipFlagParsing: true, HideHelp: true,
		Action: func(c *cli.Context) error {
			for _, f := range following(c.App, c.Args().Slice()) {
				if _, err := io.WriteString(p.stdout, f+"\n"); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// following returns the commands and flags that may follow some words, each with what it is for after a tab. It returns
// nothing where the value of a flag or an argument follows.
func following(app *cli.App, words []string) (found []string) {
	commands, flags := app.Commands, app.Flags
	asked, isValue := false, false
	for _, word := range words {
		switch {
		case isValue:
			isValue = false
		case word == "--":
			return nil
		case word == "help":
			asked = true
		case strings.HasPrefix(word, "-"):
			isValue = takesNext(flags, word)
		default:
			if i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(word) }); i >= 0 {
				commands, flags = commands[i].Subcommands, commands[i].Flags
			}
		}
	}
	if isValue {
		return nil
	}
	for _, c := range commands {
		if !c.Hidden {
			found = append(found, c.Name+"\t"+c.Usage)
		}
	}
	for _, f := range flags {
		if name := f.Names()[0]; !asked && !slices.Contains(words, "--"+name) {
			found = append(found, fmt.Sprintf("--%s\t%s", name, shortUsage(f)))
		}
	}
	return found
}

// shortUsage returns what a flag is for, without its variable.
func shortUsage(f cli.Flag) string {
	usage := f.(cli.DocGenerationFlag).GetUsage()
	usage, _, _ = strings.Cut(usage, " [")
	return strings.ReplaceAll(usage, "`", "")
}
