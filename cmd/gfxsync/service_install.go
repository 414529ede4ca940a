package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/envfile"
	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store/supabase"
)

var (
	printFlag = &cli.BoolFlag{
		Name: "print", Usage: "show what would be installed, and install nothing",
	}
	accountFlag = &cli.StringFlag{
		Name: "account", Usage: "have the service run as the account `NAME`, because the folder needs it; else as " +
			"one of its own",
	}
	userFlag    = &cli.BoolFlag{Name: "user", Usage: "a service of yours, not of the system"}
	keyFileFlag = &cli.StringFlag{
		Name: "key-file", Usage: "a `FILE` that holds nothing but the key, if the key is not among the settings",
		DefaultText: defaultKeyFile,
	}
)

// defaultKeyFile is where the key of a service of the system is, if it is not among the settings.
const defaultKeyFile = "/etc/gfxsync/" + service.KeyCredential

// passwordVariable holds the password of the account that the service runs as. It is in no flag, because lists of
// processes show flags.
const passwordVariable = "GFX_SYNC_SERVICE_PASSWORD"

func (p *program) serviceInstallCommand() *cli.Command {
	return &cli.Command{
		Name:  "install",
		Usage: "have the operating system run gfxsync from now on, with the settings of --env-file and of these flags",
		Flags: append(append(flags(agentSettings...), noWatchFlag, printFlag, accountFlag), installFlags...),
		Action: p.withManager(func(c *cli.Context, m service.Manager) error {
			if !c.Bool(printFlag.Name) {
				if err := m.Ready(); err != nil {
					return err
				}
			}
			spec, err := p.serviceSpec(c)
			if err != nil {
				return err
			}
			if c.Bool(printFlag.Name) {
				plan, err := m.Plan(*spec)
				if err == nil {
					_, err = fmt.Fprint(p.stdout, plan)
				}
				return err
			}
			return p.installService(c, m, spec)
		}),
	}
}

func (p *program) installService(c *cli.Context, m service.Manager, spec *service.Spec) (err error) {
	if spec.Password, err = p.servicePassword(spec.Account); err != nil {
		return err
	}
	notes, err := m.Install(c.Context, *spec)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "The service is installed and runs. gfxsync service status says how it is doing.")
	for _, note := range notes {
		fmt.Fprintln(p.stdout, note)
	}
	return nil
}

// serviceSpec returns the service that a command line asks for. It reads the settings as the service will.
func (p *program) serviceSpec(c *cli.Context) (*service.Spec, error) {
	if err := p.refuseEnvironment(); err != nil {
		return nil, err
	}
	file, err := p.serviceFile(c)
	if err != nil {
		return nil, err
	}
	groups := serviceSettings(c.Bool(userFlag.Name))
	s, err := p.configure(c, groups...)
	if err != nil {
		return nil, err
	}
	spec := &service.Spec{Account: c.String(accountFlag.Name)}
	if err := p.findKey(c, s, spec); err != nil {
		return nil, err
	}
	s.setServiceDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	if spec.Program, err = os.Executable(); err != nil {
		return nil, err
	}
	if file != nil {
		spec.Settings = absolute(file.Path)
	}
	for _, root := range s.roots {
		spec.Folders = append(spec.Folders, root.Dir)
	}
	for _, written := range []string{s.queueDB, s.localDB, s.logFile} {
		if written != "" {
			spec.Data = append(spec.Data, written)
		}
	}
	spec.Args, err = serviceArgs(c, s, file)
	return spec, err
}

// serviceSettings are the settings of gfxsync run with the defaults of a service.
func serviceSettings(user bool) [][]setting {
	groups := slices.Clone(agentSettings)
	for i, group := range groups {
		groups[i] = slices.Clone(group)
		for j := range groups[i] {
			if preset := servicePreset(groups[i][j].flag, user); preset != "" {
				groups[i][j].preset = preset
			}
		}
	}
	return groups
}

// refuseEnvironment fails if there are settings in the environment, which the service does not get.
func (p *program) refuseEnvironment() error {
	for _, one := range slices.Concat(agentSettings...) {
		for _, name := range one.env {
			if v, ok := p.lookupEnv(name); ok && v != "" {
				return fmt.Errorf("%w: %s is set in the environment, which a service does not get: put it into the "+
					"file of --env-file", errSettings, name)
			}
		}
	}
	return nil
}

// serviceFile reads the file of settings. The paths in it have to be absolute, because the service begins in another
// folder.
func (p *program) serviceFile(c *cli.Context) (*envfile.File, error) {
	file, err := p.readEnvFile(c)
	if err != nil {
		return nil, err
	}
	for _, one := range slices.Concat(agentSettings...) {
		if name, v, ok := one.in(file.Lookup); ok && isPathSetting(one.flag) && !isAbsolute(v) {
			return nil, fmt.Errorf("%w: %s is %s: expected an absolute path, because a service begins in another "+
				"folder", errSettings, name, quoteValue(v))
		}
	}
	return file, nil
}

// isPathSetting says whether the values of a setting are paths.
func isPathSetting(flag string) bool {
	return slices.Contains([]string{"watch", "local", "queue-db", "log-file"}, flag)
}

// isAbsolute says whether a path, or all folders of GFX_SYNC_GFX_WATCH_PATH, are absolute.
func isAbsolute(v string) bool {
	if !labelled.MatchString(v) {
		return filepath.IsAbs(v)
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(v, ";"), ";") {
		if m := labelled.FindStringSubmatch(part); m == nil || !filepath.IsAbs(strings.TrimSpace(m[2])) {
			return false
		}
	}
	return true
}

// findKey finds the file with the key if the key is not among the settings, and tries the key. The file need not be
// there if nothing is to be installed.
func (p *program) findKey(c *cli.Context, s *settings, spec *service.Spec) error {
	name := c.String(keyFileFlag.Name)
	if name == "" && s.key == nil && s.localDB == "" && mayHaveKeyFile(c.Bool(userFlag.Name)) {
		name = defaultKeyFile
	}
	if name == "" {
		return nil
	}
	spec.KeyFile, s.key = absolute(name), &supabase.Key{}
	if c.Bool(printFlag.Name) {
		return nil
	}
	content, err := os.ReadFile(spec.KeyFile)
	if err != nil {
		return fmt.Errorf("%w: no key is among the settings, and none in a file of its own: %w", errSettings, err)
	}
	if err := parseKey(s, spec.KeyFile, trimmed(content)); err != nil {
		return fmt.Errorf("%w: %w", errSettings, err)
	}
	return nil
}

// serviceArgs returns the arguments of gfxsync service run: the flags of this command line, and all paths that are not
// in the file of settings, for an account has defaults of its own.
func serviceArgs(c *cli.Context, s *settings, file *envfile.File) (args []string, err error) {
	paths := map[string]string{
		"watch": rootsText(s.roots), "local": s.localDB, "queue-db": s.queueDB, "log-file": s.logFile,
	}
	for _, one := range slices.Concat(agentSettings...) {
		value, given := c.String(one.flag), one.flag != "" && c.IsSet(one.flag)
		if isPathSetting(one.flag) {
			value = paths[one.flag]
			_, _, inFile := one.in(file.Lookup)
			given = given || value != "" && !inFile
		}
		if !given {
			continue
		}
		if mayHoldKey(value) {
			return nil, fmt.Errorf("%w: --%s is %s: it looks like a key, and lists of processes would show it",
				errSettings, one.flag, quoteValue(value))
		}
		args = append(args, "--"+one.flag+"="+value)
	}
	if c.Bool(noWatchFlag.Name) {
		args = append(args, "--"+noWatchFlag.Name)
	}
	return args, nil
}

func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}

// rootsText returns roots as --watch takes them.
func rootsText(roots []hashindex.Root) string {
	var texts []string
	for _, root := range roots {
		texts = append(texts, root.String())
	}
	return strings.Join(texts, ";")
}
