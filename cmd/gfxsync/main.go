// Command gfxsync keeps the Supabase table gfx_sessions true to a folder of PokerGFX JSON files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/cmd/gfxsync/service"
)

// version is set by the release build with -ldflags "-X main.version=…".
var version = ""

// Exit codes (design, "The command line").
const (
	exitOK     = 0
	exitRemain = 1 // something remains, differs or was lost
	exitFailed = 2 // the command could not run
)

// stopLimit is how long a command may take to stop. The agent needs a little less. A command that takes longer waits
// for a file system that does not answer, in a system call that nothing can interrupt. To end the process there loses
// nothing, as a crash loses nothing.
const stopLimit = 9500 * time.Millisecond

// errRemains says that a command ran to its end and found something that is not as it should be. It is not printed.
var errRemains = errors.New("something remains")

// errStopped is what a command says that was interrupted.
var errStopped = errors.New("stopped")

// program is the command line. Tests run it without a process, with an environment and outputs of their own.
type program struct {
	lookupEnv func(string) (string, bool)
	environ   []string // the same environment, NAME=VALUE
	envPlaces []string // where the file of settings is looked for
	stdin     *os.File
	stdout    io.Writer
	stderr    io.Writer

	services func(user bool) (service.Manager, error) // nil: those of this machine
	served   *atomic.Bool                             // set if a service manager stops the command, and no signal does
}

// heapGrowth is how far the heap may grow beyond what is in use, in percent, before garbage is collected. gfxsync runs
// beside the program that makes the broadcast. Go's own 100 took a fifth more memory and no less processor time.
const heapGrowth = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	p := &program{
		lookupEnv: os.LookupEnv, environ: os.Environ(), envPlaces: envPlaces(),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, served: new(atomic.Bool),
	}
	code := make(chan int, 1)
	go func() { code <- p.run(ctx, os.Args) }()
	select {
	case c := <-code:
		os.Exit(c)
	case <-ctx.Done():
	}
	if p.served.Load() {
		os.Exit(<-code)
	}
	select {
	case c := <-code:
		os.Exit(c)
	case <-time.After(stopLimit):
		fmt.Fprintln(os.Stderr, "gfxsync: a folder does not answer; stopped without waiting for it")
		os.Exit(exitFailed)
	}
}

// run runs one command line and returns its exit code.
func (p *program) run(ctx context.Context, args []string) int {
	out := &output{w: p.stdout}
	with := *p
	with.stdout = out
	app := with.app()
	args = arrange(app, args)
	err := app.RunContext(ctx, args)
	switch {
	case out.err != nil && (err == nil || errors.Is(err, errRemains)):
		err = out.err
	case err == nil:
		return exitOK
	case errors.Is(err, errRemains):
		return exitRemain
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errStopped
	}
	fmt.Fprintf(p.stderr, "gfxsync: %v\n", err)
	if _, told := errors.AsType[toldError](err); !told && asksForJSON(args) {
		_ = printJSON(out, struct { // what cannot be written is an error already
			Error string `json:"error"`
		}{err.Error()})
	}
	if _, passes := errors.AsType[errMayPass](err); passes {
		return exitRemain
	}
	return exitFailed
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:            "gfxsync",
		HelpName:        "gfxsync",
		Usage:           "keep a Supabase table true to a folder of PokerGFX sessions",
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
		ExitErrHandler:  func(*cli.Context, error) {},
		HideVersion:     true,
		HideHelpCommand: true,
		Flags: []cli.Flag{
			cli.HelpFlag, &cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version"},
		},
		Commands: []*cli.Command{
			p.runCommand(), p.checkCommand(), p.reconcileCommand(), p.verifyCommand(), p.statusCommand(),
			p.queueCommand(), p.invalidCommand(), p.schemaCommand(), p.serviceCommand(), p.keyCommand(),
			p.demoCommand(), p.completionCommand(), p.manCommand(), p.completeCommand(), p.versionCommand(),
			// arrange makes --help of it, so it is here for the list.
			{Name: "help", Usage: "show help for a command", ArgsUsage: "[COMMAND …]"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return p.printVersion(c)
			}
			return groupAction(c)
		},
		OnUsageError: usageError,
	}
	hideDefaults(app.Flags)
	finish(app.Commands)
	return app
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:   "version",
		Usage:  "print the version",
		Flags:  []cli.Flag{jsonFlag},
		Action: p.printVersion,
	}
}

func (p *program) printVersion(c *cli.Context) error {
	if err := refuseArguments(c); err != nil {
		return err
	}
	if c.Bool(jsonFlag.Name) {
		return printJSON(p.stdout, struct {
			Version string `json:"version"`
		}{versionText()})
	}
	_, err := fmt.Fprintln(p.stdout, "gfxsync "+versionText())
	return err
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
