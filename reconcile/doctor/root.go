package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/doctor/sharefault"
	"github.com/gfxsync/gfxsync/store"
	"github.com/gfxsync/gfxsync/watch"
)

// patience is how long the files and folders of a watch path are counted. A file system that does not answer gets half
// of this time in addition.
const patience = 10 * time.Second

// checkRoot checks one watch path: whether it can be read, whether the system reports its changes, and whether the
// system lets so many folders be watched. The names of the parts end with the label of the root.
func checkRoot(ctx context.Context, limit time.Duration, root hashindex.Root, s Setup) []store.Finding {
	answer := make(chan []store.Finding, 1)
	go func() { answer <- examineRoot(ctx, limit, root, s) }()
	hung := time.NewTimer(limit + limit/2)
	defer hung.Stop()
	var findings []store.Finding
	select {
	case findings = <-answer:
	case <-hung.C:
		findings = unreadable(root, "it does not answer", nameSaysShare(root.Dir))
	case <-ctx.Done():
		findings = unreadable(root, ctx.Err().Error(), false)
	}
	if root.Label != "" {
		for i := range findings {
			findings[i].Part += " " + root.Label
		}
	}
	return findings
}

// unreadable says that a root cannot be read. OnShare says that it is on a network share.
func unreadable(root hashindex.Root, why string, onShare bool) []store.Finding {
	hint := "check GFX_SYNC_GFX_WATCH_PATH, that the share is mounted, and that the account gfxsync runs under may " +
		"read it"
	if onShare {
		hint = "see that the file server is switched on, that this machine reaches it (ping it), and that the share " +
			"is mounted"
	}
	return []store.Finding{
		{Part: "watch", Verdict: store.Fail, Text: fmt.Sprintf("%s cannot be read: %s", root.Dir, why), Hint: hint},
		{Part: "events", Verdict: store.Skipped, Text: "not tested: the watch path cannot be read"},
	}
}

// unreadableFor is unreadable for an error. If the root is on a network share, it explains the error.
func unreadableFor(root hashindex.Root, err error) []store.Finding {
	findings := unreadable(root, err.Error(), false)
	if fault, ok := shareFault(root.Dir, err); ok {
		findings[0].Text = fmt.Sprintf("%s cannot be read: %s (%v)", root.Dir, fault.Text, err)
		findings[0].Hint = fault.Remedy
	}
	return findings
}

// shareFault explains an error of the file system of a directory, if that is on a network share.
func shareFault(dir string, err error) (sharefault.Fault, bool) {
	fault, ok := sharefault.Of(err)
	return fault, ok && isOnShare(dir)
}

// examineRoot may hang as long as the file system does.
func examineRoot(ctx context.Context, limit time.Duration, root hashindex.Root, s Setup) []store.Finding {
	mounted := mount(root.Dir, s)
	if err := root.Check(); err != nil {
		return append(unreadableFor(root, err), mounted...)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seen := walk(ctx, root, s.Pattern)
	findings := []store.Finding{seen.finding(root.Dir), events(root.Dir, hashindex.FileSystemOf(root.Dir), s)}
	return slices.Concat(findings, mounted, watchLimit(seen.folders))
}

// seen is what a walk through a folder found.
type seen struct {
	files, folders int
	cut            bool            // the time was too short for all of it
	unreadable     int             // folders
	err            error           // of the first unreadable folder
	tried          map[string]bool // folders of which a file was opened
	refused        error           // of the first file that could not be opened
	leadsBack      string          // one of the folders that lead back to a folder above, if there are any
}

func walk(ctx context.Context, root hashindex.Root, pattern watch.Pattern) (s seen) {
	err := filepath.WalkDir(root.Dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist): // removed during the walk
		case err != nil:
			s.unreadable++
			if s.err == nil {
				s.err = err
			}
		case d.IsDir():
			if rel, err := filepath.Rel(root.Dir, path); err == nil && root.IsFolderLoop(filepath.ToSlash(rel)) {
				s.leadsBack = rel
				return fs.SkipDir
			}
			s.folders++
		case d.Type().IsRegular() && pattern.Match(d.Name()):
			s.files++
			s.tryReading(root, path)
		}
		return nil
	})
	s.cut = err != nil
	return s
}

// maxTried is how many files are opened at most. The rights are those of a folder, mostly.
const maxTried = 20

// tryReading opens the first file of a folder: who may list a folder may still not be allowed to read what is in it.
func (s *seen) tryReading(root hashindex.Root, path string) {
	if folder := filepath.Dir(path); s.tried[folder] || len(s.tried) >= maxTried {
		return
	} else if s.tried == nil {
		s.tried = map[string]bool{folder: true}
	} else {
		s.tried[folder] = true
	}
	rel, err := filepath.Rel(root.Dir, path)
	if err != nil {
		return
	}
	_, _, err = root.Read(filepath.ToSlash(rel), 1<<20) // larger files are opened, which is what needs a right
	if err == nil || errors.Is(err, hashindex.ErrChanging) || errors.Is(err, fs.ErrNotExist) || s.refused != nil {
		return
	}
	s.refused = err
}

func (s seen) finding(dir string) store.Finding {
	atLeast := ""
	if s.cut {
		atLeast = "at least "
	}
	f := store.Finding{
		Part: "watch", Verdict: store.OK,
		Text: fmt.Sprintf("%s: %s%s in %s", dir, atLeast, english.Plural(s.files, "file", ""),
			english.Plural(s.folders, "folder", "")),
	}
	if s.leadsBack != "" {
		f.Verdict = store.Warn
		f.Hint = "remove the link there, or have the server follow none (Samba: follow symlinks = no)"
		f.Text += fmt.Sprintf("; %s leads back to a folder that it lies in", s.leadsBack)
	}
	if s.unreadable > 0 {
		f.Verdict, f.Hint = store.Fail, "let the account gfxsync runs under read all of the watch path"
		f.Text += fmt.Sprintf("; %d cannot be read: %v", s.unreadable, s.err)
	}
	if s.refused != nil {
		f.Verdict, f.Hint = store.Fail, "let the account gfxsync runs under read the files, and not only list them"
		f.Text += fmt.Sprintf("; a file is listed and cannot be read: %v", s.refused)
	}
	if fault, ok := shareFault(dir, cmp.Or(s.err, s.refused)); ok {
		f.Hint = fault.Remedy
	}
	return f
}
