package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Usage: "print the manual page (gfxsync man | man -l -)",
		Action: func(c *cli.Context) error {
			if err := refuseArguments(c); err != nil {
				return err
			}
			_, err := io.WriteString(p.stdout, manPage(c.App))
			return err
		},
	}
}

const manDescription = `PokerGFX writes one JSON file per session and rewrites it after every hand. gfxsync keeps the
Supabase table gfx_sessions true to the folder of these files: within milliseconds when the operating system reports a
change, within one reconcile when it did not, and after any outage. It writes nothing into the folder.`

const manSettings = `A flag wins over the environment, the environment over the file of settings: that of --env-file,
else of GFX_SYNC_ENV_FILE, else the first that is there of those below FILES. The file has lines of NAME=VALUE in UTF-8.
Times are seconds (5.0) or durations (1m30s). Each command takes those of these settings that it needs.`

// manFiles and manStatus are paragraphs with what they are about.
var (
	manFiles = [][2]string{
		{"~/.config/gfxsync/gfxsync.env, %AppData%\\gfxsync\\gfxsync.env", "the user's settings"},
		{"/etc/gfxsync/gfxsync.env, C:\\ProgramData\\gfxsync\\gfxsync.env", "the system's settings"},
		{"~/.local/state/gfxsync/pending.db, C:\\GFX\\sync_queue\\pending.db", "the hash index and the offline queue"},
	}
	manStatus = [][2]string{
		{"0", "The command did what it was asked to, and found nothing wrong."},
		{"1", "Something remains to be sent, differs, or is to be mended."},
		{"2", "The command could not run, or could not find out."},
	}
)

// manPage writes the manual page of the program in the language of man(7). It is the same on every machine.
func manPage(app *cli.App) string {
	m := &manual{}
	m.line(`.TH GFXSYNC 1 "" ` + manQuoted("gfxsync "+versionText()) + ` "User Commands"`)
	m.section("NAME")
	m.text(app.Name + ` \- ` + manText(app.Usage))
	m.section("SYNOPSIS")
	m.line(`.B gfxsync`)
	m.line(`.I command`)
	m.line(`[\fIflags\fR] [\fIarguments\fR]`)
	m.section("DESCRIPTION")
	m.paragraphs(manDescription)
	m.section("COMMANDS")
	m.commands(app.Name, app.Commands)
	m.section("SETTINGS")
	m.paragraphs(manSettings)
	m.settings()
	m.section("EXIT STATUS")
	m.list(manStatus)
	m.section("FILES")
	m.list(manFiles)
	return m.String()
}

// manual is a page that is being written.
type manual struct{ strings.Builder }

func (m *manual) line(text string) { m.WriteString(text + "\n") }

// text writes a line of text. A dot or a quotation mark at its beginning would make a request of it.
func (m *manual) text(text string) {
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	m.line(text)
}

func (m *manual) section(name string) { m.line(".SH " + name) }

// paragraphs writes a text with an empty line between paragraphs. One with columns stays as it is.
func (m *manual) paragraphs(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			m.line(".PP")
		}
		columns := strings.Contains(paragraph, "  ")
		if columns {
			m.line(".nf")
		}
		for line := range strings.Lines(paragraph) {
			m.text(manText(strings.TrimRight(line, "\n")))
		}
		if columns {
			m.line(".fi")
		}
	}
}

// list writes paragraphs, each with what it is about before it.
func (m *manual) list(entries [][2]string) {
	for _, e := range entries {
		m.line(".TP")
		m.text(`\fB` + manText(e[0]) + `\fR`)
		m.text(manText(e[1]))
	}
}

// commands writes of each command below another what it is for, and those of its flags that are no settings.
func (m *manual) commands(above string, commands []*cli.Command) {
	for _, c := range commands {
		name := above + " " + c.Name
		switch {
		case c.Hidden:
			continue
		case len(c.Subcommands) > 0 && c.Description == "":
			m.commands(name, c.Subcommands)
			continue
		}
		m.line(".SS " + manQuoted(strings.TrimSpace(name+" "+c.ArgsUsage)))
		m.text(manText(capital(c.Usage) + "."))
		if c.Description != "" {
			m.line(".PP")
			m.paragraphs(c.Description)
		}
		m.flags(c.Flags)
	}
}

func (m *manual) flags(flags []cli.Flag) {
	for _, f := range flags {
		d := f.(cli.DocGenerationFlag)
		if slices.Contains(settingFlags(), f.Names()[0]) {
			continue
		}
		value, usage := placeholder(d)
		m.list([][2]string{{strings.TrimSpace("--" + f.Names()[0] + " " + value), capital(usage) + "."}})
	}
}

// settingFlags returns the flags that the section of settings tells of.
func settingFlags() []string {
	names := []string{"env-file", "help"}
	for _, s := range slices.Concat(agentSettings...) {
		names = append(names, s.flag)
	}
	return names
}

// placeholder returns how the value of a flag is named, and what the flag is for.
func placeholder(f cli.DocGenerationFlag) (value, usage string) {
	before, rest, named := strings.Cut(f.GetUsage(), "`")
	if !named {
		return "", before
	}
	value, after, _ := strings.Cut(rest, "`")
	return value, before + value + after
}

func (m *manual) settings() {
	category := ""
	for _, s := range slices.Concat(agentSettings...) {
		if s.category != category {
			category = s.category
			m.line(".SS " + manQuoted(category))
		}
		names := strings.Join(s.env, ", ")
		if s.flag != "" {
			names = "--" + s.flag + ", " + names
		}
		usage := capital(s.usage) + "."
		if preset := s.anywhere(); preset != "" {
			usage += fmt.Sprintf(" The default is %s.", preset)
		}
		m.list([][2]string{{names, usage}})
	}
}

// manText writes what has a meaning of its own in man(7) so that it has none. A hyphen is one that can be searched for.
func manText(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "~", `\(ti`, "^", `\(ha`, "`", `\(ga`).Replace(text)
}

// manQuoted is one argument of a request.
func manQuoted(text string) string { return `"` + strings.ReplaceAll(manText(text), `"`, `\(dq`) + `"` }

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
