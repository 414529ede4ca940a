package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/reconcile/doctor"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "say what the index, the queue and the last passes say",
		Flags: append(flags(stateSettings), jsonFlag),
		Action: p.withState(func(c *cli.Context, settings *settings, s *state.State) error {
			st, err := reconcile.ReadStatus(c.Context, s)
			if err != nil {
				return err
			}
			wrong := append(diskAttention(s.Path()), st.Attention()...)
			if c.Bool("json") {
				return printJSON(p.stdout, struct {
					reconcile.Status
					Attention    []string `json:"attention"`     // what is wrong, and what to do
					SettingsFile string   `json:"settings_file"` // empty if there is none
				}{st, wrong, settings.envFilePath()})
			}
			printStatus(p.stdout, &st, wrong, settings.envFilePath())
			return nil
		}),
	}
}

// diskAttention says what is wrong with the disk of the queue database. It does not read the file, which may be large
// and in use.
func diskAttention(path string) []string {
	wrong := []string{}
	for _, f := range []store.Finding{doctor.QueuePlace(path), doctor.QueueDisk(path)} {
		if f.Verdict == store.Fail || f.Verdict == store.Warn {
			wrong = append(wrong, f.Text+"; "+f.Hint)
		}
	}
	return wrong
}

// printStatus prints first what is wrong.
func printStatus(w io.Writer, st *reconcile.Status, wrong []string, settingsFile string) {
	for _, text := range wrong {
		fmt.Fprintf(w, "! %s\n", text)
	}
	if len(wrong) > 0 {
		fmt.Fprintln(w)
	}
	t := newTable(w)
	t.AppendRows(statusRows(st))
	if scan := st.LastScan; scan != nil {
		t.AppendRow(table.Row{"last scan", fmt.Sprintf("%s: %s, %s in %s; %s skipped while another ran",
			timeText(scan.At), scan.Outcome, count(scan.Files, "file"), milliseconds(scan.DurationMS), count(scan.Skipped, "pass"))})
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
		t.AppendRow(table.Row{"hands", timeText(*st.HandsAt) + ": " + handsText(st.Hands)})
	}
	appendPass(t, "last reconcile", st.LastReconcile)
	appendPass(t, "last verify", st.LastVerify)
	if settingsFile != "" {
		t.AppendRow(table.Row{"settings", pathText("", settingsFile)})
	}
	t.Render()
}

func statusRows(st *reconcile.Status) []table.Row {
	agent := "not running"
	if st.AgentRunning {
		agent = "running"
	}
	link := st.Link
	if st.LinkSince != nil {
		link += " since " + timeText(*st.LinkSince)
	}
	rows := []table.Row{
		{"agent", agent},
		{"link", link},
		{"files", fmt.Sprintf("%s (%s), %d gone", humanize.Comma(int64(st.Files)), filesText(st), st.Gone)},
		{"queue", queueText(st)},
	}
	if st.LinkError != "" {
		rows = append(rows, table.Row{"link error", st.LinkError})
	}
	return rows
}

func recoveredText(old *state.Quarantined) string {
	lost := "how many could not be read is not known"
	if old.Lost != nil {
		lost = fmt.Sprintf("%d could not be read", *old.Lost)
	}
	return fmt.Sprintf("%s: %s of %s, which was set aside; %s", timeText(old.At), count(old.Rescued, "record"),
		pathText("", old.Path), lost)
}

// filesText counts the files by state. The sum of the counts is st.Files.
func filesText(st *reconcile.Status) string {
	text := fmt.Sprintf("%d synced, %d on their way, %d queued, %d dead, %d invalid",
		st.Synced, st.Pending, st.FilesQueued, st.FilesDead, st.Invalid)
	if st.Superseded > 0 {
		text += fmt.Sprintf(", %d superseded by a better file of their session", st.Superseded)
	}
	return text
}

// queueText counts the records in the queue. There may be more records than files that wait, because a record stays
// when its file changes or goes.
func queueText(st *reconcile.Status) string {
	text := fmt.Sprintf("%d waiting, %d dead", st.Queued, st.Dead)
	if st.Queued != st.FilesQueued || st.Dead != st.FilesDead {
		text += " (a record stays when its file changes or goes; what was dropped is in no queue)"
	}
	return text
}

func appendPass(t table.Writer, name string, r *reconcile.Report) {
	if r != nil {
		t.AppendRow(table.Row{name, fmt.Sprintf("%s (%s): %s", timeText(r.At), r.Mode, verdict(r))})
	}
}
