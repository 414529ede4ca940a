package service

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// StateDirectory is the folder that systemd makes for the service and gives to its account.
const StateDirectory = "/var/lib/" + Name

// unit is the text of a unit of systemd, line by line. The first error is kept.
type unit struct {
	lines []string
	err   error
}

func (u *unit) section(name string) {
	if len(u.lines) > 0 {
		u.lines = append(u.lines, "")
	}
	u.lines = append(u.lines, "["+name+"]")
}

func (u *unit) set(key string, words ...string) {
	u.lines = append(u.lines, key+"="+strings.Join(words, " "))
}

// quoted returns a text as one word of a list in a unit (systemd.syntax(7), "Quoting").
func (u *unit) quoted(text string) string {
	if err := printable(text); err != nil && u.err == nil {
		u.err = err
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(text) + `"`
}

// argument returns a text as one argument of a command line in a unit, where a dollar sign would begin a variable
// (systemd.service(5), "Command lines").
func (u *unit) argument(text string) string { return strings.ReplaceAll(u.quoted(text), "$", "$$") }

// program returns the path of a program. No variable can begin in it, and systemd takes none with some characters.
func (u *unit) program(name string) string {
	if strings.ContainsAny(name, `"'\`) && u.err == nil {
		u.err = fmt.Errorf("%w: systemd runs no program with a quotation mark or a backslash in its path: %q",
			ErrRefused, name)
	}
	return u.quoted(name)
}

// file returns a path that is the rest of a line, where nothing is quoted.
func (u *unit) file(name string) string {
	err := printable(name)
	if err == nil && (strings.Contains(name, `\`) || strings.TrimSpace(name) != name) {
		err = fmt.Errorf("%w: in a unit of systemd, the path %q of a credential cannot have a backslash, or a space "+
			"at its end", ErrRefused, name)
	}
	if err != nil && u.err == nil {
		u.err = err
	}
	return strings.ReplaceAll(name, "%", "%%")
}

// accounts are the names of accounts that a unit can have (systemd.exec(5), "User=").
var accounts = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.-]{0,30}$`)

// systemUnit returns the unit of a service of the system.
func systemUnit(s Spec) (string, error) {
	u := &unit{}
	if err := checkSystemUnit(s); err != nil {
		return "", err
	}
	u.begin()
	u.set("Wants", "network-online.target")
	u.set("After", "network-online.target remote-fs.target nss-user-lookup.target")
	u.run(s, "${CREDENTIALS_DIRECTORY}/"+SettingsCredential)
	if s.Account == "" {
		u.set("DynamicUser", "yes")
	} else {
		u.set("User", s.Account)
	}
	u.set("StateDirectory", Name)
	u.set("StateDirectoryMode", "0700")
	if s.Settings != "" {
		u.set("LoadCredential", SettingsCredential+":"+u.file(s.Settings))
	}
	if s.KeyFile != "" {
		u.set("LoadCredential", KeyCredential+":"+u.file(s.KeyFile))
	}
	u.confine()
	u.hide(s)
	u.section("Install")
	u.set("WantedBy", "multi-user.target")
	return u.text(s)
}

// userUnit returns the unit of a service of the user who installs it. It has that user's rights, and cannot hide what
// the user can see: that takes rights that not every system gives to its users.
func userUnit(s Spec) (string, error) {
	if s.Account != "" || s.KeyFile != "" {
		return "", fmt.Errorf("%w: with --user it runs as you, and reads the files that you can read: leave out "+
			"--account and --key-file, and put the key into the file of --env-file", ErrRefused)
	}
	u := &unit{}
	u.begin()
	u.run(s, s.Settings)
	u.confine()
	u.section("Install")
	u.set("WantedBy", "default.target")
	return u.text(s)
}

// text ends the unit. What systemd does not read names the files that stay when the service is removed.
func (u *unit) text(s Spec) (string, error) {
	u.section(staysSection)
	for _, file := range s.stays() {
		u.set("File", strconv.Quote(file))
	}
	return strings.Join(u.lines, "\n") + "\n", u.err
}

const staysSection = "X-Gfxsync-Stays"

// staysOf returns the files that a unit names.
func staysOf(text string) (files []string) {
	_, ours, _ := strings.Cut(text, "\n["+staysSection+"]\n")
	for line := range strings.Lines(ours) {
		if quoted, ok := strings.CutPrefix(strings.TrimSpace(line), "File="); ok {
			if file, err := strconv.Unquote(quoted); err == nil {
				files = append(files, file)
			}
		}
	}
	return files
}

func (u *unit) begin() {
	u.lines = append(u.lines, "# Written by gfxsync service install, which writes it anew.", "")
	u.lines = append(u.lines, "[Unit]")
	u.set("Description", "Keeps a Supabase table true to a folder of PokerGFX sessions")
	u.set("StartLimitIntervalSec", "0") // it never gives up
}

// run says what is run, and when it is run again: always, but for a wrong setting.
func (u *unit) run(s Spec, settings string) {
	u.section("Service")
	u.set("Type", "notify")
	// A variable of systemd and no text: the dollar sign in it is not doubled.
	command := []string{u.program(s.Program), `"service"`, `"run"`}
	if s.Settings != "" && settings != s.Settings {
		command = append(command, `"--env-file=`+settings+`"`)
	} else if s.Settings != "" {
		command = append(command, u.argument("--env-file="+settings))
	}
	for _, arg := range s.Args {
		command = append(command, u.argument(arg))
	}
	u.set("ExecStart", command...)
	u.set("Restart", "always")
	u.set("RestartSec", "5s")
	u.set("RestartPreventExitStatus", "2")
	u.set("TimeoutStartSec", "5min")
	u.set("TimeoutStopSec", "30s")
	u.set("WatchdogSec", "5min")
}

// confine takes from the service what it has no use for, as far as any user can.
func (u *unit) confine() {
	u.set("UMask", "0077")
	u.set("LimitCORE", "0")
	for _, key := range []string{
		"NoNewPrivileges", "LockPersonality", "MemoryDenyWriteExecute", "RestrictNamespaces", "RestrictRealtime",
		"RestrictSUIDSGID",
	} {
		u.set(key, "yes")
	}
	u.set("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6")
	u.set("SystemCallArchitectures", "native")
	u.set("SystemCallFilter", "@system-service")
	u.set("SystemCallFilter", "~@privileged @resources")
	u.set("SystemCallErrorNumber", "EPERM")
}

// hide leaves to the service what it reads, and its state.
func (u *unit) hide(s Spec) {
	u.set("CapabilityBoundingSet")
	u.set("AmbientCapabilities")
	for _, key := range []string{
		"PrivateTmp", "PrivateDevices", "PrivateUsers", "ProtectClock", "ProtectControlGroups", "ProtectHostname",
		"ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RemoveIPC",
	} {
		u.set(key, "yes")
	}
	u.set("ProtectProc", "invisible")
	u.set("ProtectSystem", "strict")
	used := slices.Concat(s.Folders, s.Data, []string{s.Program})
	if slices.ContainsFunc(used, func(name string) bool { return isBelow(name, homes...) }) {
		u.set("ProtectHome", "read-only")
	} else {
		u.set("ProtectHome", "yes")
	}
	for _, folder := range s.Folders {
		u.set("ReadOnlyPaths", u.quoted("-"+folder)) // it may come later
	}
	for _, file := range s.Data {
		if !isBelow(file, StateDirectory) {
			u.set("ReadWritePaths", u.quoted(path.Dir(file)))
		}
	}
}

// Folders of which a service has its own, or none.
var (
	homes   = []string{"/home", "/root", "/run/user"}
	private = []string{"/tmp", "/var/tmp", "/dev", "/proc", "/sys"}
)

// checkSystemUnit refuses what a service of the system could not do.
func checkSystemUnit(s Spec) error {
	if s.Account != "" && !accounts.MatchString(s.Account) {
		return fmt.Errorf("%w: %q is no name of an account", ErrRefused, s.Account)
	}
	for _, name := range slices.Concat(s.Folders, s.Data) {
		if err := checkVisible(name); err != nil {
			return err
		}
	}
	for _, file := range s.Data {
		if s.Account == "" && !isBelow(file, StateDirectory) {
			return fmt.Errorf("%w: %s cannot be written by the service's own account: name a file below %s, or an "+
				"account that may write there with --account", ErrRefused, file, StateDirectory)
		}
	}
	return nil
}

// checkVisible refuses a file or folder that a service of the system does not see.
func checkVisible(name string) error {
	if isBelow(name, private...) {
		return fmt.Errorf("%w: %s is in a folder of which a service has its own: use another, or install with --user",
			ErrRefused, name)
	}
	return nil
}

func isBelow(name string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		return strings.HasPrefix(path.Clean(name)+"/", folder+"/")
	})
}
