package service

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// local is a service that watches a folder which everybody may read.
var local = Spec{
	Program: "/usr/bin/gfxsync", Args: []string{"--watch=/srv/gfx", "--queue-db=/var/lib/gfxsync/pending.db"},
	Settings: "/etc/gfxsync/gfxsync.env", KeyFile: "/etc/gfxsync/gfxsync.key",
	Folders: []string{"/srv/gfx"}, Data: []string{"/var/lib/gfxsync/pending.db"},
}

// mine is a service of a user.
var mine = Spec{
	Program: "/home/me/bin/gfxsync", Args: []string{"--watch=/home/me/gfx"}, Settings: "/home/me/gfxsync.env",
	Folders: []string{"/home/me/gfx"}, Data: []string{"/home/me/.local/state/gfxsync/pending.db"},
}

func with(s Spec, change func(*Spec)) Spec {
	change(&s)
	return s
}

func TestUnits(t *testing.T) {
	for name, c := range map[string]struct {
		unit func(Spec) (string, error)
		spec Spec
		has  []string
		not  []string // how no line begins
	}{
		"a folder that all may read": {
			systemUnit, local,
			[]string{
				"Type=notify", "WatchdogSec=5min", "Restart=always", "RestartPreventExitStatus=2", "DynamicUser=yes",
				"StateDirectory=gfxsync", "LoadCredential=gfxsync.env:/etc/gfxsync/gfxsync.env",
				"LoadCredential=gfxsync.key:/etc/gfxsync/gfxsync.key",
				`ExecStart="/usr/bin/gfxsync" "service" "run" "--env-file=${CREDENTIALS_DIRECTORY}/gfxsync.env" ` +
					`"--watch=/srv/gfx" "--queue-db=/var/lib/gfxsync/pending.db"`,
				"ProtectHome=yes", `ReadOnlyPaths="-/srv/gfx"`, "WantedBy=multi-user.target",
				`File="/etc/gfxsync/gfxsync.key"`, `File="/var/lib/gfxsync/pending.db"`, "LimitCORE=0",
			},
			[]string{"User=", "ReadWritePaths="},
		},
		"a folder of an account": {
			systemUnit,
			with(local, func(s *Spec) {
				s.Account, s.Folders = "gfx", []string{"/home/gfx/1", "/srv/gfx"}
				s.Data = []string{"/data/queue/pending.db", "/var/lib/gfxsync/table.db"}
				s.Settings, s.KeyFile = "", ""
			}),
			[]string{
				"User=gfx", "ProtectHome=read-only", `ReadOnlyPaths="-/home/gfx/1"`, `ReadOnlyPaths="-/srv/gfx"`,
				`ReadWritePaths="/data/queue"`,
				`ExecStart="/usr/bin/gfxsync" "service" "run" "--watch=/srv/gfx" ` +
					`"--queue-db=/var/lib/gfxsync/pending.db"`,
			},
			[]string{"DynamicUser=", "LoadCredential="},
		},
		"a service of a user": {
			userUnit, mine,
			[]string{
				"Type=notify", "WatchdogSec=5min", "RestartPreventExitStatus=2", "WantedBy=default.target",
				"NoNewPrivileges=yes",
				`ExecStart="/home/me/bin/gfxsync" "service" "run" "--env-file=/home/me/gfxsync.env" ` +
					`"--watch=/home/me/gfx"`,
				`File="/home/me/gfxsync.env"`,
			},
			// These need rights that a user's systemd may lack.
			[]string{"DynamicUser=", "User=", "Private", "Protect", "ReadOnlyPaths=", "Capability", "StateDirectory="},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.unit(c.spec)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(text, "\n")
			for _, want := range c.has {
				if !slices.Contains(lines, want) {
					t.Errorf("there is no line %s", want)
				}
			}
			for _, begin := range c.not {
				if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, begin) }); i >= 0 {
					t.Errorf("there is a line %s", lines[i])
				}
			}
			if got := staysOf(text); !slices.Equal(got, c.spec.stays()) {
				t.Errorf("its files are %q, want %q", got, c.spec.stays())
			}
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

// TestWordsOfAUnit: what a unit says is read by systemd as it was meant. A systemd 252 was seen to start a service with
// all of these as its arguments and its folder.
func TestWordsOfAUnit(t *testing.T) {
	for text, want := range map[string]struct{ argument, word string }{
		"plain":              {`"plain"`, `"plain"`},
		"":                   {`""`, `""`},
		"a b":                {`"a b"`, `"a b"`},
		" begin and end ":    {`" begin and end "`, `" begin and end "`},
		"100%n":              {`"100%%n"`, `"100%%n"`},
		"$HOME ${PATH}":      {`"$$HOME $${PATH}"`, `"$HOME ${PATH}"`},
		`"quoted"`:           {`"\"quoted\""`, `"\"quoted\""`},
		"it's":               {`"it's"`, `"it's"`},
		`back\slash\n`:       {`"back\\slash\\n"`, `"back\\slash\\n"`},
		`\`:                  {`"\\"`, `"\\"`},
		"; & | < > # ~ * -@": {`"; & | < > # ~ * -@"`, `"; & | < > # ~ * -@"`},
		"방송실 1":              {`"방송실 1"`, `"방송실 1"`},
	} {
		u := &unit{}
		if got := u.argument(text); got != want.argument || u.err != nil {
			t.Errorf("%q as an argument is %s (%v), want %s", text, got, u.err, want.argument)
		}
		if got := u.quoted(text); got != want.word || u.err != nil {
			t.Errorf("%q as a word is %s (%v), want %s", text, got, u.err, want.word)
		}
	}
}

func TestWhatAUnitCannotSayIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Spec){
		"a line break in an argument":      func(s *Spec) { s.Args = []string{"--pc-id=a\nExecStart=/bin/sh"} },
		"a carriage return":                func(s *Spec) { s.Args = []string{"--pc-id=a\rb"} },
		"a NUL":                            func(s *Spec) { s.Args = []string{"--pc-id=a\x00b"} },
		"a tab in the path of the program": func(s *Spec) { s.Program = "/usr/bin/g\tx" },
		"a quotation mark in its path":     func(s *Spec) { s.Program = `/opt/"x"/gfxsync` },
		"a backslash in its path":          func(s *Spec) { s.Program = `/opt/x\y/gfxsync` },
		"bytes that are not UTF-8":         func(s *Spec) { s.Args = []string{"--pc-id=\xb0\xa1"} },
		"a line break in a folder":         func(s *Spec) { s.Folders = []string{"/srv/g\nx"} },
		"a line break in a file":           func(s *Spec) { s.Account, s.Data = "gfx", []string{"/srv/g\nx/p.db"} },
		"a line break in the settings":     func(s *Spec) { s.Settings = "/etc/a\nb" },
		"a backslash in the settings":      func(s *Spec) { s.Settings = `/etc/a\b` },
		"a space at the end of the key":    func(s *Spec) { s.KeyFile = "/etc/key " },
		"a line break in the account":      func(s *Spec) { s.Account = "gfx\nUser=root" },
		"a specifier as the account":       func(s *Spec) { s.Account = "%u" },
		"a folder in /tmp":                 func(s *Spec) { s.Folders = []string{"/tmp/gfx"} },
		"a folder in /var/tmp":             func(s *Spec) { s.Folders = []string{"/srv/gfx", "/var/../var/tmp/gfx"} },
		"a queue database in /tmp":         func(s *Spec) { s.Account, s.Data = "gfx", []string{"/tmp/pending.db"} },
		"a queue database elsewhere":       func(s *Spec) { s.Data = []string{"/srv/pending.db"} },
	} {
		if text, err := systemUnit(with(local, change)); !errors.Is(err, ErrRefused) || text != "" && err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*Spec){
		"an account":            func(s *Spec) { s.Account = "gfx" },
		"a file with the key":   func(s *Spec) { s.KeyFile = "/etc/key" },
		"a line break":          func(s *Spec) { s.Settings = "/home/a\nb" },
		"a line break in a Arg": func(s *Spec) { s.Args = []string{"--pc-id=a\nb"} },
	} {
		if _, err := userUnit(with(mine, change)); !errors.Is(err, ErrRefused) {
			t.Errorf("of a user, %s: %v", name, err)
		}
	}
}

// exposure is the figure in the last line that systemd-analyze security prints.
var exposure = regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+) `)

// TestSystemdFindsNoFaultInTheUnits: neither with what they say, nor with what they leave open.
func TestSystemdFindsNoFaultInTheUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("SKIPPED: what systemd says of the units: there is no systemd-analyze (Debian: systemd)")
	}
	self, err := os.Executable() // a program that is there
	if err != nil {
		t.Fatal(err)
	}
	strange := `/srv/a b%n $HOME ${PATH} "q" 's' \back`
	runs := func(s *Spec) { s.Program = self }
	for name, c := range map[string]struct {
		unit func(Spec) (string, error)
		spec Spec
		args []string
	}{
		"an account of its own": {systemUnit, with(local, runs), nil},
		"a named account": {systemUnit, with(local, func(s *Spec) {
			s.Program, s.Account, s.Folders = self, "root", []string{"/home/gfx"}
		}), nil},
		"strange names": {systemUnit, with(local, func(s *Spec) {
			s.Program, s.Folders, s.Args = self, []string{strange}, []string{"--watch=" + strange}
		}), nil},
		"of a user": {userUnit, with(mine, runs), []string{"--user"}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.unit(c.spec)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			file := filepath.Join(dir, unitName)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			analyze := func(args ...string) string {
				cmd := exec.Command("systemd-analyze", append(append(args, c.args...), file)...)
				cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "LC_ALL=C")
				said, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("systemd-analyze %v: %v\n%s", args, err, said)
				}
				return string(said)
			}
			if said := analyze("verify"); said != "" {
				t.Errorf("systemd-analyze verify: %s", said)
			}
			if c.args != nil {
				return // there is no figure for the units of users
			}
			found := exposure.FindStringSubmatch(analyze("security", "--offline=true", "--no-pager"))
			if found == nil {
				t.Fatal("systemd-analyze security says no figure")
			}
			figure, err := strconv.ParseFloat(found[1], 64)
			t.Logf("exposure %s", found[1])
			if err != nil || figure > 2.0 {
				t.Errorf("exposure %s (%v), want 2.0 at most", found[1], err)
			}
		})
	}
}

// TestSystemdReadsThePathOfTheProgram: it shows it in its error, for there is no such program.
func TestSystemdReadsThePathOfTheProgram(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("SKIPPED: how systemd reads the units: there is no systemd-analyze (Debian: systemd)")
	}
	const program = "/nowhere/a b%n $HOME ${PATH}/gfxsync"
	text, err := systemUnit(with(local, func(s *Spec) { s.Program = program }))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), unitName)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command("systemd-analyze", "verify", file).CombinedOutput()
	if err == nil || !strings.Contains(string(said), "Command "+program+" is not executable") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
}
