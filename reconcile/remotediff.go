package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gfxsync/gfxsync/hashindex"
	"github.com/gfxsync/gfxsync/store"
)

// hashPage is how many hashes are asked for at a time: the default of PostgREST's max-rows on Supabase.
const hashPage = 1000

// afterAll sorts after every hash, as it does after a prefix after every hash with that prefix.
const afterAll = "g"

// remoteDiff compares the hashes that the index takes the remote to have with those that it has: by the digests of both, then
// only where those differ.
type remoteDiff struct {
	index hashindex.Index
	table store.Table
	hint  func(error)                                    // why there is no digest
	lost  func(ctx context.Context, hash []string) error // the index takes the remote to have these, and it has not
	found func(ctx context.Context, hash []string) error // the remote has these, and the index did not know
}

func (d *remoteDiff) run(ctx context.Context) error {
	// What is acknowledged from here on may be missing in the pages that are read: it is in flight, not lost.
	mark, err := d.index.RemoteMark(ctx)
	if err != nil {
		return err
	}
	known, err := d.index.RemoteDigest(ctx)
	if err != nil {
		return err
	}
	remote, err := d.table.Digest(ctx)
	if errors.Is(err, store.ErrNoDigest) || err != nil && store.ClassOf(err) == store.TooMuch {
		d.hint(err)
		return d.compare(ctx, "", mark, nil)
	}
	if err != nil {
		return fmt.Errorf("read the digest: %w", err)
	}
	return d.compareDiffering(ctx, mark, hashindex.Digest(remote), known)
}

func (d *remoteDiff) compareDiffering(ctx context.Context, mark int64, remote, known hashindex.Digest) error {
	var differing []int
	var rows int64
	for i := range remote {
		rows += remote[i].Rows
		if remote[i] != known[i] {
			differing = append(differing, i)
		}
	}
	if int64(len(differing)) > rows/hashPage+1 {
		return d.compare(ctx, "", mark, nil) // the whole table takes fewer pages
	}
	for _, i := range differing {
		var want hashindex.Digest
		want[i] = remote[i]
		if err := d.compare(ctx, fmt.Sprintf("%02x", i), mark, &want); err != nil {
			return err
		}
	}
	return nil
}

// compare goes through the remote's hashes with a prefix, page by page, beside the index's. A short page is no sign of the end:
// the end is an empty page, a hash beyond the prefix, or having read what the digest promised.
func (d *remoteDiff) compare(ctx context.Context, prefix string, mark int64, want *hashindex.Digest) error {
	var read hashindex.Digest
	at, local := cursor{after: prefix}, prefix
	for end := false; !end; {
		page, err := d.table.Hashes(ctx, at.after, hashPage)
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
				continue // of another agent, with other habits: never ours, and in no order that we could follow
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
		if err := d.merge(ctx, hashes, local, upper, mark); err != nil {
			return err
		}
		local = upper
	}
	return nil
}

// merge compares the remote's hashes with the index's in the same range: above after, and not above upper.
func (d *remoteDiff) merge(ctx context.Context, remote []string, after, upper string, mark int64) error {
	previous := after
	for _, h := range remote {
		if h <= previous {
			return fmt.Errorf("the remote sorts %s before %s: its column file_hash must sort as with the collation \"C\"", previous, h)
		}
		previous = h
	}
	var lost, found []string
	for more := true; more; {
		known, err := d.index.RemoteRange(ctx, after, upper, mark, hashPage)
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
		if more = len(known) == hashPage; more {
			after = known[len(known)-1]
		}
	}
	return d.report(ctx, lost, append(found, remote...))
}

func (d *remoteDiff) report(ctx context.Context, lost, found []string) error {
	if len(lost) > 0 {
		if err := d.lost(ctx, lost); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return d.found(ctx, found)
	}
	return nil
}

func wellFormed(hash string) bool {
	return len(hash) >= 16 && strings.Trim(hash, "0123456789abcdef") == ""
}
