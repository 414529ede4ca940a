package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Windows is the service manager of Windows.
type Windows struct {
	Control ServiceControl
	// NetworkDrive returns the path to name in place of one that begins with the letter of a network drive, which a
	// service does not have; found is false for all other paths.
	NetworkDrive func(path string) (instead string, found bool)
}

// ServiceControl is what gfxsync asks of Windows for its one service. Errors are those of Windows, but for
// ErrNotInstalled.
type ServiceControl interface {
	// MayPut fails if this person may not install services.
	MayPut() error
	// Put makes the service, or changes the one that is there.
	Put(s WindowsService) error
	// DelayStart has the service start a little after those that start at once.
	DelayStart() error
	// Recover has the service started again after these pauses when it crashes. They begin anew when it has not
	// crashed for as long as reset. RecoverFromExitCodes has it started again when it ends with an exit code, too.
	Recover(pauses []time.Duration, reset time.Duration) error
	RecoverFromExitCodes() error
	// LetStop gives the service so long to stop before the machine shuts down.
	LetStop(limit time.Duration) error
	// Grant gives an account the right to read a file, or to write in a folder. Revoke takes that back.
	Grant(path, account string, write bool) error
	Revoke(path, account string) error
	// LetLogOn gives an account the right to run services.
	LetLogOn(account string) error
	AddEventSource() error
	RemoveEventSource() error
	// Keep keeps a list with the service, which Kept returns.
	Keep(files []string) error
	Kept() ([]string, error)

	Start(ctx context.Context) error
	// Stop returns when the service has stopped.
	Stop(ctx context.Context) error
	Delete() error
	// Status returns the service as it was put, and its state.
	Status() (s WindowsService, state string, running bool, err error)
}

// WindowsService is what Windows has to know of a service.
type WindowsService struct {
	Command  []string // the program and its arguments
	Account  string
	Password string
}

// ownAccount is the account that Windows makes for the service. It is known to this machine alone.
const ownAccount = `NT SERVICE\` + Name

var (
	recoveryPauses = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second}
	recoveryReset  = 24 * time.Hour
)

// stopLimit is how long the service may take to stop: as long as the agent, and a little for the service manager.
const stopLimit = 15 * time.Second

// service returns the service as Windows has to know it. It fails with ErrRefused.
func (m *Windows) service(s Spec) (WindowsService, error) {
	w := WindowsService{
		Command: []string{s.Program, "service", "run"}, Account: accountName(s.Account), Password: s.Password,
	}
	if s.Settings != "" {
		w.Command = append(w.Command, "--env-file="+s.Settings)
	}
	w.Command = append(w.Command, s.Args...)
	line := commandLine(w.Command)
	if err := errors.Join(printable(line), printable(w.Account)); err != nil {
		return w, err
	}
	if strings.Count(line, "%") > 1 { // REG_EXPAND_SZ
		return w, fmt.Errorf("%w: Windows would put a variable in place of what is between two percent signs: put the "+
			"setting into the file of --env-file", ErrRefused)
	}
	return w, m.checkPaths(s)
}

// checkPaths refuses paths that a service cannot reach.
func (m *Windows) checkPaths(s Spec) error {
	for _, path := range slices.Concat(s.Folders, s.stays(), []string{s.Program}) {
		if instead, found := m.NetworkDrive(path); found {
			return fmt.Errorf("%w: %s is on a network drive, or on one that is not there, and a service has no "+
				"network drives: name %s, and with --account an account that may read it there",
				ErrRefused, path, instead)
		}
	}
	for _, path := range slices.Concat(s.Folders, s.stays()) {
		if isShare(path) && s.Account == "" {
			return fmt.Errorf("%w: %s is on a share, which knows nothing of an account that the service has on this "+
				`machine alone: name an account that may read it there, as --account DOMAIN\name, or `+
				`--account DOMAIN\name$ for a managed one (gMSA), which needs no password`, ErrRefused, path)
		}
	}
	return nil
}

// isShare says whether a path is a UNC path, with slashes of either kind.
func isShare(path string) bool {
	path = strings.ReplaceAll(path, "/", `\`)
	if rest, long := strings.CutPrefix(path, `\\?\`); long {
		return strings.HasPrefix(strings.ToUpper(rest), `UNC\`)
	}
	return strings.HasPrefix(path, `\\`) && !strings.HasPrefix(path, `\\.\`)
}

// accountName returns the name of an account as the service manager takes it. Without a domain, it is of this machine.
func accountName(name string) string {
	switch {
	case name == "":
		return ownAccount
	case strings.ContainsAny(name, `\@`), strings.EqualFold(name, "LocalSystem"):
		return name
	}
	return `.\` + name
}

// NeedsPassword says whether an account of Windows has a password that the service manager has to know.
func NeedsPassword(account string) bool {
	if account == "" || strings.HasSuffix(account, "$") || strings.EqualFold(account, "LocalSystem") {
		return false
	}
	domain, _, _ := strings.Cut(account, `\`)
	return !strings.EqualFold(domain, "NT AUTHORITY") && !strings.EqualFold(domain, "NT SERVICE")
}

// isMade says whether an account was made for the service, and goes with it.
func isMade(account string) bool { return strings.EqualFold(account, ownAccount) }

// step is a part of an installation. The service works without it, but not as well.
type step struct {
	what string // what a person reads of it
	do   func(ServiceControl) error
}

// steps are what is asked of Windows when the service is there.
func (w *WindowsService) steps(s *Spec) []step {
	steps := []step{
		{"start: automatic, delayed", ServiceControl.DelayStart},
		{
			"recovery: started again after 1, 5 and 30 seconds, and then every 30, until it has run for a day",
			func(c ServiceControl) error { return c.Recover(recoveryPauses, recoveryReset) },
		},
		{"recovery: also when it ends with an exit code", ServiceControl.RecoverFromExitCodes},
		{
			fmt.Sprintf("at a shutdown: %v to stop", stopLimit),
			func(c ServiceControl) error { return c.LetStop(stopLimit) },
		},
		{"event log: source " + Name + " of the log Application", ServiceControl.AddEventSource},
	}
	if NeedsPassword(s.Account) {
		steps = append(steps, step{
			"right of " + w.Account + ": log on as a service",
			func(c ServiceControl) error { return c.LetLogOn(w.Account) },
		})
	}
	for _, right := range s.rights() {
		what := "to read "
		if right.write {
			what = "to write in "
		}
		steps = append(steps, step{"right of " + w.Account + ": " + what + right.path, func(c ServiceControl) error {
			return c.Grant(right.path, w.Account, right.write)
		}})
	}
	return append(steps, step{"", func(c ServiceControl) error { return c.Keep(s.stays()) }})
}

// right is a right that the account of a service needs.
type right struct {
	path  string
	write bool
}

// rights are the rights to what is the service's own: its settings, and the folders of its data. Nothing is changed in
// the folder that is watched, on a share, or about a whole drive.
func (s *Spec) rights() (rights []right) {
	if s.Settings != "" {
		rights = append(rights, right{path: s.Settings})
	}
	for _, file := range s.Data {
		if folder := (right{folderOf(file), true}); !slices.Contains(rights, folder) {
			rights = append(rights, folder)
		}
	}
	return slices.DeleteFunc(rights, func(r right) bool { return isShare(r.path) || len(r.path) <= len(`C:\`) })
}

// folderOf returns the folder of a path of Windows.
func folderOf(path string) string {
	i := strings.LastIndexAny(path, `\/`)
	if i < 0 || i == 2 && path[1] == ':' {
		return path[:i+1]
	}
	return path[:i]
}

// Ready implements Manager.
func (m *Windows) Ready() error { return m.Control.MayPut() }

// Plan implements Manager.
func (m *Windows) Plan(s Spec) (string, error) {
	w, err := m.service(s)
	if err != nil {
		return "", err
	}
	lines := []string{"service: " + Name, "command: " + commandLine(w.Command), "account: " + w.Account}
	for _, step := range w.steps(&s) {
		if step.what != "" {
			lines = append(lines, step.what)
		}
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// Install implements Manager.
func (m *Windows) Install(ctx context.Context, s Spec) (notes []string, err error) {
	w, err := m.service(s)
	if err != nil {
		return nil, err
	}
	if err := m.Control.Put(w); err != nil {
		return nil, fmt.Errorf("make the service: %w", err)
	}
	for _, step := range w.steps(&s) {
		if err := step.do(m.Control); err != nil {
			notes = append(notes, fmt.Sprintf("! This Windows did not take it: %s (%v)", step.what, err))
		}
	}
	if err := m.Restart(ctx); err != nil {
		return notes, err
	}
	return notes, nil
}

// Uninstall implements Manager.
func (m *Windows) Uninstall(ctx context.Context) (stays []string, err error) {
	w, _, running, err := m.Control.Status()
	if err != nil {
		return nil, err
	}
	if running {
		if err := m.Control.Stop(ctx); err != nil {
			return nil, fmt.Errorf("stop the service: %w", err)
		}
	}
	stays, err = m.Control.Kept()
	if err != nil {
		stays = nil // the service goes all the same
	}
	if isMade(w.Account) {
		m.revoke(stays, w.Account)
	}
	if err := m.Control.Delete(); err != nil {
		return nil, fmt.Errorf("remove the service: %w", err)
	}
	if err := m.Control.RemoveEventSource(); err != nil {
		return stays, fmt.Errorf("the service is removed, but not its source of events: %w", err)
	}
	return stays, nil
}

// revoke takes back the rights of an account that goes. What fails leaves a right that nobody has any more.
func (m *Windows) revoke(files []string, account string) {
	for _, file := range files {
		_ = m.Control.Revoke(file, account)
		_ = m.Control.Revoke(folderOf(file), account)
	}
}

// Start implements Manager.
func (m *Windows) Start(ctx context.Context) error {
	_, _, running, err := m.Control.Status()
	if err != nil || running {
		return err
	}
	if err := m.Control.Start(ctx); err != nil {
		return fmt.Errorf("%w: %w (the event log shows more, log Application, source %s)", ErrNotStarted, err, Name)
	}
	return nil
}

// Stop implements Manager.
func (m *Windows) Stop(ctx context.Context) error {
	_, _, running, err := m.Control.Status()
	if err != nil || !running {
		return err
	}
	return m.Control.Stop(ctx)
}

// Restart implements Manager.
func (m *Windows) Restart(ctx context.Context) error {
	if err := m.Stop(ctx); err != nil {
		return err
	}
	return m.Start(ctx)
}

// Status implements Manager.
func (m *Windows) Status(context.Context) (Status, error) {
	w, state, running, err := m.Control.Status()
	if errors.Is(err, ErrNotInstalled) {
		return Status{State: "not installed"}, nil
	}
	if err != nil {
		return Status{}, err
	}
	st := Status{Installed: true, Running: running, State: state}
	if len(w.Command) > 3 {
		st.Args = w.Command[3:] // after gfxsync service run
	}
	return st, nil
}

// commandLine returns a command line that Windows parts into these words again (CommandLineToArgvW).
func commandLine(words []string) string {
	var line []string
	for _, word := range words {
		line = append(line, quotedWord(word))
	}
	return strings.Join(line, " ")
}

// quotedWord returns a word in quotation marks if it needs them. Backslashes are doubled before a quotation mark alone.
func quotedWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"") {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	backslashes := 0
	for _, c := range []byte(word) {
		switch c {
		case '\\':
			backslashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, backslashes+1))
			backslashes = 0
		default:
			backslashes = 0
		}
		b.WriteByte(c)
	}
	b.WriteString(strings.Repeat(`\`, backslashes))
	b.WriteByte('"')
	return b.String()
}
