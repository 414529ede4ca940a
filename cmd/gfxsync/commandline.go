package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts the flags of a command before its arguments, because cli takes a flag after an argument for one more
// argument. It also makes of "help COMMAND" what "COMMAND --help" is.
func arrange(app *cli.App, args []string) []string {
	if len(args) > 1 && args[1] == completeName {
		return args
	}
	words, rest := args[:1:1], args[1:]
	flags, commands := app.Flags, app.Commands
	asked := false
	for len(rest) > 0 {
		if rest[0] == "help" {
			asked, rest = true, rest[1:]
			continue
		}
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if i < 0 {
			break
		}
		flags, commands = commands[i].Flags, commands[i].Subcommands
		words, rest = append(words, rest[0]), rest[1:]
	}
	if asked {
		return append(append(words, rest...), "--help")
	}
	if len(commands) > 0 {
		return append(words, rest...) // the next word is no command, and noCommand says so
	}
	given, arguments := partFlags(flags, rest)
	if slices.Contains(given, "--help") || slices.Contains(given, "-h") {
		return append(words, "--help") // cli would look for a command among the arguments
	}
	return append(append(words, given...), arguments...)
}

// partFlags parts flags, with their values, from arguments. After -- there are arguments alone.
func partFlags(flags []cli.Flag, words []string) (given, arguments []string) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			return given, append(arguments, words[i:]...)
		case len(word) < 2 || word[0] != '-':
			arguments = append(arguments, word)
		default:
			given = append(given, word)
			if !takesNext(flags, word) {
				continue
			}
			if i++; i == len(words) {
				return given, nil // an argument must not become the value that is missing
			}
			given = append(given, words[i])
		}
	}
	return given, arguments
}

// takesNext says whether the word after a flag is its value.
func takesNext(flags []cli.Flag, word string) bool {
	name := strings.TrimLeft(word, "-")
	for _, f := range flags {
		if d, ok := f.(cli.DocGenerationFlag); ok && slices.Contains(f.Names(), name) {
			return d.TakesValue()
		}
	}
	return false
}

// finish completes a tree of commands: what is wrong on the command line is said in a line, without the whole help.
func finish(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError, c.HideHelpCommand = usageError, true
		c.Flags = append(c.Flags, cli.HelpFlag) // cli adds it too late to list it beside categories
		hideDefaults(c.Flags)
		if len(c.Subcommands) > 0 {
			c.Action = groupAction
			finish(c.Subcommands)
		}
	}
}

// hideDefaults has help not say that a flag without a value is false by default.
func hideDefaults(flags []cli.Flag) {
	for _, f := range flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
}

// groupAction is for a command that does nothing itself but has commands.
func groupAction(c *cli.Context) error {
	if c.Args().Present() {
		return noCommand(c)
	}
	if c.Command.Name == c.App.Name {
		return cli.ShowAppHelp(c)
	}
	return cli.ShowSubcommandHelp(c)
}

// noCommand says that the first argument is no command.
func noCommand(c *cli.Context) error {
	var names []string
	for _, sub := range c.Command.VisibleCommands() {
		names = append(names, sub.Name)
	}
	hint := ""
	if near := nearest(c.Args().First(), names); near != "" {
		hint = "did you mean " + c.Command.HelpName + " " + near + "? "
	}
	// The name that was typed, as "queue lst".
	typed := strings.TrimPrefix(c.Command.HelpName+" "+c.Args().First(), c.App.Name+" ")
	return fmt.Errorf("there is no command %s; %ssee %s --help", quoteValue(typed), hint, c.Command.HelpName)
}

// wrongBoolean matches the error of a flag that takes no value.
var wrongBoolean = regexp.MustCompile(`^invalid boolean value (".*") for -([^:]+): `)

// usageError says what is wrong with a flag.
func usageError(c *cli.Context, err error, _ bool) error {
	text, hint := err.Error(), ""
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = "there is no flag --" + name
		var names []string
		for _, f := range c.Command.VisibleFlags() {
			names = append(names, f.Names()[0])
		}
		if near := nearest(name, names); near != "" {
			hint = "did you mean --" + near + "? "
		}
	} else if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		text = "--" + name + " needs a value"
	} else if m := wrongBoolean.FindStringSubmatch(text); m != nil {
		text = "--" + m[2] + " is " + m[1] + ": expected true or false, or no value"
	}
	if mayHoldKey(text) {
		return errors.New("a flag is wrong, which is not shown because there may be a key in it; see " +
			c.Command.HelpName + " --help")
	}
	return fmt.Errorf("%s; %ssee %s --help", text, hint, c.Command.HelpName)
}
