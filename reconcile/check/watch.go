// Package check tries what an agent needs of the machine that it runs on, and says how to mend what fails.
package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// patience is how long a folder is walked through. What a dead share does not answer is given up a little later.
const patience = 10 * time.Second

// Watch checks one watch path: whether it can be read, whether events tell of all that happens there, and whether the system lets
// so many folders be watched. The parts bear the root's label.
func Watch(ctx context.Context, root hashindex.Root, pattern watch.Pattern, schedules reconcile.Schedules) []store.Finding {
	return watchWithin(ctx, patience, root, pattern, schedules)
}

func watchWithin(ctx context.Context, limit time.Duration, root hashindex.Root, pattern watch.Pattern, s reconcile.Schedules) []store.Finding {
	answer := make(chan []store.Finding, 1)
	go func() { answer <- watchFindings(ctx, limit, root, pattern, s) }()
	hung := time.NewTimer(limit + limit/2)
	defer hung.Stop()
	var findings []store.Finding
	select {
	case findings = <-answer:
	case <-hung.C:
		findings = unreadable(root, "it does not answer")
	case <-ctx.Done():
		findings = unreadable(root, ctx.Err().Error())
	}
	if root.Label != "" {
		for i := range findings {
			findings[i].Part += " " + root.Label
		}
	}
	return findings
}

func unreadable(root hashindex.Root, why string) []store.Finding {
	return []store.Finding{
		{
			Part: "watch", Verdict: store.Fail, Text: fmt.Sprintf("%s cannot be read: %s", root.Dir, why),
			Hint: "check GFX_SYNC_GFX_WATCH_PATH, that the share is mounted, and that the account gfxsync runs under may read it",
		},
		{Part: "events", Verdict: store.Skipped, Text: "not tested: the watch path cannot be read"},
	}
}

func watchFindings(ctx context.Context, limit time.Duration, root hashindex.Root, pattern watch.Pattern, s reconcile.Schedules) []store.Finding {
	if err := root.Check(); err != nil {
		return unreadable(root, err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seen := walk(ctx, root, pattern)
	findings := []store.Finding{seen.finding(root.Dir), events(root.Dir, of(root.Dir), s)}
	return append(findings, watchLimit(seen.folders)...)
}

// seen is what a walk through a folder has found.
type seen struct {
	files, folders int
	cut            bool   // there was no time for all of it
	unreadable     int    // folders
	err            error  // of the first of them
	leadsBack      string // a folder that does, if there is any
}

func walk(ctx context.Context, root hashindex.Root, pattern watch.Pattern) (s seen) {
	err := filepath.WalkDir(root.Dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile
		case err != nil:
			s.unreadable++
			if s.err == nil {
				s.err = err
			}
		case d.IsDir():
			if rel, err := filepath.Rel(root.Dir, path); err == nil && root.LeadsBack(filepath.ToSlash(rel)) {
				s.leadsBack = rel
				return fs.SkipDir
			}
			s.folders++
		case d.Type().IsRegular() && pattern.Match(d.Name()):
			s.files++
		}
		return nil
	})
	s.cut = err != nil
	return s
}

func (s seen) finding(dir string) store.Finding {
	atLeast := ""
	if s.cut {
		atLeast = "at least "
	}
	f := store.Finding{
		Part: "watch", Verdict: store.OK,
		Text: fmt.Sprintf("%s: %s%s in %s", dir, atLeast, english.Plural(s.files, "file", ""), english.Plural(s.folders, "folder", "")),
	}
	if s.leadsBack != "" {
		f.Verdict, f.Hint = store.Warn, "remove the link there, or have the server follow none (Samba: follow symlinks = no)"
		f.Text += fmt.Sprintf("; %s leads back to a folder that it lies in", s.leadsBack)
	}
	if s.unreadable > 0 {
		f.Verdict, f.Hint = store.Fail, "let the account gfxsync runs under read all of the watch path"
		f.Text += fmt.Sprintf("; %d cannot be read: %v", s.unreadable, s.err)
	}
	return f
}

// events judges whether the operating system reports all changes of a folder.
func events(dir string, on filesystem, s reconcile.Schedules) store.Finding {
	f := store.Finding{Part: "events", Verdict: store.Warn, Hint: "set GFX_SYNC_SCAN_SCHEDULE shorter, should that be too late"}
	when, ever := found(s)
	switch on.place {
	case onThisMachine:
		return store.Finding{Part: f.Part, Verdict: store.OK, Text: "on a disk of this machine: changes are reported at once"}
	case onNetwork:
		f.Text = fmt.Sprintf("%s is a network share (%s): no event tells of what other machines write; that is found by the %s", dir, on.name, when)
	case behindProgram:
		f.Text = fmt.Sprintf("%s is a %s mount, perhaps of a network share: no event tells of what is written behind it; that is found by the %s",
			dir, on.name, when)
	default:
		return store.Finding{Part: f.Part, Verdict: store.Skipped, Text: "not tested: this system does not tell whether " + dir + " is a network share"}
	}
	if !ever {
		f.Verdict, f.Hint = store.Fail, "set GFX_SYNC_SCAN_SCHEDULE, for example to @every 30s"
	}
	return f
}

// found says by which schedule a change is found that no event has told of.
func found(s reconcile.Schedules) (when string, ever bool) {
	for _, one := range []struct {
		name string
		reconcile.Schedule
	}{{"scan", s.Scan}, {"reconcile", s.Quick}, {"full", s.Full}} {
		if spec := one.String(); spec != "" {
			return one.name + " schedule, " + spec, true
		}
	}
	return "scan schedule, which is empty", false
}
