package reconcile

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/diff"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/store"
)

// root returns the root with a label. Every key that is looked at is of a root of the Config.
func (c *Config) root(label string) hashindex.Root {
	for _, r := range c.Roots {
		if r.Label == label {
			return r
		}
	}
	return hashindex.Root{}
}

// pcID is what the column gfx_pc_id says of the files of a root.
func (c *Config) pcID(label string) string { return cmp.Or(label, c.PCID) }

// isOurs says whether a row is of a PC whose files this agent sends, or may be.
func (c *Config) isOurs(pcID string) bool {
	for _, r := range c.Roots {
		if pcID == c.pcID(r.Label) {
			return true
		}
	}
	return pcID == ""
}

func (c *Config) bySession() bool { return c.Delivery.Conflict == store.BySession }

func (c *Config) needsSession() bool { return c.SessionRequired || c.bySession() }

func (c *Config) labels() (labels []string) {
	for _, r := range c.Roots {
		labels = append(labels, r.Label)
	}
	return labels
}

// table is the remote's part that belongs to a scope.
func (c *Config) table(scope string) store.Table { return c.Remote.OfPC(c.pcID(scope)) }

// rootsText names the roots as the setting does.
func (c *Config) rootsText() string {
	var texts []string
	for _, r := range c.Roots {
		texts = append(texts, r.String())
	}
	return show(strings.Join(texts, ";"))
}

// check looks at what would make files of one root pass for those of another.
func (c *Config) check() error {
	if len(c.Roots) == 0 {
		return errors.New("no folder to watch")
	}
	seen := map[string]bool{}
	for _, r := range c.Roots {
		if seen[r.Label] || r.Label == "" && len(c.Roots) > 1 {
			return errors.New("several folders to watch, without a label of its own for each")
		}
		seen[r.Label] = true
	}
	if _, ok := c.Remote.(store.SessionTable); c.bySession() && !ok {
		return errors.New("this remote does not keep one row for each session")
	}
	return nil
}

// folderOf returns the directory that a root was when it was last walked to the end, empty if that is not known.
func folderOf(ctx context.Context, v state.View, root hashindex.Root) (folder string, err error) {
	_, err = v.Notes.Get(ctx, noteFolder+root.Label, &folder)
	return folder, err
}

// noteFolder remembers which directory a root is.
func (a *Agent) noteFolder(ctx context.Context, root hashindex.Root) error {
	now := diff.Folder(root)
	if before, err := folderOf(ctx, a.state.View, root); err != nil || before == now {
		return err
	}
	return a.state.Update(ctx, func(v state.View) error { return v.Notes.Set(ctx, noteFolder+root.Label, now) })
}

// show makes a path fit to print.
func show(path string) string { return norm.NFC.String(path) }
