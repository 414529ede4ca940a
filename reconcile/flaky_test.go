package reconcile

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/gfxsync/gfxsync/store"
)

// flaky is a remote that misbehaves on command.
type flaky struct {
	store.Table

	mu        sync.Mutex
	down      bool            // nothing is done, and everything fails
	afterDone int             // so many upserts are done, and fail nevertheless
	rejects   map[string]bool // hashes that are not acceptable
	failing   map[string]bool // calls that fail, by their names
	calls     map[string]int  // how often each was made
	pageSize  int             // if not 0, the most hashes in an answer
	noDigest  bool            // there is no digest view
	before    func(call string)
	after     func() // called after each page that was read
}

func newFlaky(table store.Table) *flaky {
	return &flaky{Table: table, rejects: map[string]bool{}, failing: map[string]bool{}, calls: map[string]int{}}
}

func (f *flaky) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *flaky) setDown(down bool) { f.change(func() { f.down = down }) }

// onCall has hook called before every call, with its name; it may block. A nil hook is none.
func (f *flaky) onCall(hook func(call string)) { f.change(func() { f.before = hook }) }

func (f *flaky) rejected() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.rejects)
}

// counted returns how often the calls were made since it was last asked.
func (f *flaky) counted(calls ...string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range calls {
		n += f.calls[c]
		delete(f.calls, c)
	}
	return n
}

func (f *flaky) OfPC(string) store.Table { return f }

func outage(message string) error { return &store.RemoteError{Class: store.Outage, Message: message} }

func (f *flaky) begin(call string) error {
	f.mu.Lock()
	hook := f.before
	f.mu.Unlock()
	if hook != nil {
		hook(call)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[call]++
	if f.down || f.failing[call] {
		return outage("nobody answers " + call)
	}
	return nil
}

func (f *flaky) Upsert(ctx context.Context, records []store.Record) error {
	if err := f.begin("upsert"); err != nil {
		return err
	}
	f.mu.Lock()
	for i := range records {
		if f.rejects[records[i].FileHash] {
			f.mu.Unlock()
			return &store.RemoteError{Class: store.Rejected, Code: "22P05", Message: "this row is not acceptable"}
		}
	}
	f.mu.Unlock()
	if err := f.Table.Upsert(ctx, records); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.afterDone > 0 {
		f.afterDone--
		return outage("the answer was lost")
	}
	return nil
}

func (f *flaky) Ping(ctx context.Context) error {
	if err := f.begin("ping"); err != nil {
		return err
	}
	return f.Table.Ping(ctx)
}

func (f *flaky) Digest(ctx context.Context) (store.Digest, error) {
	if err := f.begin("digest"); err != nil {
		return store.Digest{}, err
	}
	if f.noDigest {
		return store.Digest{}, fmt.Errorf("%w, as it was told", store.ErrNoDigest)
	}
	return f.Table.Digest(ctx)
}

func (f *flaky) Hashes(ctx context.Context, after string, limit int) ([]string, error) {
	if err := f.begin("hashes"); err != nil {
		return nil, err
	}
	if f.pageSize > 0 {
		limit = min(limit, f.pageSize)
	}
	page, err := f.Table.Hashes(ctx, after, limit)
	f.mu.Lock()
	hook := f.after
	f.mu.Unlock()
	if hook != nil {
		hook()
	}
	return page, err
}

func (f *flaky) Has(ctx context.Context, hashes []string) ([]string, error) {
	if err := f.begin("has"); err != nil {
		return nil, err
	}
	return f.Table.Has(ctx, hashes)
}

func (f *flaky) Delete(ctx context.Context, hashes []string) error {
	if err := f.begin("delete"); err != nil {
		return err
	}
	return f.Table.Delete(ctx, hashes)
}
