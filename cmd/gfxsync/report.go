package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
)

func verdict(r *reconcile.Report) string {
	switch {
	case r.Outcome != reconcile.Complete:
		return string(r.Outcome)
	case r.InSync:
		return "in sync"
	default:
		return "not in sync"
	}
}

func printReport(w io.Writer, r *reconcile.Report) {
	t := newTable(w)
	t.AppendRow(table.Row{"result", verdict(r)})
	for _, root := range r.Roots {
		t.AppendRow(table.Row{strings.TrimSpace("folder " + root.Label), folderText(&root)})
	}
	t.AppendRows([]table.Row{
		{"differed", fmt.Sprintf("%d new, %d changed, %d gone", r.Added, r.Changed, r.Gone)},
		{"hashed", count(r.Hashed, "file") + ", " + humanize.IBytes(uint64(r.BytesHashed))},
		{"table", fmt.Sprintf("%d missing, %d of other agents, %d superseded",
			r.RemoteMissing, r.RemoteOnly, r.Superseded)},
		{"sent", fmt.Sprintf("%d; %s renamed, %s deleted", r.Uploaded, count(r.Renamed, "row"),
			count(r.Deleted, "superseded row"))},
		{"remain", fmt.Sprintf("%d on their way, %d queued, %d dead", r.Pending, r.Queued, r.Dead)},
		{"invalid", fmt.Sprint(r.Invalid)},
	})
	if r.Expansion != nil {
		t.AppendRow(table.Row{"hands", handsText(r.Expansion)})
	}
	took := time.Duration(r.DurationMS) * time.Millisecond
	t.AppendRow(table.Row{"took", fmt.Sprintf("%v, %s", took, count(r.Requests, "request"))})
	t.Render()
	for _, problem := range r.Problems {
		fmt.Fprintln(w, problemText(problem))
	}
}

// problemText tells a problem. That of a root is told without "root" before "root unavailable".
func problemText(p reconcile.Problem) string {
	if strings.HasPrefix(p.Error, string(reconcile.RootUnavailable)) {
		return pathText(p.Root, p.Path) + ": " + withoutOutcome(p.Error)
	}
	return p.String()
}

// withoutOutcome returns an error without the outcome of the pass that it may begin with, where that has been told.
func withoutOutcome(text string) string {
	return strings.TrimPrefix(text, string(reconcile.RootUnavailable)+": ")
}

// handsText describes the rows that the database makes of the sessions.
func handsText(e *store.Expansion) string {
	text := fmt.Sprintf("%s of %s", humanize.Comma(e.Hands), count(e.Sessions, "session"))
	if e.Stale > 0 {
		text += fmt.Sprintf("; %s not up to date: gfxsync reconcile has that expanded", count(e.Stale, "session"))
	}
	if e.Errors > 0 {
		text += fmt.Sprintf("; %s could not be expanded: see the table gfx_expand_errors", humanize.Comma(e.Errors))
	}
	if e.Repeated > 0 {
		text += fmt.Sprintf("; %s gave way to a later one of the same number", humanize.Comma(e.Repeated))
	}
	return text
}

func folderText(r *reconcile.RootReport) string {
	dir := pathText("", r.Dir)
	if r.Error != "" {
		return dir + ": " + withoutOutcome(r.Error)
	}
	text := count(r.Files, "file") + " in " + dir
	if r.Unread > 0 {
		text += fmt.Sprintf("; %s %s could not be read, and nothing in there is synced: %s",
			humanize.Comma(int64(r.Unread)), english.PluralWord(r.Unread, "folder or file", "folders or files"),
			r.UnreadFirst)
	}
	return text
}
