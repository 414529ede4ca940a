package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
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
		{"hashed", fmt.Sprintf("%s files, %s", humanize.Comma(r.Hashed), humanize.IBytes(uint64(r.BytesHashed)))},
		{"table", fmt.Sprintf("%d missing, %d of other agents, %d superseded",
			r.RemoteMissing, r.RemoteOnly, r.Superseded)},
		{"sent", fmt.Sprintf("%d; %d rows renamed, %d superseded rows deleted", r.Uploaded, r.Renamed, r.Deleted)},
		{"remain", fmt.Sprintf("%d on their way, %d queued, %d dead", r.Pending, r.Queued, r.Dead)},
		{"invalid", fmt.Sprint(r.Invalid)},
	})
	if r.Expansion != nil {
		t.AppendRow(table.Row{"hands", handsText(r.Expansion)})
	}
	took := time.Duration(r.DurationMS) * time.Millisecond
	t.AppendRow(table.Row{"took", fmt.Sprintf("%v, %d requests", took, r.Requests)})
	t.Render()
	for _, problem := range r.Problems {
		fmt.Fprintln(w, problem)
	}
}

// handsText describes the rows that the database makes of the sessions.
func handsText(e *store.Expansion) string {
	text := fmt.Sprintf("%s of %s sessions", humanize.Comma(e.Hands), humanize.Comma(e.Sessions))
	if e.Stale > 0 {
		text += fmt.Sprintf("; %s sessions are not up to date: gfxsync reconcile has them expanded",
			humanize.Comma(e.Stale))
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
		return dir + ": " + r.Error
	}
	text := fmt.Sprintf("%s files in %s", humanize.Comma(int64(r.Files)), dir)
	if r.Unread > 0 {
		text += fmt.Sprintf("; %s folders or files could not be read, and nothing in them is synced: %s",
			humanize.Comma(int64(r.Unread)), r.UnreadFirst)
	}
	return text
}
