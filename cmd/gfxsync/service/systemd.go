package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Systemctl runs systemctl with arguments, and returns what that prints.
type Systemctl func(ctx context.Context, args ...string) (string, error)

// Systemd is the service manager of most Linux systems.
type Systemd struct {
	User bool   // the service is one of the user, not of the system
	Dir  string // of the units that are written by hand
	Run  Systemctl
	// These may be nil. Machine is Ready, and Check refuses a service that could not work on this machine.
	Machine func() error
	Check   func(Spec) error
}

const unitName = Name + ".service"

func (m *Systemd) unitFile() string { return filepath.Join(m.Dir, unitName) }

// Ready implements Manager.
func (m *Systemd) Ready() error {
	if m.Machine == nil {
		return nil
	}
	return m.Machine()
}

// Plan implements Manager.
func (m *Systemd) Plan(s Spec) (string, error) {
	text, err := m.unit(s)
	if err != nil {
		return "", err
	}
	begin := "# " + m.unitFile() + "\n"
	end := "\n# Then:\n"
	for _, args := range installation {
		end += "# " + strings.Join(append([]string{"systemctl"}, m.flags(args)...), " ") + "\n"
	}
	return begin + text + end, nil
}

func (m *Systemd) unit(s Spec) (string, error) {
	if m.User {
		return userUnit(s)
	}
	return systemUnit(s)
}

// installation is what is asked of systemctl when the unit is there. A service that ran before is restarted.
var installation = [][]string{{"daemon-reload"}, {"enable", unitName}, {"restart", unitName}}

// Install implements Manager.
func (m *Systemd) Install(ctx context.Context, s Spec) (notes []string, err error) {
	text, err := m.unit(s)
	if err != nil {
		return nil, err
	}
	if m.Check != nil {
		if err := m.Check(s); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(m.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("write the unit: %w", err)
	}
	if err := writeFile(m.unitFile(), text); err != nil {
		return nil, fmt.Errorf("write the unit: %w", err)
	}
	for _, args := range installation {
		if err := m.systemctl(ctx, args...); err != nil {
			if args[0] == "restart" {
				err = m.notStarted(ctx, err)
			}
			return nil, err
		}
	}
	if m.User {
		notes = append(notes, "It runs while you are logged in. To have it run always: loginctl enable-linger")
	}
	return notes, nil
}

// notStarted says why the service does not start, if systemd knows.
func (m *Systemd) notStarted(ctx context.Context, err error) error {
	if st, failed := m.Status(ctx); failed == nil && st.Text != "" {
		err = errors.New(st.Text)
	}
	return fmt.Errorf("%w: %w (%s shows its log)", ErrNotStarted, err, m.journal())
}

// journal is the command that shows what the service has logged.
func (m *Systemd) journal() string {
	if m.User {
		return "journalctl --user -u " + Name
	}
	return "journalctl -u " + Name
}

// Uninstall implements Manager.
func (m *Systemd) Uninstall(ctx context.Context) (stays []string, err error) {
	text, err := os.ReadFile(m.unitFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotInstalled
	}
	if err != nil {
		return nil, fmt.Errorf("read the unit: %w", err)
	}
	if err := m.systemctl(ctx, "disable", "--now", unitName); err != nil {
		return nil, err
	}
	if err := os.Remove(m.unitFile()); err != nil {
		return nil, fmt.Errorf("remove the unit: %w", err)
	}
	if err := m.systemctl(ctx, "daemon-reload"); err != nil {
		return nil, err
	}
	_ = m.systemctl(ctx, "reset-failed", unitName) // it fails if the service has not failed
	return staysOf(string(text)), nil
}

// Start implements Manager.
func (m *Systemd) Start(ctx context.Context) error { return m.control(ctx, "start") }

// Stop implements Manager.
func (m *Systemd) Stop(ctx context.Context) error { return m.control(ctx, "stop") }

// Restart implements Manager.
func (m *Systemd) Restart(ctx context.Context) error { return m.control(ctx, "restart") }

func (m *Systemd) control(ctx context.Context, verb string) error {
	st, err := m.Status(ctx)
	if err != nil {
		return err
	}
	if !st.Installed {
		return ErrNotInstalled
	}
	if err = m.systemctl(ctx, verb, unitName); err != nil && verb != "stop" {
		return m.notStarted(ctx, err)
	}
	return err
}

// Status implements Manager.
func (m *Systemd) Status(ctx context.Context) (Status, error) {
	text, err := m.Run(ctx, m.flags([]string{
		"show", "--property=LoadState,ActiveState,SubState,Result,ExecMainStatus,StatusText", unitName,
	})...)
	if err != nil {
		return Status{}, err
	}
	is := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		is[name] = value
	}
	if is["LoadState"] == "" {
		return Status{}, fmt.Errorf("systemctl does not tell how the service is doing: %q", text)
	}
	st := Status{
		Installed: is["LoadState"] != "not-found", Running: is["ActiveState"] == "active",
		State: is["ActiveState"] + " (" + is["SubState"] + ")", Text: is["StatusText"],
	}
	if failed := is["Result"]; !st.Running && failed != "" && failed != "success" {
		// What the service said of itself before it was killed is not why.
		if st.Text == "" || failed != "exit-code" {
			st.Text = "(" + failed + ", " + is["ExecMainStatus"] + ")"
		}
	}
	return st, nil
}

func (m *Systemd) systemctl(ctx context.Context, args ...string) error {
	_, err := m.Run(ctx, m.flags(args)...)
	return err
}

func (m *Systemd) flags(args []string) []string {
	if m.User {
		return append([]string{"--user"}, args...)
	}
	return args
}

// runSystemctl is the Systemctl of this machine.
func runSystemctl(ctx context.Context, args ...string) (string, error) {
	var said strings.Builder
	cmd := exec.CommandContext(ctx, "systemctl", append([]string{"--no-pager"}, args...)...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w: no systemd: have what runs the services of this machine start gfxsync run (%w)",
			ErrNoManager, err)
	}
	if err != nil {
		return "", fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, oneLine(said.String()))
	}
	return string(out), nil
}

// writeFile replaces a file in one step, so that nobody reads half of it.
func writeFile(name, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
