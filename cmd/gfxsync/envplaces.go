package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/envfile"
	"github.com/gfxsync/gfxsync/store"
)

const envFileVariable = "GFX_SYNC_ENV_FILE"

// envFileName is the name of the file of settings in the places where it is looked for.
const envFileName = "gfxsync.env"

// envPlaces returns where the file of settings is looked for if nothing names it: the user's place, then the system's.
func envPlaces() (places []string) {
	// Below the home of another account, as after su without -, nothing can be found.
	if dir, err := os.UserConfigDir(); err == nil && !errors.Is(statError(dir), fs.ErrPermission) {
		places = append(places, filepath.Join(dir, "gfxsync", envFileName))
	}
	return append(places, filepath.Join(systemConfigDir(), "gfxsync", envFileName))
}

// envPlacesText returns the places as help names them.
func envPlacesText() string {
	switch runtime.GOOS {
	case "windows":
		return `%AppData%\gfxsync\gfxsync.env, C:\ProgramData\gfxsync\gfxsync.env`
	case "darwin":
		return "~/Library/Application Support/gfxsync/gfxsync.env, /etc/gfxsync/gfxsync.env"
	default:
		return "~/.config/gfxsync/gfxsync.env, /etc/gfxsync/gfxsync.env"
	}
}

func statError(path string) error {
	_, err := os.Stat(path)
	return err
}

func systemConfigDir() string {
	if runtime.GOOS != "windows" {
		return "/etc"
	}
	if dir := os.Getenv("ProgramData"); filepath.IsAbs(dir) {
		return dir
	}
	return `C:\ProgramData`
}

// readEnvFile reads the file of settings that a flag or a variable names, or else the first that is there in one of the
// places. It returns nil if there is none.
func (p *program) readEnvFile(c *cli.Context) (*envfile.File, error) {
	path, from := p.namedEnvFile(c)
	switch {
	case from == "":
		return p.findEnvFile()
	case strings.TrimSpace(path) == "":
		return nil, fmt.Errorf("%w: --env-file is %s: expected the path of a file", errSettings, quoteValue(path))
	}
	file, err := envfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errSettings, from, err)
	}
	return file, nil
}

// namedEnvFile returns the path of the file that a flag or a variable names, and which of them.
func (p *program) namedEnvFile(c *cli.Context) (path, from string) {
	if c.IsSet("env-file") {
		return c.String("env-file"), "--env-file"
	}
	if path, ok := p.lookupEnv(envFileVariable); ok && strings.TrimSpace(path) != "" {
		return path, envFileVariable
	}
	return "", ""
}

func (p *program) findEnvFile() (*envfile.File, error) {
	for _, path := range p.envPlaces {
		file, err := envfile.Read(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, fs.ErrPermission):
			return nil, fmt.Errorf("%w: the settings are in %s, which this account may not read: run gfxsync as an "+
				"account that may, or name another file with --env-file (%w)", errSettings, path, err)
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errSettings, err)
		}
		return file, nil
	}
	return nil, nil
}

// envFilePath returns the absolute path of the file that the settings were read from, or nothing.
func (s *settings) envFilePath() string {
	if s.envFile == nil {
		return ""
	}
	path, err := filepath.Abs(s.envFile.Path)
	if err != nil {
		return s.envFile.Path
	}
	return path
}

// envFileFinding says which file was read.
func (s *settings) envFileFinding() store.Finding {
	f := store.Finding{Part: "settings", Verdict: store.OK, Text: "no file; from the environment and the command line"}
	path := s.envFilePath()
	if path == "" {
		return f
	}
	f.Text = "from " + pathText("", path) + "; the environment and the command line win over it"
	if !slices.ContainsFunc(keyNames(), func(name string) bool { v, _ := s.envFile.Lookup(name); return v != "" }) {
		return f
	}
	switch who, err := envfile.OpenTo(path); {
	case err != nil:
		f.Verdict, f.Text = store.Warn, f.Text+"; who may read the key in it cannot be told: "+err.Error()
		f.Hint = "look at the rights of the file"
	case who != "":
		f.Verdict, f.Text = store.Warn, f.Text+"; the key in it is open to "+who
		f.Hint = onWindows("run gfxsync key set, which writes the file for you, Administrators and SYSTEM alone",
			"chmod 600 "+path)
	}
	return f
}
