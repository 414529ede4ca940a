package service

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeControl is a service manager of Windows that remembers what it was asked, and refuses what it is told to.
type fakeControl struct {
	asked   []string
	refuses []string // how what it refuses begins

	service *WindowsService // nil: not installed
	running bool
	kept    []string
}

func (f *fakeControl) ask(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	f.asked = append(f.asked, what)
	for _, begin := range f.refuses {
		if strings.HasPrefix(what, begin) {
			return errors.New("The request is not supported.")
		}
	}
	return nil
}

func (f *fakeControl) Put(s WindowsService) error {
	err := f.ask("put %s as %s", commandLine(s.Command), s.Account)
	if err == nil {
		f.service = &s
	}
	return err
}

func (f *fakeControl) MayPut() error { return f.ask("may put") }

func (f *fakeControl) DelayStart() error { return f.ask("delay the start") }

func (f *fakeControl) Recover(pauses []time.Duration, reset time.Duration) error {
	return f.ask("recover after %v, anew after %v", pauses, reset)
}

func (f *fakeControl) RecoverFromExitCodes() error { return f.ask("recover from exit codes") }

func (f *fakeControl) LetStop(limit time.Duration) error { return f.ask("let stop for %v", limit) }

func (f *fakeControl) Revoke(path, account string) error {
	return f.ask("revoke %s from %s", path, account)
}

func (f *fakeControl) LetLogOn(account string) error { return f.ask("let %s log on", account) }
func (f *fakeControl) AddEventSource() error         { return f.ask("add the event source") }
func (f *fakeControl) RemoveEventSource() error      { return f.ask("remove the event source") }
func (f *fakeControl) Kept() ([]string, error)       { return f.kept, f.ask("kept") }
func (f *fakeControl) Keep(files []string) error     { f.kept = files; return f.ask("keep") }
func (f *fakeControl) Start(context.Context) (err error) {
	err = f.ask("start")
	f.running = err == nil
	return err
}

func (f *fakeControl) Stop(context.Context) error { f.running = false; return f.ask("stop") }

func (f *fakeControl) Delete() error { f.service = nil; return f.ask("delete") }

func (f *fakeControl) Grant(path, account string, write bool) error {
	return f.ask("grant %s to %s, write %v", path, account, write)
}

func (f *fakeControl) Status() (s WindowsService, state string, running bool, err error) {
	if f.service == nil {
		return s, "", false, ErrNotInstalled
	}
	return *f.service, "some state", f.running, nil
}

// pc is a service on a PC that watches a folder there.
var pc = Spec{
	Program: `C:\GFX\gfxsync.exe`, Settings: `C:\GFX\private\gfxsync.env`, Folders: []string{`C:\GFX\output`},
	Args: []string{`--queue-db=C:\GFX\sync_queue\pending.db`, `--log-file=C:\GFX\sync_queue\gfxsync.log`},
	Data: []string{`C:\GFX\sync_queue\pending.db`, `C:\GFX\sync_queue\gfxsync.log`},
}

// onPC is a Windows whose drive Z: is a network drive, and whose drive Y: is not there.
func onPC() (*Windows, *fakeControl) {
	f := &fakeControl{}
	return &Windows{Control: f, NetworkDrive: func(path string) (string, bool) {
		switch path[0] {
		case 'Z':
			return `//NAS/gfx` + strings.ReplaceAll(path[2:], `\`, "/"), true
		case 'Y':
			return "//SERVER/SHARE/FOLDER", true
		}
		return "", false
	}}, f
}

const pcCommand = `C:\GFX\gfxsync.exe service run --env-file=C:\GFX\private\gfxsync.env ` +
	`--queue-db=C:\GFX\sync_queue\pending.db --log-file=C:\GFX\sync_queue\gfxsync.log`

func TestAServiceOfWindowsAndItsEnd(t *testing.T) {
	m, f := onPC()
	notes, err := m.Install(t.Context(), pc)
	if err != nil || len(notes) > 0 {
		t.Fatalf("%v, %q", err, notes)
	}
	const own = `NT SERVICE\gfxsync`
	f.want(t, "put "+pcCommand+" as "+own,
		"delay the start", "recover after [1s 5s 30s], anew after 24h0m0s", "recover from exit codes",
		"let stop for 15s", "add the event source",
		`grant C:\GFX\private\gfxsync.env to `+own+", write false", `grant C:\GFX\sync_queue to `+own+", write true",
		"keep", "start")
	// Once more, with another account, while it runs.
	named := with(pc, func(s *Spec) {
		s.Account, s.Password, s.Folders = `STUDIO\gfx`, "secret", []string{`\\NAS\gfx`}
	})
	if notes, err = m.Install(t.Context(), named); err != nil || len(notes) > 0 {
		t.Fatalf("%v, %q", err, notes)
	}
	if f.service.Password != "secret" {
		t.Errorf("the password is %q", f.service.Password)
	}
	f.want(t, "put "+pcCommand+` as STUDIO\gfx`,
		"delay the start", "recover after [1s 5s 30s], anew after 24h0m0s", "recover from exit codes",
		"let stop for 15s", "add the event source", `let STUDIO\gfx log on`,
		`grant C:\GFX\private\gfxsync.env to STUDIO\gfx, write false`,
		`grant C:\GFX\sync_queue to STUDIO\gfx, write true`,
		"keep", "stop", "start")
	stays, err := m.Uninstall(t.Context())
	if err != nil || !slices.Equal(stays, pc.stays()) {
		t.Errorf("uninstalled: %q stays (%v)", stays, err)
	}
	f.want(t, "stop", "kept", "delete", "remove the event source") // the account keeps its rights
	if _, err := m.Uninstall(t.Context()); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("uninstalled again: %v", err)
	}
}

func (f *fakeControl) want(t *testing.T, asked ...string) {
	t.Helper()
	if !slices.Equal(f.asked, asked) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(f.asked, "\n"), strings.Join(asked, "\n"))
	}
	f.asked = nil
}

func TestTheRightsOfAnAccountThatWasMadeGoWithIt(t *testing.T) {
	m, f := onPC()
	if _, err := m.Install(t.Context(), with(pc, func(s *Spec) { s.Data = s.Data[:1] })); err != nil {
		t.Fatal(err)
	}
	f.asked = nil
	if _, err := m.Uninstall(t.Context()); err != nil {
		t.Fatal(err)
	}
	const from = ` from NT SERVICE\gfxsync`
	f.want(t, "stop", "kept", `revoke C:\GFX\private\gfxsync.env`+from, `revoke C:\GFX\private`+from,
		`revoke C:\GFX\sync_queue\pending.db`+from, `revoke C:\GFX\sync_queue`+from,
		"delete", "remove the event source")
}

// TestWhatThisWindowsDoesNotTakeIsSaid: Wine knows no delayed start and no recovery. The service works without them.
func TestWhatThisWindowsDoesNotTakeIsSaid(t *testing.T) {
	m, f := onPC()
	f.refuses = []string{"delay", "recover", "grant"}
	notes, err := m.Install(t.Context(), pc)
	if err != nil || len(notes) != 5 || !f.running {
		t.Errorf("installed: %v, running %v, %d notes", err, f.running, len(notes))
	}
	for i, says := range []string{"automatic, delayed", "1, 5 and 30", "exit code", "gfxsync.env", "sync_queue"} {
		if i < len(notes) && (!strings.Contains(notes[i], says) || !strings.Contains(notes[i], "is not supported")) {
			t.Errorf("note %d is %q, want one about %s", i, notes[i], says)
		}
	}
}

func TestAServiceOfWindowsThatDoesNotStart(t *testing.T) {
	m, f := onPC()
	f.refuses = []string{"start"}
	_, err := m.Install(t.Context(), pc)
	if !errors.Is(err, ErrNotStarted) || !strings.Contains(err.Error(), "event log") {
		t.Errorf("installed: %v", err)
	}
	if err := m.Start(t.Context()); !errors.Is(err, ErrNotStarted) {
		t.Errorf("started: %v", err)
	}
	f.refuses, f.service = []string{"put"}, nil
	if _, err := m.Install(t.Context(), pc); err == nil || errors.Is(err, ErrNotStarted) {
		t.Errorf("not made: %v", err)
	}
}

func TestAServiceOfWindowsIsControlled(t *testing.T) {
	m, f := onPC()
	for _, control := range []func(*Windows, context.Context) error{
		(*Windows).Start, (*Windows).Stop, (*Windows).Restart,
	} {
		if err := control(m, t.Context()); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("what is not installed: %v", err)
		}
	}
	if st, err := m.Status(t.Context()); err != nil || st.Installed || st.Running {
		t.Errorf("not installed: %+v (%v)", st, err)
	}
	f.want(t)
	f.service = &WindowsService{Command: []string{"gfxsync.exe", "service", "run", "--env-file=x"}}
	for range 2 {
		if err := m.Start(t.Context()); err != nil {
			t.Error(err)
		}
	}
	want := Status{Installed: true, Running: true, State: "some state", Args: []string{"--env-file=x"}}
	if st, err := m.Status(t.Context()); err != nil || !reflect.DeepEqual(st, want) {
		t.Errorf("running: %+v (%v), want %+v", st, err, want)
	}
	if err := m.Restart(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := m.Restart(t.Context()); err != nil {
		t.Error(err)
	}
	f.want(t, "start", "stop", "start", "stop", "start")
}

func TestWhereAServiceOfWindowsCannotReach(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		says   string // empty: it is fine
	}{
		"a network drive": {
			func(s *Spec) { s.Folders = []string{`Z:\PC01`} }, "name //NAS/gfx/PC01, and with --account",
		},
		"one with an account": {
			func(s *Spec) { s.Folders, s.Account = []string{`Z:\PC01`}, "gfx" }, "name //NAS/gfx/PC01,",
		},
		"a drive that is not here": {func(s *Spec) { s.Folders = []string{`Y:\`} }, "or on one that is not there"},
		"settings there":           {func(s *Spec) { s.Settings = `Z:\gfxsync.env` }, "name //NAS/gfx/gfxsync.env"},
		"the program there":        {func(s *Spec) { s.Program = `Z:\gfxsync.exe` }, "name //NAS/gfx/gfxsync.exe"},
		"a share":                  {func(s *Spec) { s.Folders = []string{`\\NAS\gfx`} }, `--account DOMAIN\name$`},
		"a share, with slashes":    {func(s *Spec) { s.Folders = []string{`//NAS/gfx`} }, `--account DOMAIN\name,`},
		"a share, in the long form": {
			func(s *Spec) { s.Folders = []string{`\\?\unc\NAS\gfx`} }, "is on a share",
		},
		"a share for an account": {func(s *Spec) { s.Folders, s.Account = []string{`\\NAS\gfx`}, `STUDIO\gfx` }, ""},
		"a long path":            {func(s *Spec) { s.Folders = []string{`\\?\C:\GFX\output`} }, ""},
		"a volume":               {func(s *Spec) { s.Folders = []string{`\\.\Volume{1}\output`} }, ""},
		"a line break":           {func(s *Spec) { s.Args = []string{"--pc-id=a\nb"} }, "line break"},
		"a line break in a name": {func(s *Spec) { s.Account = "a\nb" }, "line break"},
		"a variable":             {func(s *Spec) { s.Args = []string{"--pc-id=%USERNAME%"} }, "percent signs"},
		"one percent sign":       {func(s *Spec) { s.Args = []string{"--pc-id=100%"} }, ""},
	} {
		m, f := onPC()
		for what, do := range map[string]func() error{
			"plan":    func() error { _, err := m.Plan(with(pc, c.change)); return err },
			"install": func() error { _, err := m.Install(t.Context(), with(pc, c.change)); return err },
		} {
			err := do()
			refused := errors.Is(err, ErrRefused) && strings.Contains(err.Error(), c.says)
			if c.says == "" && err != nil || c.says != "" && !refused {
				t.Errorf("%s, %s: %v, want %q", name, what, err, c.says)
			}
		}
		if c.says != "" && len(f.asked) > 0 {
			t.Errorf("%s: asked %q", name, f.asked)
		}
	}
}

func TestAPlanForWindows(t *testing.T) {
	m, f := onPC()
	plan, err := m.Plan(with(pc, func(s *Spec) { s.Account, s.Password = "gfx", "secret" }))
	if err != nil {
		t.Fatal(err)
	}
	f.want(t)
	for _, line := range []string{
		"service: gfxsync", "command: " + pcCommand, `account: .\gfx`, "start: automatic, delayed",
		"recovery: also when it ends with an exit code", `right of .\gfx: log on as a service`,
		`right of .\gfx: to read C:\GFX\private\gfxsync.env`, `right of .\gfx: to write in C:\GFX\sync_queue`,
	} {
		if !slices.Contains(strings.Split(plan, "\n"), line) {
			t.Errorf("there is no line %s", line)
		}
	}
	if strings.Contains(plan, "secret") {
		t.Error("the password is in it")
	}
	if t.Failed() {
		t.Log(plan)
	}
}

func TestNoRightsAreGivenToWholeDrivesOrOnShares(t *testing.T) {
	s := Spec{
		Settings: `\\NAS\gfx\gfxsync.env`,
		Data:     []string{`C:\pending.db`, `D:/x.db`, `C:\GFX\a.db`, `C:/GFX/b/c.db`, `\\NAS\gfx\log.txt`},
	}
	if got, want := s.rights(), []right{{`C:\GFX`, true}, {`C:/GFX/b`, true}}; !slices.Equal(got, want) {
		t.Errorf("rights to %+v, want %+v", got, want)
	}
}

func TestAccountsOfWindows(t *testing.T) {
	for given, want := range map[string]struct {
		name     string
		password bool
	}{
		"":                            {`NT SERVICE\gfxsync`, false},
		"gfx":                         {`.\gfx`, true},
		`STUDIO\gfx`:                  {`STUDIO\gfx`, true},
		"gfx@studio.local":            {"gfx@studio.local", true},
		`STUDIO\gfx$`:                 {`STUDIO\gfx$`, false},
		"LocalSystem":                 {"LocalSystem", false},
		`NT AUTHORITY\LocalService`:   {`NT AUTHORITY\LocalService`, false},
		`nt authority\NetworkService`: {`nt authority\NetworkService`, false},
	} {
		if name, password := accountName(given), NeedsPassword(given); name != want.name || password != want.password {
			t.Errorf("%q is %q, with password %v; want %q, %v", given, name, password, want.name, want.password)
		}
	}
}

// wordsOfWindows are words, and how they stand on a command line.
var wordsOfWindows = map[string]string{
	"plain":                  "plain",
	"":                       `""`,
	"a b":                    `"a b"`,
	"a\tb":                   "\"a\tb\"",
	`C:\GFX\output`:          `C:\GFX\output`,
	`C:\GFX files\`:          `"C:\GFX files\\"`,
	`C:\GFX\`:                `C:\GFX\`,
	`say "hello"`:            `"say \"hello\""`,
	`"`:                      `"\""`,
	`a\"b`:                   `"a\\\"b"`,
	`a\\ b\\`:                `"a\\ b\\\\"`,
	`100% $HOME & | ^ ; 'q'`: `"100% $HOME & | ^ ; 'q'"`,
	"방송실 1":                  `"방송실 1"`,
}

func TestWordsOfACommandLineOfWindows(t *testing.T) {
	for word, want := range wordsOfWindows {
		if got := quotedWord(word); got != want {
			t.Errorf("%q is %s, want %s", word, got, want)
		}
	}
}
