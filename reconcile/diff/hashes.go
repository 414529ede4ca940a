package diff

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// Page is how many rows are asked for at a time: the default of PostgREST's max-rows on Supabase.
const Page = 1000

// afterAll sorts after every hash. Behind a prefix, it sorts after every hash with that prefix.
const afterAll = "g"

// HashIndex is what the index takes a table to have. hashindex.Index is one.
type HashIndex interface {
	RemoteMark(ctx context.Context) (int64, error)
	RemoteDigest(ctx context.Context) (hashindex.Digest, error)
	RemoteRange(ctx context.Context, after, upper string, mark int64, limit int) ([]string, error)
}

// HashTable is a table to compare with. store.Table is one.
type HashTable interface {
	Digest(ctx context.Context) (store.Digest, error)
	Hashes(ctx context.Context, after string, limit int) ([]string, error)
}

// Hashes compares the hashes that the index takes a table to have with those that it has: by the digests of both, and
// then hash by hash where the digests differ.
type Hashes struct {
	Index HashIndex
	Table HashTable
	// NoDigest is told why the table has no digest. Then all of it is read.
	NoDigest func(error)
}

// HashDifference is a part of the differences.
type HashDifference struct {
	Lost  []string // the index takes the table to have these, and it has not
	Found []string // the table has these, and the index does not take it to have them
}

// Run calls each with the differences, a part at a time. What is acknowledged after Run began is no difference. Run
// fails with ErrNoAdvance, the errors of the table, or that of each.
func (d *Hashes) Run(ctx context.Context, each func(HashDifference) error) error {
	// A record that is acknowledged from here on may be missing in the pages that are read. It is not lost.
	mark, err := d.Index.RemoteMark(ctx)
	if err != nil {
		return err
	}
	known, err := d.Index.RemoteDigest(ctx)
	if err != nil {
		return err
	}
	c := hashComparison{Hashes: d, mark: mark, each: each}
	remote, err := d.Table.Digest(ctx)
	if errors.Is(err, store.ErrNoDigest) || err != nil && store.ClassOf(err) == store.TooMuch {
		d.NoDigest(err)
		return c.compare(ctx, "", nil)
	}
	if err != nil {
		return fmt.Errorf("read the digest: %w", err)
	}
	return c.compareDiffering(ctx, hashindex.Digest(remote), known)
}

// hashComparison is one run.
type hashComparison struct {
	*Hashes
	mark int64
	each func(HashDifference) error
}

func (d *hashComparison) compareDiffering(ctx context.Context, remote, known hashindex.Digest) error {
	var differing []int
	var rows int64
	for i := range remote {
		rows += remote[i].Rows
		if remote[i] != known[i] {
			differing = append(differing, i)
		}
	}
	if int64(len(differing)) > rows/Page+1 {
		return d.compare(ctx, "", nil) // the whole table takes fewer pages
	}
	for _, i := range differing {
		var want hashindex.Digest
		want[i] = remote[i]
		if err := d.compare(ctx, fmt.Sprintf("%02x", i), &want); err != nil {
			return err
		}
	}
	return nil
}

// compare goes through the table's hashes with a prefix, page by page, beside the index's. A short page is no sign of
// the end. The end is an empty page, a hash behind the prefix, or the last of what the digest promised.
func (d *hashComparison) compare(ctx context.Context, prefix string, want *hashindex.Digest) error {
	var read hashindex.Digest
	at, local := cursor{after: prefix}, prefix
	for end := false; !end; {
		page, err := d.Table.Hashes(ctx, at.after, Page)
		if err != nil {
			return fmt.Errorf("read the remote's hashes: %w", err)
		}
		if end = len(page) == 0; !end {
			if err := at.next(page); err != nil {
				return err
			}
		}
		var hashes []string
		for _, h := range page {
			if !wellFormed(h) {
				continue // another agent made it: it is never ours, and its place in the order is not known
			}
			if !strings.HasPrefix(h, prefix) {
				end = true
				break
			}
			hashes = append(hashes, h)
			read.Add(h)
		}
		upper := prefix + afterAll
		if end = end || (want != nil && read == *want); !end && len(hashes) > 0 {
			upper = hashes[len(hashes)-1]
		} else if !end {
			continue
		}
		if err := d.merge(ctx, hashes, local, upper); err != nil {
			return err
		}
		local = upper
	}
	return nil
}

// merge compares the table's hashes with the index's in the same range: above after, and not above upper.
func (d *hashComparison) merge(ctx context.Context, remote []string, after, upper string) error {
	previous := after
	for _, h := range remote {
		if h <= previous {
			return fmt.Errorf("the remote sorts %s before %s: its column file_hash must sort as with "+
				"the collation \"C\"", previous, h)
		}
		previous = h
	}
	var lost, found []string
	for more := true; more; {
		known, err := d.Index.RemoteRange(ctx, after, upper, d.mark, Page)
		if err != nil {
			return err
		}
		for _, k := range known {
			for len(remote) > 0 && remote[0] < k {
				found, remote = append(found, remote[0]), remote[1:]
			}
			if len(remote) > 0 && remote[0] == k {
				remote = remote[1:]
			} else {
				lost = append(lost, k)
			}
		}
		if more = len(known) == Page; more {
			after = known[len(known)-1]
		}
	}
	if found = append(found, remote...); len(lost)+len(found) == 0 {
		return nil
	}
	return d.each(HashDifference{Lost: lost, Found: found})
}

func wellFormed(hash string) bool {
	return len(hash) >= 16 && strings.Trim(hash, "0123456789abcdef") == ""
}
