package ingest

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gfxsync/gfxsync/store/fileid"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/reconcile/state"
	"github.com/gfxsync/gfxsync/reconcile/state/statetest"
	"github.com/gfxsync/gfxsync/store"
)

// allHashes is a table with one row for each content.
type allHashes struct{}

func (allHashes) Scope(string) string                                  { return "" }
func (allHashes) Written(context.Context, state.View, ...*int64) error { return nil }

// place is an Ingest of one root that examines nothing by itself, and delivers nothing.
type place struct {
	*Ingest
	*state.State
	dir string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	s := statetest.Open(t)
	p := &place{State: s, dir: filepath.Join(t.TempDir(), "root")}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.Ingest = New(Config{
		Roots: []hashindex.Root{{Dir: p.dir, Live: new(hashindex.Liveness)}}, State: s, Hash: hashindex.XXH3,
		Delivery: store.NewDelivery(nil, nil, store.DeliveryOptions{}), Rows: allHashes{},
		MaxFileSize: 1 << 20, SettleLimit: 5 * time.Second, PCID: func(string) string { return "PC" }, Noticed: func(Notice) {},
		Logger: slog.New(slog.DiscardHandler),
	})
	p.RootSeen("", p.identity(t))
	return p
}

func (p *place) identity(t *testing.T) fs.FileInfo {
	t.Helper()
	identity, err := p.root().Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func (p *place) root() *root { return p.roots[""] }

// write writes a file and returns its hash.
func (p *place) write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, path), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return hashindex.XXH3.Sum([]byte(content))
}

// examined examines a file.
func (p *place) examined(t *testing.T, task Task) result {
	t.Helper()
	res, err := p.examine(t.Context(), p.root(), task)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// synced makes a file that the index and the remote have.
func (p *place) synced(t *testing.T, path, content string) (hash string) {
	t.Helper()
	hash = p.write(t, path, content)
	res := p.examined(t, taskFor(path))
	p.update(t, func(v state.View) error {
		if err := v.Index.Put(t.Context(), res.entry); err != nil {
			return err
		}
		return v.Index.Acknowledge(t.Context(), res.entry.ID, hash, time.Now())
	})
	res.item.Done()
	return hash
}

func (p *place) update(t *testing.T, f func(state.View) error) {
	t.Helper()
	if err := p.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// entry returns what the index says of a file.
func (p *place) entry(t *testing.T, path string) hashindex.Entry {
	t.Helper()
	e, _, err := p.Index.Get(t.Context(), fileid.ID{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
