// Package service knows the service managers of operating systems: systemd, and that of Windows. It knows nothing of
// what the service does.
package service

import (
	"context"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Name is the name of the service.
const Name = "gfxsync"

// Names of the credentials in which systemd hands files to the service that its account may not read.
const (
	SettingsCredential = "gfxsync.env"
	KeyCredential      = "gfxsync.key"
)

// Spec is a service that is to be installed. All paths are absolute. There is no secret in it but the password.
type Spec struct {
	Program  string   // the path of gfxsync
	Args     []string // after gfxsync service run, without the file of settings
	Settings string   // the path of the file of settings; empty: none
	KeyFile  string   // the path of a file with the key alone; empty: none
	Account  string   // empty: an account that is the service's own
	Password string   // of the account
	Folders  []string // that are watched
	Data     []string // files that the service writes; the first is its queue database
}

// stays returns the files that stay when the service is removed.
func (s *Spec) stays() (files []string) {
	for _, file := range append([]string{s.Settings, s.KeyFile}, s.Data...) {
		if file != "" {
			files = append(files, file)
		}
	}
	return files
}

// Status is how a service is doing.
type Status struct {
	Installed bool   `json:"installed"`
	Running   bool   `json:"running"`
	State     string `json:"state"` // in the words of the service manager
	Text      string `json:"text"`  // how it is doing, or why it does not run, in one line; may be empty
	// Args are the arguments of gfxsync service run where the service manager does not know whether the service does
	// its work.
	Args []string `json:"-"`
}

// Manager is the service manager of an operating system.
type Manager interface {
	// Ready fails if no service can be installed here, or not by this person.
	Ready() error
	// Plan returns what Install would install, as text.
	Plan(s Spec) (string, error)
	// Install installs the service, or changes the one that is installed, and starts it. It returns what a person
	// should know of that. It fails with ErrNotStarted if the service is installed, and does not start.
	Install(ctx context.Context, s Spec) (notes []string, err error)
	// Uninstall stops and removes the service. It returns the files with its data and its settings, which stay.
	Uninstall(ctx context.Context) (stays []string, err error)
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Restart(ctx context.Context) error
	// Status tells how the service is doing. That it is not installed is no error.
	Status(ctx context.Context) (Status, error)
}

var (
	// ErrNoManager says that there is no service manager that gfxsync knows.
	ErrNoManager = errors.New("there is no service manager here that gfxsync knows")
	// ErrNotInstalled says that the service is not installed.
	ErrNotInstalled = errors.New("gfxsync is not installed as a service; gfxsync service install does that")
	// ErrNotStarted says that the service is installed and does not start.
	ErrNotStarted = errors.New("the service is installed, but does not start")
	// ErrRefused says that a service cannot be as it is specified.
	ErrRefused = errors.New("this cannot be a service")
)

// printable fails for a text that cannot stand on one line of a configuration.
func printable(text string) error {
	control := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	for _, r := range text {
		if control(r) {
			return fmt.Errorf("%w: there is a line break or another control character in %q", ErrRefused, text)
		}
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: %q is not UTF-8", ErrRefused, text)
	}
	return nil
}
