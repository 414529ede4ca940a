package reconcile

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/watch"
)

// Attention returns what is known to be wrong, each with what is lost or waits and what to do; empty if nothing is.
func (st *Status) Attention() (wrong []string) {
	wrong = append(wrong, st.linkAttention()...)
	roots := []RootReport(nil)
	if r := st.LastReconcile; r != nil {
		roots = r.Roots
		if h := r.Hindrance(); h != "" && st.Link != linkOffline {
			wrong = append(wrong, "the last reconcile is not complete: "+h)
		}
	}
	if st.AgentRunning && st.LastScan != nil {
		roots = st.LastScan.Roots
	}
	for _, root := range roots {
		wrong = append(wrong, root.attention()...)
	}
	return append(wrong, st.filesAttention()...)
}

func (st *Status) linkAttention() (wrong []string) {
	switch {
	case st.Link == linkOffline:
		text := "the table cannot be written to"
		if st.LinkSince != nil {
			text += " since " + st.LinkSince.Local().Format(time.DateTime)
		}
		wrong = append(wrong, fmt.Sprintf("%s; %s, and nothing is lost (%s)", text, waits(st.Queued), st.LinkError))
	case st.Queued > 0 && !st.AgentRunning:
		wrong = append(wrong, waits(st.Queued)+", and no agent runs: start gfxsync run, or run gfxsync reconcile")
	}
	return wrong
}

func waits(records int) string { return plural(records, "record waits", "records wait") }

func plural[N int | int64](n N, one, many string) string {
	return humanize.Comma(int64(n)) + " " + english.PluralWord(int(n), one, many)
}

func (r *RootReport) attention() (wrong []string) {
	if r.Error != "" {
		wrong = append(wrong, fmt.Sprintf("%s: %s", r.Dir, r.Error))
	}
	if r.Unread > 0 {
		wrong = append(wrong, fmt.Sprintf("%s: %s could not be read, and nothing in them is synced: %s", r.Dir,
			plural(r.Unread, "folder or file", "folders or files"), r.UnreadFirst))
	}
	if w := r.Watch; w != nil && w.State == watch.Unavailable {
		wrong = append(wrong, fmt.Sprintf("%s: new files are found by scans only, later than they could be: "+
			"the system reports no changes; %s (%s)", r.Dir, w.Help, w.Error))
	} else if w != nil && len(w.Unwatched) > 0 {
		wrong = append(wrong, fmt.Sprintf("%s: %s not watched, and new files there are found by scans only; "+
			"the agent's log says what to do (the first: %s)", r.Dir,
			plural(len(w.Unwatched), "folder is", "folders are"), w.Unwatched[0]))
	}
	return wrong
}

func (st *Status) filesAttention() (wrong []string) {
	if st.Dead > 0 {
		wrong = append(wrong, plural(st.Dead, "record was", "records were")+" refused too often, and wait for you: "+
			"gfxsync queue list says why; gfxsync queue retry has them sent again")
	}
	if dropped := st.FilesDead - st.Dead; dropped > 0 {
		wrong = append(wrong, plural(dropped, "file is", "files are")+" not sent before the next change: "+
			"the record was dropped (gfxsync queue drop)")
	}
	if st.Invalid > 0 {
		wrong = append(wrong, fmt.Sprintf("%s made into a row: gfxsync invalid list says why",
			plural(st.Invalid, "file cannot be", "files cannot be")))
	}
	if h := st.Hands; h != nil && h.Stale > 0 {
		wrong = append(wrong, "the hands of "+plural(h.Stale, "session", "sessions")+
			" are not those of the last save: run gfxsync reconcile")
	}
	if h := st.Hands; h != nil && h.Errors > 0 {
		wrong = append(wrong, plural(h.Errors, "hand could", "hands could")+" not be expanded: "+
			"the table gfx_expand_errors says why; run gfxsync reconcile --full when that is mended")
	}
	return wrong
}
