package reconcile

import (
	"cmp"
	"errors"
	"io/fs"
	"strings"

	"github.com/gfxsync/gfxsync/hashindex"
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

// scope is that part of the files and rows in which the contents of a root are compared with the remote: the root's own, where the
// remote has a row for each PC, else all of them.
func (c *Config) scope(label string) string {
	if c.Delivery.Conflict == store.ByPCAndHash {
		return label
	}
	return ""
}

func (c *Config) scopes() []string {
	if c.Delivery.Conflict != store.ByPCAndHash {
		return []string{""}
	}
	return c.labels()
}

func (c *Config) labels() (labels []string) {
	for _, r := range c.Roots {
		labels = append(labels, r.Label)
	}
	return labels
}

// table is the remote's part that belongs to a scope.
func (c *Config) table(scope string) store.Table { return c.Remote.Of(c.pcID(scope)) }

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

// rootIdentities are the identities of the roots in which files were last seen, by label.
type rootIdentities map[string]fs.FileInfo

// rootSeen notes the identity of the root in which a scan has seen files, or an emptiness that it may believe.
func (in *intake) rootSeen(label string, identity fs.FileInfo) {
	in.rootsMu.Lock()
	defer in.rootsMu.Unlock()
	in.roots[label] = identity
}

// rootStands says whether the root is still the one in which files were last seen. While it is not, nothing can be concluded of any
// file: a share that is lost looks like an empty folder, or like files that cannot be read.
func (in *intake) rootStands(label string) bool {
	in.rootsMu.Lock()
	identity := in.roots[label]
	in.rootsMu.Unlock()
	return identity != nil && in.cfg.root(label).Is(identity)
}
