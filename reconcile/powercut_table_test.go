package reconcile

import (
	"context"
	"slices"
	"sync"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// cutTable is a table in memory that knows, of each row, how long the write-ahead log was when it came.
type cutTable struct {
	store.Table // what is not called

	mu   sync.Mutex
	down bool
	rows map[string]int64 // by hash
	now  func() int64
}

func newCutTable(now func() int64) *cutTable { return &cutTable{rows: map[string]int64{}, now: now} }

// at returns a table with the rows that had come when the log was longer than when they came, however little.
func (c *cutTable) at(length int64) *cutTable {
	then := newCutTable(func() int64 { return 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	for hash, came := range c.rows {
		if came < length {
			then.rows[hash] = came
		}
	}
	return then
}

func (c *cutTable) setDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// has says whether all of the hashes are there.
func (c *cutTable) has(hashes ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(hashes, func(hash string) bool { _, ok := c.rows[hash]; return !ok })
}

// lacks returns those of the hashes that are not there.
func (c *cutTable) lacks(hashes []string) (missing []string) {
	for _, hash := range hashes {
		if !c.has(hash) {
			missing = append(missing, hash)
		}
	}
	return missing
}

func (c *cutTable) Upsert(_ context.Context, records []store.Record) error {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return outage("nobody answers")
	}
	for i := range records {
		if _, there := c.rows[records[i].FileHash]; !there {
			c.rows[records[i].FileHash] = now
		}
	}
	return nil
}

func (c *cutTable) Ping(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return outage("nobody answers")
	}
	return nil
}

func (c *cutTable) Digest(ctx context.Context) (store.Digest, error) {
	var d hashindex.Digest
	if err := c.Ping(ctx); err != nil {
		return store.Digest(d), err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for hash := range c.rows {
		d.Add(hash)
	}
	return store.Digest(d), nil
}

func (c *cutTable) Hashes(ctx context.Context, after string, limit int) (page []string, err error) {
	if err := c.Ping(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for hash := range c.rows {
		if hash > after {
			page = append(page, hash)
		}
	}
	slices.Sort(page)
	return page[:min(len(page), limit)], nil
}

func (c *cutTable) OfPC(string) store.Table { return c }
func (c *cutTable) Requests() int64         { return 0 }
func (c *cutTable) Close() error            { return nil }
