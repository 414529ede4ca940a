package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/doctor"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/store/sqlite"
)

var jsonFlag = &cli.BoolFlag{Name: "json", Usage: "print JSON"}

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "say what the index, the queue and the last passes say",
		Flags: append(flags(stateSettings), jsonFlag),
		Action: p.withState(func(c *cli.Context, s *state.State) error {
			st, err := reconcile.ReadStatus(c.Context, s)
			if err != nil {
				return err
			}
			wrong := append(diskAttention(s.Path()), st.Attention()...)
			if c.Bool("json") {
				return printJSON(p.stdout, struct {
					reconcile.Status
					Attention []string `json:"attention"` // what is wrong, and what to do
				}{st, wrong})
			}
			printStatus(p.stdout, &st, wrong)
			return nil
		}),
	}
}

// withState makes an action of a function that needs the state file alone, whether or not an agent runs.
func (p *program) withState(f func(*cli.Context, *state.State) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		settings, err := p.configure(c, stateSettings)
		if err != nil {
			return err
		}
		if settings.queueDB == "" {
			return errNoQueueDB
		}
		s, err := openState(c.Context, settings.queueDB)
		if err != nil {
			return err
		}
		return errors.Join(f(c, s), s.Close())
	}
}

func openState(ctx context.Context, path string) (*state.State, error) {
	s, err := state.OpenExisting(ctx, path)
	if errors.Is(err, sqlite.ErrMissing) {
		return nil, fmt.Errorf("%w; no agent has run with it: check --queue-db or GFX_SYNC_QUEUE_DB_PATH", err)
	}
	return s, err
}

// foreseeState is openState, but where no agent has run yet, it opens an empty queue database in its place, which
// forget removes.
func foreseeState(ctx context.Context, path string) (s *state.State, forget func() error, err error) {
	s, err = state.OpenExisting(ctx, path)
	if !errors.Is(err, sqlite.ErrMissing) {
		return s, func() error { return nil }, err
	}
	dir, err := os.MkdirTemp("", "gfxsync-empty-*")
	if err != nil {
		return nil, nil, fmt.Errorf("make an empty queue database: %w", err)
	}
	forget = func() error { return os.RemoveAll(dir) }
	if s, err = state.Open(ctx, filepath.Join(dir, "empty.db")); err != nil {
		return nil, nil, errors.Join(err, forget())
	}
	return s, forget, nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// diskAttention says what is wrong with the disk of the queue database. It reads nothing of the file, which may be
// large and in use.
func diskAttention(path string) []string {
	wrong := []string{}
	for _, f := range []store.Finding{doctor.QueuePlace(path), doctor.QueueDisk(path)} {
		if f.Verdict == store.Fail || f.Verdict == store.Warn {
			wrong = append(wrong, f.Text+"; "+f.Hint)
		}
	}
	return wrong
}

func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	return t
}

// printStatus begins with what is wrong.
func printStatus(w io.Writer, st *reconcile.Status, wrong []string) {
	for _, text := range wrong {
		fmt.Fprintf(w, "! %s\n", text)
	}
	if len(wrong) > 0 {
		fmt.Fprintln(w)
	}
	t := newTable(w)
	agent := "not running"
	if st.AgentRunning {
		agent = "running"
	}
	link := st.Link
	if st.LinkSince != nil {
		link += " since " + st.LinkSince.Local().Format(time.DateTime)
	}
	t.AppendRows([]table.Row{
		{"agent", agent},
		{"link", link},
		{"files", fmt.Sprintf("%s (%s), %d gone", humanize.Comma(int64(st.Files)), filesText(st), st.Gone)},
		{"queue", queueText(st)},
	})
	if st.LinkError != "" {
		t.AppendRow(table.Row{"link error", st.LinkError})
	}
	if scan := st.LastScan; scan != nil {
		t.AppendRow(table.Row{"last scan", fmt.Sprintf("%s: %s, %d files in %d ms; %d passes skipped while another ran",
			scan.At.Local().Format(time.DateTime), scan.Outcome, scan.Files, scan.DurationMS, scan.Skipped)})
		for _, root := range scan.Roots {
			t.AppendRow(table.Row{strings.TrimSpace("folder " + root.Label), folderText(&root)})
			if d := root.Detection; d != nil && st.AgentRunning {
				t.AppendRow(table.Row{strings.TrimSpace("noticed " + root.Label), detectionText(d)})
			}
		}
	}
	if old := st.Recovered; old != nil {
		t.AppendRow(table.Row{"recovered", recoveredText(old)})
	}
	if st.Hands != nil {
		t.AppendRow(table.Row{"hands", fmt.Sprintf("%s: %s", st.HandsAt.Local().Format(time.DateTime), handsText(st.Hands))})
	}
	appendPass(t, "last reconcile", st.LastReconcile)
	appendPass(t, "last verify", st.LastVerify)
	t.Render()
}

func recoveredText(old *state.SetAside) string {
	lost := "how many could not be read is not known"
	if old.Lost != nil {
		lost = fmt.Sprintf("%d could not be read", *old.Lost)
	}
	return fmt.Sprintf("%s: %d records of %s, which was set aside; %s", old.At.Local().Format(time.DateTime), old.Rescued, old.Path, lost)
}

// filesText tells the files by their states. The numbers add up to st.Files.
func filesText(st *reconcile.Status) string {
	text := fmt.Sprintf("%d synced, %d on their way, %d queued, %d dead, %d invalid",
		st.Synced, st.Pending, st.FilesQueued, st.FilesDead, st.Invalid)
	if st.Superseded > 0 {
		text += fmt.Sprintf(", %d superseded by a better file of their session", st.Superseded)
	}
	return text
}

// queueText tells the records of the queue, which may be more than the files that wait: a record stays when its file
// changes or goes.
func queueText(st *reconcile.Status) string {
	text := fmt.Sprintf("%d waiting, %d dead", st.Queued, st.Dead)
	if st.Queued != st.FilesQueued || st.Dead != st.FilesDead {
		text += " (a record stays when its file changes or goes; what was dropped is in no queue)"
	}
	return text
}

func appendPass(t table.Writer, name string, r *reconcile.Report) {
	if r != nil {
		t.AppendRow(table.Row{name, fmt.Sprintf("%s (%s): %s", r.At.Local().Format(time.DateTime), r.Mode, verdict(r))})
	}
}
