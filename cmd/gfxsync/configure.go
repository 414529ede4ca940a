package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/DeRuina/timberjack"
	"github.com/joho/godotenv"
	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/store"
)

// errSettings says that a command cannot begin as it is configured.
var errSettings = errors.New("wrong setting")

const envFileVariable = "GFX_SYNC_ENV_FILE"

// flags makes the command-line flags of some groups of settings.
func flags(groups ...[]setting) []cli.Flag {
	envFile := &cli.StringFlag{Name: "env-file", Usage: "read settings from `FILE` (KEY=VALUE lines) [" + envFileVariable + "]"}
	list := []cli.Flag{envFile}
	for _, group := range groups {
		for _, s := range group {
			if s.flag == "" {
				envFile.Usage += "; there or in the environment, and in no flag, the " + s.usage + " [" + strings.Join(s.env, ", ") + "]"
				continue
			}
			list = append(list, &cli.StringFlag{Name: s.flag, Usage: s.usage + " [" + s.env[0] + "]", DefaultText: s.preset})
		}
	}
	return list
}

// configure reads the settings of some groups: a flag wins over the environment, the environment over the file of --env-file. An
// empty value counts as none.
func (p *program) configure(c *cli.Context, groups ...[]setting) (*settings, error) {
	file, err := p.readEnvFile(c)
	if err != nil {
		return nil, err
	}
	s := &settings{}
	for _, group := range groups {
		for i := range group {
			if err := p.set(s, &group[i], c, file); err != nil {
				return nil, err
			}
		}
	}
	// After the flags: a quotation mark that one of them took in (onQuotationMarks) makes arguments of what follows.
	if c.Args().Present() && c.Command.ArgsUsage == "" {
		return nil, fmt.Errorf("%w: %s is not an argument of this command; see --help", errSettings, quoteValue(c.Args().First()))
	}
	return s, nil
}

// literalPaths finds values as "C:\GFX\new", which godotenv would take for one with a line break, and without backslashes. It
// leaves those in single quotes alone.
var literalPaths = regexp.MustCompile(`(?m)^([ \t]*(?:export[ \t]+)?\w+[ \t]*=[ \t]*)"([^"'\r\n]*\\[^"'\r\n]*[^"'\r\n\\])"`)

func (p *program) readEnvFile(c *cli.Context) (map[string]string, error) {
	path := c.String("env-file")
	if path == "" {
		path, _ = p.lookupEnv(envFileVariable)
	}
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: --env-file: %w", errSettings, err)
	}
	values, err := godotenv.Unmarshal(literalPaths.ReplaceAllString(strings.TrimPrefix(string(text), "\ufeff"), "$1'$2'"))
	if err != nil {
		// Its own error quotes the file, in which there is a key.
		return nil, fmt.Errorf("%w: --env-file %s: expected lines of KEY=VALUE", errSettings, path)
	}
	return values, nil
}

func (p *program) set(s *settings, one *setting, c *cli.Context, file map[string]string) error {
	name, value, given := p.lookup(one, file)
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
		return fmt.Errorf("%w: %s is %s: expected %s%s", errSettings, name, quoteValue(value), one.expected, onQuotationMarks(value))
	}
	return nil
}

// lookup finds a setting in the environment, then in the file.
func (p *program) lookup(one *setting, file map[string]string) (name, value string, given bool) {
	for _, source := range []func(string) (string, bool){p.lookupEnv, func(name string) (string, bool) { v, ok := file[name]; return v, ok }} {
		for _, name := range one.env {
			if v, ok := source(name); ok && (one.emptyIsOff || strings.TrimSpace(v) != "") {
				return name, strings.TrimSpace(v), true
			}
		}
	}
	return one.env[0], "", false
}

// quoteValue shows a wrong value, unless it might be a secret that was put in the wrong place.
func quoteValue(v string) string {
	if mayHoldKey(v) || (strings.Contains(v, "@") && strings.Contains(v, ":")) {
		return "(not shown)"
	}
	return quoted(v)
}

// quoted is v as it was written, with what cannot be printed escaped: %q would double every backslash of a Windows path.
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

// mayHoldKey knows keys by how they begin.
func mayHoldKey(v string) bool { return strings.Contains(v, "sb_") || strings.Contains(v, "eyJ") }

// errNoQueueDB is for an account without a home directory, for which there is no default.
var errNoQueueDB = fmt.Errorf("%w: GFX_SYNC_QUEUE_DB_PATH is not set: expected the path of a file", errSettings)

// validate looks at what only the settings of an agent together can tell.
func (s *settings) validate() error {
	switch {
	case s.localDB == "" && s.supabaseURL == nil:
		return fmt.Errorf("%w: GFX_SYNC_SUPABASE_URL is not set: expected the URL of the project, or --local FILE", errSettings)
	case s.localDB == "" && s.key == nil:
		return fmt.Errorf("%w: GFX_SYNC_SUPABASE_SERVICE_KEY is not set: expected the project's secret key (Supabase dashboard, "+
			"Project Settings, API Keys)", errSettings)
	case len(s.roots) == 0:
		return fmt.Errorf("%w: GFX_SYNC_GFX_WATCH_PATH is not set: expected the path of the folder that PokerGFX writes to", errSettings)
	case s.queueDB == "":
		return errNoQueueDB
	case s.localDB != "" && !s.isByHash():
		return fmt.Errorf("%w: GFX_SYNC_ON_CONFLICT is %s, but the table of GFX_SYNC_LOCAL_DB is unique on file_hash: leave one of them out",
			errSettings, s.conflict)
	}
	if err := s.validateFiles(); err != nil {
		return err
	}
	return validateRoots(s.roots)
}

// isByHash says whether each content is a row, as far as the settings tell.
func (s *settings) isByHash() bool {
	key, given := s.conflict.Key()
	return !given || key == store.ByHash
}

func isInside(path, dir string) bool {
	rel, err := filepath.Rel(realPath(dir), realPath(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// realPath follows the symbolic links in that part of a path which is there already.
func realPath(path string) string {
	return answered(func() string { return findRealPath(path) }, path)
}

// answered returns what f finds on a file system, or other if that does not answer: a share that hangs is the agent's to wait for.
func answered[T any](f func() T, other T) T {
	found := make(chan T, 1)
	go func() { found <- f() }()
	select {
	case v := <-found:
		return v
	case <-time.After(3 * time.Second):
		return other
	}
}

func findRealPath(path string) string {
	for there, rest := path, ""; ; there, rest = filepath.Dir(there), filepath.Join(filepath.Base(there), rest) {
		if real, err := filepath.EvalSymlinks(there); err == nil {
			return filepath.Join(real, rest)
		}
		if filepath.Dir(there) == there {
			return path
		}
	}
}

// logger makes the log of a command. Close is to be called at its end.
func (p *program) logger(s *settings) (log *slog.Logger, closeLog func() error) {
	out, closeLog := p.stderr, func() error { return nil }
	if s.logFile != "" {
		// timberjack would let everybody into a directory that it has to make; what is wrong with the path it says itself.
		_ = os.MkdirAll(filepath.Dir(s.logFile), 0o700)
		rotating := &timberjack.Logger{Filename: s.logFile, MaxSize: 10, MaxBackups: 5, FileMode: 0o600}
		out, closeLog = rotating, rotating.Close
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if s.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, opts)), closeLog
	}
	return slog.New(slog.NewTextHandler(out, opts)), closeLog
}
