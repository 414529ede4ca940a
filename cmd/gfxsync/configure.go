package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/envfile"
	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
)

// errSettings says that a command cannot begin because of its settings.
var errSettings = errors.New("wrong setting")

// flags returns the command-line flags of some groups of settings.
func flags(groups ...[]setting) []cli.Flag {
	envFile := &cli.StringFlag{
		Name: "env-file", Usage: "read settings from `FILE` (NAME=VALUE lines) [" + envFileVariable +
			"], else from the first that is there of " + envPlacesText(),
	}
	list := []cli.Flag{envFile}
	for _, group := range groups {
		for _, s := range group {
			if s.flag == "" {
				envFile.Usage += fmt.Sprintf("; there or in the environment, and in no flag, the %s [%s]",
					s.usage, strings.Join(s.env, ", "))
				continue
			}
			usage := s.usage + " [" + s.env[0] + "]"
			list = append(list, &cli.StringFlag{
				Name: s.flag, Usage: usage, DefaultText: s.preset, Category: s.category,
			})
		}
	}
	return list
}

// configure reads the settings of some groups. A flag wins over the environment, and the environment over the file of
// --env-file.
func (p *program) configure(c *cli.Context, groups ...[]setting) (*settings, error) {
	file, err := p.readEnvFile(c)
	if err != nil {
		return nil, err
	}
	if err := p.refuseUnknown(file); err != nil {
		return nil, err
	}
	s := &settings{envFile: file}
	for _, group := range groups {
		for i := range group {
			if err := p.set(s, &group[i], c, file); err != nil {
				return nil, err
			}
		}
	}
	// The flags come first: a quotation mark in a flag can turn the rest of the line into arguments, and the error of
	// that flag says so (see quotationMarkHint).
	return s, refuseArguments(c)
}

func refuseArguments(c *cli.Context) error {
	if c.Args().Present() && c.Command.ArgsUsage == "" {
		return fmt.Errorf("%w: %s is not an argument of this command; see --help", errSettings,
			quoteValue(c.Args().First()))
	}
	return nil
}

// configureAgent reads and validates the settings that an agent needs.
func (p *program) configureAgent(c *cli.Context, groups ...[]setting) (*settings, error) {
	s, err := p.configure(c, groups...)
	if err != nil {
		return nil, err
	}
	return s, s.validate()
}

func (p *program) set(s *settings, one *setting, c *cli.Context, file *envfile.File) error {
	name, value, given, err := p.lookup(one, file)
	if err != nil {
		return err
	}
	if one.flag != "" && c.IsSet(one.flag) {
		name, value, given = "--"+one.flag, c.String(one.flag), true
	}
	if !given {
		value = one.preset
	}
	switch {
	case value == "" && !given:
		return nil
	case one.parse == nil:
		if err := parseKey(s, name, value); err != nil {
			return fmt.Errorf("%w: %w", errSettings, err)
		}
	case !one.parse(s, value):
		return fmt.Errorf("%w: %s is %s: expected %s%s", errSettings, name, quoteValue(value), one.expected,
			quotationMarkHint(value))
	}
	return nil
}

// lookup looks for a setting in the environment, then, if it is the key, among the credentials, then in the file. An
// empty value counts as none, unless the setting says otherwise.
func (p *program) lookup(one *setting, file *envfile.File) (name, value string, given bool, err error) {
	if name, value, given = one.in(p.lookupEnv); given {
		return name, value, true, nil
	}
	if one.flag == "" {
		if value, err = p.credential(keyCredential); err != nil || value != "" {
			return "the credential " + keyCredential, value, true, err
		}
	}
	name, value, given = one.in(file.Lookup)
	return name, value, given, nil
}

func (one *setting) in(source func(string) (string, bool)) (name, value string, given bool) {
	for _, name := range one.env {
		if v, ok := source(name); ok && (one.emptyIsOff || strings.TrimSpace(v) != "") {
			return name, strings.TrimSpace(v), true
		}
	}
	return one.env[0], "", false
}

// keyCredential is the credential in which a unit of systemd hands the key to gfxsync (LoadCredential= in
// systemd.exec(5)). It is the name of a file that holds nothing else.
const keyCredential = service.KeyCredential

// credential returns what is in a credential; empty: there is none.
func (p *program) credential(name string) (string, error) {
	dir, ok := p.lookupEnv("CREDENTIALS_DIRECTORY")
	if !ok {
		return "", nil
	}
	content, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: the credential %s: %w", errSettings, name, err)
	}
	return trimmed(content), nil
}

// trimmed returns the one word that a file holds.
func trimmed(content []byte) string {
	return strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
}

// quoteValue quotes a wrong value. It does not show a value that may be a secret in the wrong place.
func quoteValue(v string) string {
	if mayHoldKey(v) || (strings.Contains(v, "@") && strings.Contains(v, ":")) {
		return "(not shown)"
	}
	return quoted(v)
}

// quoted quotes a value as it was written. Unlike %q, it does not double the backslashes of a Windows path.
func quoted(v string) string {
	switch {
	case strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(v)
	case !strings.Contains(v, `"`):
		return `"` + v + `"`
	case !strings.Contains(v, "`"):
		return "`" + v + "`"
	}
	return strconv.Quote(v)
}

// mayHoldKey recognizes a key, or a sealed one, by its beginning.
func mayHoldKey(v string) bool {
	return strings.Contains(v, "sb_") || strings.Contains(v, "eyJ") || strings.Contains(v, "dpapi:")
}

// quotationMarkHint explains the quotation mark in a wrong value on Windows. The command line --watch "C:\GFX\" --json
// has one argument after --watch, C:\GFX" --json. And set NAME="C:\GFX" puts the quotation marks into the value.
func quotationMarkHint(v string) string {
	if runtime.GOOS != "windows" || !strings.Contains(v, `"`) {
		return ""
	}
	return ` (in it is a quotation mark, as which Windows takes the \" in "C:\GFX\": write "C:\GFX" or "C:/GFX/", ` +
		`and no quotation marks after set NAME=)`
}
